//! Hosts through the system's lookup, alone and after DNS.

use super::*;

fn native(host: &str, address: &str) -> Table {
    Table::new().system(host, Ok(vec![ip(address)]))
}

#[test]
fn without_dns_every_name_is_a_host_of_the_system() {
    let table = native("example.org", "192.0.2.1").mx("example.org", 10, "mx.example");
    let options = RouteOptions { dns: DnsSupport::Disabled, host_lookup: HostLookup::Dns, ..options() };
    for nexthop in ["example.org", "[example.org]"] {
        let route = assert_route(&table, nexthop, &options, "example.org[192.0.2.1]:25");
        assert_eq!((route.origin, route.fresh_for), (Origin::Host, FRESH_WITHOUT_TTL));
    }
    assert_eq!(table.asked(), [], "DNS was not asked");
}

#[test]
fn native_alone_still_asks_dns_for_exchangers() {
    let table = native("mx.example", "192.0.2.1").mx("example.org", 10, "mx.example");
    let options = RouteOptions { host_lookup: HostLookup::Native, ..options() };
    assert_route(&table, "example.org", &options, "mx.example[192.0.2.1]:25");
    assert_eq!(table.asked(), [("example.org".to_owned(), RecordKind::Mx)]);
}

#[test]
fn the_system_is_asked_only_when_dns_says_not_found() {
    let both = RouteOptions { host_lookup: HostLookup::DnsThenNative, ..options() };
    for outcome in [Outcome::NxDomain, Outcome::NoData, Outcome::AliasLoop] {
        let table = native("a.example", "192.0.2.1")
            .reply("a.example", RecordKind::A, outcome.clone(), DAY)
            .reply("a.example", RecordKind::Aaaa, outcome, DAY);
        assert_route(&table, "[a.example]", &both, "a.example[192.0.2.1]:25");
        assert_eq!(
            run(&table, "[a.example]", &options()).unwrap_err().status.to_string(),
            "5.4.4",
            "dns alone"
        );
    }
    for (outcome, status) in
        [(Outcome::Temporary(Trouble::Timeout), "4.4.3"), (Outcome::Unrecoverable(1), "5.4.3")]
    {
        let table = native("a.example", "192.0.2.1").reply("a.example", RecordKind::A, outcome, DAY);
        assert_eq!(run(&table, "[a.example]", &both).unwrap_err().status.to_string(), status);
    }
    let table = native("a.example", "192.0.2.1").address("a.example", ip("192.0.2.2"));
    assert_route(&table, "[a.example]", &both, "a.example[192.0.2.2]:25");
}

#[test]
fn failures_of_the_system_have_their_status() {
    let options = RouteOptions { host_lookup: HostLookup::Native, ..options() };
    let reason = || "why".to_owned();
    for (failure, status, class) in [
        (SystemFailure::TryAgain(reason()), "4.4.4", Class::Soft),
        (SystemFailure::NotFound(reason()), "5.4.4", Class::Hard),
        (SystemFailure::Other(reason()), "4.3.0", Class::Soft),
        (SystemFailure::Unrecoverable(reason()), "5.3.0", Class::Hard),
    ] {
        let table = Table::new().system("a.example", Err(failure));
        let want = (status, class, "unable to look up host a.example: why");
        assert_error(&table, "[a.example]", &options, want);
    }
}

#[test]
fn disabled_families_are_not_used() {
    let table = Table::new().system("a.example", Ok(vec![ip("192.0.2.1"), ip("2001:db8::1")]));
    let options = RouteOptions { host_lookup: HostLookup::Native, families: Families::Ipv6, ..options() };
    assert_route(&table, "[a.example]", &options, "a.example[2001:db8::1]:25");
}
