//! From a next hop to its TLSA records, over zones with real signatures and a resolver that validates them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml's rule for tests does not see functions outside them"
)]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use route::dns::{AdTrust, Budget, Probe, ProbeResult, Resolver, ResolverOptions, Source};
use route::tlsa::{InsecureHosts, NoTlsa, Tlsa, TlsaFinding};
use route::{
    AddressOrder, AddressPreference, Candidate, Dialect, DnsSupport, Families, HostLookup, MxLookupError,
    Nexthop, NoMxAddress, Origin, OwnAddresses, Route, RouteError, RouteOptions, Services, SrvLookup, Syntax,
    Utf8Names, tlsa,
};
use testkit::Sandbox;
use testkit::lab::{SignedLab, SignedZone, ZoneKind};

/// Long enough never to matter where an answer is expected, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For tests in which nobody answers: short, because all of it is waited for.
const HASTY: Duration = Duration::from_millis(100);

/// TLSA data whose octets tell where it is from.
fn data(mark: u8) -> String {
    format!("{mark:02x}").repeat(32)
}

fn signed_zone() -> SignedZone {
    let mut text = "@ MX 10 mx\nmx A 127.0.1.1\nby-alias MX 10 alias\nalias CNAME link\nlink CNAME mx\n\
        named CNAME bare\nbare A 127.0.1.2\nout CNAME mx.insecure.test.\nout-bare CNAME mx.insecure.test.\n\
        shared A 127.0.1.3\n_25._tcp.shared CNAME _dane\nimplicit A 127.0.1.4\nno-data A 127.0.1.5\n\
        _25._tcp.no-data TXT x\n*.wild A 127.0.1.6\nmany A 127.0.1.7\nshort A 127.0.1.8\n\
        _25._tcp.short TYPE52 \\# 4 030101ff\ngone A 127.0.1.9\n_25._tcp.gone CNAME nothing\n\
        forged A 127.0.1.10\n_25._tcp.forged CNAME _25._tcp.mx.bogus.test.\n\
        old A 127.0.1.11\n_25._tcp.old CNAME _25._tcp.mx.expired.test.\n\
        foreign A 127.0.1.12\n_25._tcp.foreign CNAME _25._tcp.mx.insecure.test.\n\
        ring A 127.0.1.13\n_25._tcp.ring CNAME _ring\n_ring CNAME _ring\nto-bogus CNAME mx.bogus.test.\n"
        .to_owned();
    for (owner, mark) in [
        ("_25._tcp.mx", 1),
        ("_25._tcp.named", 2),
        ("_25._tcp.out", 3),
        ("_dane", 4),
        ("_25._tcp.implicit", 5),
    ] {
        let _ = writeln!(text, "{owner} TLSA 3 1 1 {}", data(mark));
    }
    for mark in 0..60 {
        let _ = writeln!(text, "_25._tcp.many TLSA 3 1 1 {}", data(mark));
    }
    SignedZone::new("signed.test.", ZoneKind::Signed, text)
}

fn lab(sandbox: &Sandbox, dropped: &[&str]) -> SignedLab {
    let own = format!("@ MX 10 mx\nmx A 127.0.2.1\n_25._tcp.mx TLSA 3 1 1 {}\n", data(9));
    let insecure = format!("{own}to-signed MX 10 mx.signed.test.\n");
    let zones = [
        signed_zone(),
        SignedZone::new("insecure.test.", ZoneKind::Unsigned, insecure),
        SignedZone::new("bogus.test.", ZoneKind::Bogus, own.as_str()),
        SignedZone::new("expired.test.", ZoneKind::Expired, own),
    ];
    SignedLab::start_dropping(sandbox, &zones, dropped)
}

fn resolver(server: SocketAddr, timeout: Duration, trust: AdTrust) -> Resolver {
    let source = Source::Servers { servers: vec![server], timeout, attempts: 1 };
    Resolver::new(ResolverOptions { source, trust, cache_size: 100 })
}

fn near(lab: &SignedLab) -> Resolver {
    resolver(lab.resolver(), PATIENT, AdTrust::for_support(DnsSupport::Dnssec))
}

fn budget() -> Budget {
    let now = Instant::now();
    Budget { now, until: now + PATIENT, per_lookup: PATIENT }
}

