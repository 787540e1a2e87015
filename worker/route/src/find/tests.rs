//! Every row of the rules for candidates.

use std::time::Instant;

use super::*;
use crate::dns::{MOST_RECORDS, Outcome, Record, RecordKind, Reply, SystemFailure, Table, Trouble};
use crate::failure::Class;
use crate::hostname::Utf8Names;
use crate::nexthop::{Dialect, Syntax};
use crate::services::Services;

mod failures;
mod security;
mod self_check;
mod system;

/// Nothing shuffled, nothing balanced, both families, port 25, no own address.
pub(in crate::find) fn options() -> RouteOptions {
    RouteOptions {
        dns: DnsSupport::Enabled,
        host_lookup: HostLookup::Dns,
        families: Families::Both,
        preference: AddressPreference::Any,
        order: AddressOrder::AsFound,
        balance_to: 0,
        no_mx_address: NoMxAddress::AsFound,
        mx_lookup_error: MxLookupError::Respected,
        srv: SrvLookup::default(),
        default_port: 25,
        own: OwnAddresses::default(),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A table of `name=address` words; several words may share a name.
fn hosts(text: &str) -> Table {
    text.split_whitespace().fold(Table::new(), |table, word| {
        let (name, address) = word.split_once('=').unwrap();
        table.address(name, ip(address))
    })
}

fn run_as(
    dialect: Dialect,
    table: &Table,
    nexthop: &str,
    options: &RouteOptions,
) -> Result<Route, RouteError> {
    let services = Services::in_file("/nonexistent");
    let syntax = Syntax { dialect, utf8: Utf8Names::Converted, services: &services };
    let nexthop = Nexthop::parse(nexthop, &syntax).unwrap();
    let now = Instant::now();
    let minute = Duration::from_secs(60);
    let budget = Budget { now, until: now + minute, per_lookup: minute };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(find(table, &nexthop, options, budget, 0))
}

fn run(table: &Table, nexthop: &str, options: &RouteOptions) -> Result<Route, RouteError> {
    run_as(Dialect::Smtp, table, nexthop, options)
}

/// `host[address]:port` of every candidate.
fn shown(route: &Route) -> String {
    let one = |candidate: &Candidate| match &candidate.endpoint {
        Endpoint::Inet(to) => format!("{}[{}]:{}", candidate.host, to.ip(), to.port()),
        Endpoint::Unix(path) => format!("{}[{}]", candidate.host, path.display()),
    };
    route.candidates.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn assert_route(table: &Table, nexthop: &str, options: &RouteOptions, want: &str) -> Route {
    let route = run(table, nexthop, options).unwrap_or_else(|error| panic!("{nexthop}: {error:?}"));
    assert_eq!(shown(&route), want, "{nexthop}");
    route
}

fn assert_error(
    table: &Table,
    nexthop: &str,
    options: &RouteOptions,
    want: (&str, Class, &str),
) -> RouteError {
    let error = run(table, nexthop, options).expect_err(nexthop);
    assert_eq!((error.status.to_string().as_str(), error.class, error.text.as_str()), want, "{nexthop}");
    error
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The texts of the log for a name that DNS does not have.
fn no_such(name: &str, kind: &str) -> String {
    format!("Host or domain name not found. Name service error for name={name} type={kind}: Host not found")
}

fn try_again(name: &str, kind: &str) -> String {
    format!("{}, try again", no_such(name, kind))
}

fn no_data(name: &str, kind: &str) -> String {
    let reason = "Host found but no data record of requested type";
    format!("Host or domain name not found. Name service error for name={name} type={kind}: {reason}")
}

fn malformed(name: &str, kind: &str) -> String {
    format!("Name service error for name={name} type={kind}: Malformed or unexpected name server reply")
}

#[test]
fn exchangers_are_tried_by_preference_and_keep_their_names() {
    let table = hosts("mx1.example=192.0.2.1 mx1.example=2001:db8::1 mx2.example=192.0.2.2")
        .mx("example.org", 20, "mx2.example")
        .mx("example.org", 10, "mx1.example");
    let want = "mx1.example[192.0.2.1]:25 mx1.example[2001:db8::1]:25 mx2.example[192.0.2.2]:25";
    let route = assert_route(&table, "Example.Org", &options(), want);
    assert_eq!(route.candidates.iter().map(|one| one.preference).collect::<Vec<_>>(), [10, 10, 20]);
    assert_eq!(route.candidates.iter().map(|one| one.best).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(route.origin, Origin::Mx { best_published: 10, secure: false, canonical: None });
    assert!(!route.i_am_mx);
    assert_route(
        &table,
        "example.org:2525",
        &options(),
        &want.replace(":25 ", ":2525 ").replace("2]:25", "2]:2525"),
    );
}

#[test]
fn the_best_preference_is_that_of_hosts_with_addresses() {
    let table = hosts("mx2.example=192.0.2.2").mx("example.org", 10, "mx1.example").mx(
        "example.org",
        20,
        "mx2.example",
    );
    let route = assert_route(&table, "example.org", &options(), "mx2.example[192.0.2.2]:25");
    assert!(route.candidates[0].best);
    assert_eq!(route.origin, Origin::Mx { best_published: 10, secure: false, canonical: None });
}

#[test]
fn a_null_mx_bounces_whatever_else_is_configured() {
    let table = hosts("example.org=192.0.2.1").mx("example.org", 0, "");
    let ignoring = RouteOptions { mx_lookup_error: MxLookupError::Ignored, ..options() };
    for options in [options(), ignoring] {
        let want = ("5.1.0", Class::Hard, "Domain example.org does not accept mail (nullMX)");
        assert_error(&table, "example.org", &options, want);
    }
    assert_eq!(table.asked().len(), 2, "the address was never asked for");
}

#[test]
fn a_domain_without_mx_is_its_own_exchanger() {
    let no_mx = hosts("example.org=192.0.2.1");
    let unknown_to_mx =
        hosts("example.org=192.0.2.1").reply("example.org", RecordKind::Mx, Outcome::NxDomain, DAY);
    for table in [no_mx, unknown_to_mx] {
        let route = assert_route(&table, "example.org", &options(), "example.org[192.0.2.1]:25");
        assert_eq!((route.origin, route.candidates[0].preference), (Origin::ImplicitMx, 0));
    }
    let want = no_such("example.org", "AAAA");
    assert_error(&Table::new(), "example.org", &options(), ("5.4.4", Class::Hard, &want));
}

#[test]
fn an_alias_loop_is_not_found() {
    let looped = |table: Table, kind| table.reply("example.org", kind, Outcome::AliasLoop, DAY);
    let table = looped(hosts("example.org=192.0.2.1"), RecordKind::Mx);
    assert_route(&table, "example.org", &options(), "example.org[192.0.2.1]:25");
    let table = looped(looped(Table::new(), RecordKind::A), RecordKind::Aaaa);
    let want = ("5.4.4", Class::Hard, "Name server loop for example.org");
    assert_error(&table, "example.org", &options(), want);
}

#[test]
fn exchangers_without_addresses_are_skipped_while_others_resolve() {
    let again = Outcome::Temporary(Trouble::Timeout);
    let table = hosts("mx2.example=192.0.2.2 mx4.example=192.0.2.4")
        .mx("example.org", 10, "mx1.example")
        .mx("example.org", 20, "mx2.example")
        .mx("example.org", 30, "mx3.example")
        .mx("example.org", 40, "mx4.example")
        .reply("mx3.example", RecordKind::A, again.clone(), DAY)
        .reply("mx3.example", RecordKind::Aaaa, again, DAY);
    assert_route(&table, "example.org", &options(), "mx2.example[192.0.2.2]:25 mx4.example[192.0.2.4]:25");
}

#[test]
fn a_number_as_exchanger_is_used() {
    let table = Table::new().mx("example.org", 10, "192.0.2.7");
    assert_route(&table, "example.org", &options(), "192.0.2.7[192.0.2.7]:25");
}

#[test]
fn one_family_is_enough() {
    let table = hosts("a.example=192.0.2.1").reply(
        "a.example",
        RecordKind::Aaaa,
        Outcome::Temporary(Trouble::Timeout),
        DAY,
    );
    assert_route(&table, "[a.example]", &options(), "a.example[192.0.2.1]:25");
}

#[test]
fn only_enabled_families_are_asked() {
    let table = hosts("a.example=192.0.2.1 a.example=2001:db8::1");
    for (families, want, kind) in [
        (Families::Ipv4, "a.example[192.0.2.1]:25", RecordKind::A),
        (Families::Ipv6, "a.example[2001:db8::1]:25", RecordKind::Aaaa),
    ] {
        let before = table.asked().len();
        assert_route(&table, "[a.example]", &RouteOptions { families, ..options() }, want);
        assert_eq!(table.asked()[before..], [("a.example".to_owned(), kind)]);
    }
    let none = RouteOptions { families: Families::None, ..options() };
    for nexthop in ["example.org", "[a.example]", "[192.0.2.1]"] {
        assert_error(&table, nexthop, &none, ("4.4.4", Class::Soft, "all network protocols are disabled"));
    }
}

#[test]
fn literals_need_no_lookup() {
    let table = Table::new();
    let route = assert_route(&table, "[192.0.2.1]:26", &options(), "192.0.2.1[192.0.2.1]:26");
    assert_eq!((route.origin, route.fresh_for), (Origin::Literal, LONGEST_FRESH));
    assert_route(&table, "[ipv6:2001:db8::1]", &options(), "ipv6:2001:db8::1[2001:db8::1]:25");
    let route = assert_route(&table, "192.0.2.1", &options(), "192.0.2.1[192.0.2.1]:25");
    assert_eq!(route.origin, Origin::ImplicitMx, "no exchanger could be asked for");
    assert_eq!(table.asked(), []);

    let text = "Name service error for 2001:db8::1: invalid host or domain name";
    let ipv4 = RouteOptions { families: Families::Ipv4, ..options() };
    assert_error(&table, "[2001:db8::1]", &ipv4, ("5.4.4", Class::Hard, text));
}

#[test]
fn lmtp_names_are_hosts_and_paths_are_paths() {
    let table = hosts("example.org=192.0.2.1 mx.example=192.0.2.2").mx("example.org", 10, "mx.example");
    let lmtp = RouteOptions { default_port: 24, ..options() };
    let route = run_as(Dialect::Lmtp, &table, "inet:example.org", &lmtp).unwrap();
    assert_eq!((shown(&route).as_str(), route.origin), ("example.org[192.0.2.1]:24", Origin::Host));
    let none = RouteOptions { families: Families::None, ..lmtp };
    let route = run_as(Dialect::Lmtp, &table, "unix:private/lmtp", &none).unwrap();
    assert_eq!((shown(&route).as_str(), route.origin.clone()), ("private/lmtp[private/lmtp]", Origin::Unix));
    assert_eq!(route.fresh_for, LONGEST_FRESH);
}

#[test]
fn a_route_is_as_fresh_as_its_shortest_record() {
    let ttl = |seconds: u64| move |reply: &mut Reply| reply.ttl = Some(Duration::from_secs(seconds));
    let table = |mx, a1, a2| {
        hosts("mx1.example=192.0.2.1 mx2.example=192.0.2.2")
            .mx("example.org", 10, "mx1.example")
            .mx("example.org", 20, "mx2.example")
            .change("example.org", RecordKind::Mx, ttl(mx))
            .change("mx1.example", RecordKind::A, ttl(a1))
            .change("mx2.example", RecordKind::A, ttl(a2))
    };
    for (mx, a1, a2, want) in [(5, 6, 7, 5), (6, 5, 7, 5), (7, 6, 5, 5), (0, 6, 7, 0)] {
        let route = run(&table(mx, a1, a2), "example.org", &options()).unwrap();
        assert_eq!(route.fresh_for, Duration::from_secs(want));
    }
    assert_eq!(
        run(&table(1 << 31, 1 << 31, 1 << 31), "example.org", &options()).unwrap().fresh_for,
        LONGEST_FRESH
    );

    // An implicit exchanger lasts no longer than "there is no MX".
    let implicit = |no_mx| {
        hosts("example.org=192.0.2.1").change("example.org", RecordKind::A, ttl(50)).reply(
            "example.org",
            RecordKind::Mx,
            Outcome::NoData,
            Duration::from_secs(no_mx),
        )
    };
    assert_eq!(run(&implicit(7), "example.org", &options()).unwrap().fresh_for, Duration::from_secs(7));
    assert_eq!(run(&implicit(70), "example.org", &options()).unwrap().fresh_for, Duration::from_secs(50));
}

#[test]
fn lists_are_bounded() {
    let addresses = (0..60).map(|last| Record::Address(ip(&format!("192.0.2.{last}")))).collect::<Vec<_>>();
    let table = (0..4).fold(Table::new(), |table, place| {
        let target = format!("mx{place}.example");
        table.mx("example.org", place, &target).reply(
            &target,
            RecordKind::A,
            Outcome::Found(addresses.clone()),
            DAY,
        )
    });
    let route = run(&table, "example.org", &options()).unwrap();
    assert_eq!(route.candidates.len(), MOST_RECORDS);
    let asked = table.asked();
    assert!(asked.iter().all(|(name, _)| name != "mx2.example"), "enough is enough: {asked:?}");
}

#[test]
fn families_are_balanced_after_sorting() {
    let addresses = "mx.example=2001:db8::1 mx.example=2001:db8::2 mx.example=192.0.2.1 mx.example=192.0.2.2";
    let table = hosts(addresses).mx("example.org", 10, "mx.example");
    let options = RouteOptions { preference: AddressPreference::Ipv6, balance_to: 3, ..options() };
    let want = "mx.example[2001:db8::1]:25 mx.example[2001:db8::2]:25 mx.example[192.0.2.1]:25";
    assert_route(&table, "example.org", &options, want);
}
