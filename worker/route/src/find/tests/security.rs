//! What is validated, and under which names: it must arrive where TLSA records are looked for.

use super::*;

#[test]
fn security_and_canonical_names_stay_with_their_records() {
    let canonical = HostName::parse("real.example", Utf8Names::Refused).unwrap();
    let table = hosts("mx1.example=192.0.2.1 mx2.example=192.0.2.2")
        .mx("example.org", 10, "mx1.example")
        .mx("example.org", 20, "mx2.example")
        .change("example.org", RecordKind::Mx, |reply| reply.secure = true)
        .change("mx2.example", RecordKind::A, |reply| {
            reply.secure = true;
            reply.canonical = Some(canonical.clone());
        });
    // Where DNSSEC is not wanted, nothing is secure, whatever the resolver says.
    for (dns, secure) in [(DnsSupport::Dnssec, true), (DnsSupport::Enabled, false)] {
        let route = run(&table, "example.org", &RouteOptions { dns, ..options() }).unwrap();
        assert_eq!(route.origin, Origin::Mx { best_published: 10, secure, canonical: None });
        let known: Vec<_> = route.candidates.iter().map(|one| (one.secure, one.canonical.clone())).collect();
        assert_eq!(known, [(false, None), (secure, Some(canonical.clone()))]);
    }
}

#[test]
fn a_domain_that_is_an_alias_has_two_names() {
    let canonical = HostName::parse("real.example", Utf8Names::Refused).unwrap();
    let table = hosts("mx1.example=192.0.2.1").mx("example.org", 10, "mx1.example").change(
        "example.org",
        RecordKind::Mx,
        |reply| reply.canonical = Some(canonical.clone()),
    );
    let route = run(&table, "example.org", &options()).unwrap();
    let want = Origin::Mx { best_published: 10, secure: false, canonical: Some(canonical) };
    assert_eq!(route.origin, want);
}