async fn route_as(resolver: &Resolver, nexthop: &str, dns: DnsSupport) -> Result<Route, RouteError> {
    let services = Services::in_file("/nonexistent");
    let syntax = Syntax { dialect: Dialect::Smtp, utf8: Utf8Names::Converted, services: &services };
    let options = RouteOptions {
        dns,
        host_lookup: HostLookup::Dns,
        families: Families::Ipv4,
        preference: AddressPreference::Any,
        order: AddressOrder::AsFound,
        balance_to: 0,
        no_mx_address: NoMxAddress::AsFound,
        mx_lookup_error: MxLookupError::Respected,
        srv: SrvLookup::default(),
        default_port: 25,
        own: OwnAddresses::default(),
    };
    route::find(resolver, &Nexthop::parse(nexthop, &syntax).unwrap(), &options, budget(), 0).await
}

/// The origin and the only candidate.
async fn only(resolver: &Resolver, nexthop: &str) -> (Origin, Candidate) {
    let route = route_as(resolver, nexthop, DnsSupport::Dnssec).await;
    let route = route.unwrap_or_else(|error| panic!("{nexthop}: {error}"));
    assert_eq!(route.candidates.len(), 1, "{nexthop}");
    (route.origin, route.candidates[0].clone())
}

async fn find(resolver: &Resolver, nexthop: &str) -> TlsaFinding {
    let (_, candidate) = only(resolver, nexthop).await;
    tlsa::find(resolver, &candidate, 25, InsecureHosts::Skipped, budget()).await
}

/// The base domain, and the records' first octets.
fn base(finding: TlsaFinding) -> (String, Vec<u8>) {
    let TlsaFinding::Records { base_domain, records, .. } = finding else { panic!("{finding:?}") };
    (base_domain.to_string(), records.iter().map(|record| record.data[0]).collect())
}

#[tokio::test]
async fn records_are_found_where_rfc_7672_says() {
    let sandbox = Sandbox::new("dane-found");
    let lab = lab(&sandbox, &[]);
    let resolver = near(&lab);
    let mx = |secure| Origin::Mx { best_published: 10, secure, canonical: None };
    for (nexthop, origin, secure, base_domain, mark) in [
        ("signed.test", mx(true), true, "mx.signed.test", 1),
        ("[mx.signed.test]", Origin::Host, true, "mx.signed.test", 1),
        ("implicit.signed.test", Origin::ImplicitMx, true, "implicit.signed.test", 5),
        // Behind two aliases; at the alias, whose target has none; at an alias whose target is not signed.
        ("by-alias.signed.test", mx(true), true, "mx.signed.test", 1),
        ("[named.signed.test]", Origin::Host, true, "named.signed.test", 2),
        ("[out.signed.test]", Origin::Host, false, "out.signed.test", 3),
        // The records themselves behind an alias.
        ("[shared.signed.test]", Origin::Host, true, "shared.signed.test", 4),
        // Too short to match anything, which is for others to say.
        ("[short.signed.test]", Origin::Host, true, "short.signed.test", 255),
        // The exchanger's name is not to be trusted, the host's records are: the caller decides.
        ("to-signed.insecure.test", mx(false), true, "mx.signed.test", 1),
    ] {
        let (told, candidate) = only(&resolver, nexthop).await;
        assert_eq!((told, candidate.secure), (origin, secure), "{nexthop}");
        assert_eq!(base(find(&resolver, nexthop).await), (base_domain.into(), vec![mark]), "{nexthop}");
    }
    let TlsaFinding::Records { records, expires_in, .. } = find(&resolver, "signed.test").await else {
        panic!()
    };
    assert_eq!(records, [Tlsa { usage: 3, selector: 1, matching: 1, data: vec![1; 32] }]);
    assert!(expires_in <= tlsa::LONGEST_KEPT);
    let (_, mut marks) = base(find(&resolver, "[many.signed.test]").await);
    marks.sort_unstable();
    assert_eq!(marks, (0..60).collect::<Vec<_>>(), "more than a datagram holds");
}

#[tokio::test]
async fn hosts_without_records_are_told() {
    let sandbox = Sandbox::new("dane-none");
    let lab = lab(&sandbox, &[]);
    let resolver = near(&lab);
    for (nexthop, reason) in [
        ("[bare.signed.test]", NoTlsa::NotFound),
        ("[no-data.signed.test]", NoTlsa::NotFound),
        ("[gone.signed.test]", NoTlsa::NotFound),
        ("[x.wild.signed.test]", NoTlsa::NotFound),
        ("[out-bare.signed.test]", NoTlsa::NotFound),
        ("[foreign.signed.test]", NoTlsa::NotValidated),
        ("insecure.test", NoTlsa::InsecureHost),
        ("[127.0.1.1]", NoTlsa::NotAName),
    ] {
        assert_eq!(find(&resolver, nexthop).await, TlsaFinding::None { reason }, "{nexthop}");
    }
    assert!(only(&resolver, "[x.wild.signed.test]").await.1.secure, "a wildcard is validated");
    let (_, insecure) = only(&resolver, "insecure.test").await;
    let forced = tlsa::find(&resolver, &insecure, 25, InsecureHosts::Asked, budget()).await;
    assert_eq!(forced, TlsaFinding::None { reason: NoTlsa::NotValidated });
}

#[tokio::test]
async fn records_with_wrong_or_old_signatures_are_not_absent() {
    let sandbox = Sandbox::new("dane-failed");
    let lab = lab(&sandbox, &[]);
    let resolver = near(&lab);
    for host in ["forged.signed.test", "old.signed.test", "ring.signed.test"] {
        assert!(only(&resolver, &format!("[{host}]")).await.1.secure);
        let finding = find(&resolver, &format!("[{host}]")).await;
        let TlsaFinding::Failed { asked, trouble, .. } = finding else { panic!("{host}: {finding:?}") };
        assert_eq!((asked.to_string(), trouble.as_str()), (format!("_25._tcp.{host}"), "server failure"));
    }
    // Where already the address is not to be had, nobody gets as far as TLSA.
    for nexthop in ["bogus.test", "[mx.bogus.test]", "expired.test", "[to-bogus.signed.test]"] {
        let error = route_as(&resolver, nexthop, DnsSupport::Dnssec).await.unwrap_err();
        assert_eq!(error.status.to_string(), "4.4.3", "{nexthop}: {error}");
    }
}

#[tokio::test]
async fn dropped_questions_do_not_turn_dane_off() {
    let sandbox = Sandbox::new("dane-dropped");
    let lab = lab(&sandbox, &["_25._tcp.mx.signed.test."]);
    let (_, candidate) = only(&near(&lab), "signed.test").await;
    assert!(candidate.secure);
    let hasty = resolver(lab.resolver(), HASTY, AdTrust::Local);
    let finding = tlsa::find(&hasty, &candidate, 25, InsecureHosts::Skipped, budget()).await;
    let TlsaFinding::Failed { trouble, .. } = finding else { panic!("{finding:?}") };
    assert_eq!(trouble, "timeout");
}

#[tokio::test]
async fn without_dnssec_nothing_is_secure() {
    let sandbox = Sandbox::new("dane-off");
    let lab = lab(&sandbox, &[]);
    // The authority has the signed records, but does not validate; the others are not to be believed.
    let authority = resolver(lab.authority(), PATIENT, AdTrust::Local);
    let distrusted = resolver(lab.resolver(), PATIENT, AdTrust::Never);
    for (resolver, dns) in [
        (&authority, DnsSupport::Dnssec),
        (&distrusted, DnsSupport::Dnssec),
        (&near(&lab), DnsSupport::Enabled),
    ] {
        let route = route_as(resolver, "signed.test", dns).await.unwrap();
        assert_eq!(route.origin, Origin::Mx { best_published: 10, secure: false, canonical: None });
        let finding = tlsa::find(resolver, &route.candidates[0], 25, InsecureHosts::Skipped, budget()).await;
        assert_eq!(finding, TlsaFinding::None { reason: NoTlsa::InsecureHost });
    }
    let probe = Probe::parse("ns:.").unwrap().unwrap();
    assert_eq!(near(&lab).probe(&probe, budget()).await, ProbeResult::Validates);
    for resolver in [authority, distrusted] {
        assert_eq!(resolver.probe(&probe, budget()).await, ProbeResult::DoesNotValidate);
    }
}
