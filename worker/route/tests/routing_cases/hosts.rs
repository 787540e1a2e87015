//! Hosts: brackets, LMTP, no DNS, the system's own lookup.

use crate::case::Want::{Error, Route};
use crate::case::{Case, Who, case};
use route::{DnsSupport, Families, HostLookup};

pub(crate) fn cases() -> Vec<Case> {
    [literals(), by_dns(), by_system()].concat()
}

fn literals() -> Vec<Case> {
    const OFF: &str = "all network protocols are disabled";
    let none = |case: Case| case.with(|options| options.families = Families::None);
    vec![
        case("an IPv4 literal", "[127.0.1.1]:26", Route("literal: 127.0.1.1[127.0.1.1]:26")),
        case("an IPv6 literal", "[IPv6:::1]", Route("literal: IPv6:::1[::1]:25"))
            .with(|options| options.families = Families::Both),
        case(
            "a literal of a family that is off",
            "[::1]",
            Error("5.4.4", "Name service error for ::1: invalid host or domain name"),
        ),
        case("our own literal", "[127.0.9.9]", Error("5.4.6", "mail for 127.0.9.9 loops back to myself")),
        none(case("no family", "signed.test", Error("4.4.4", OFF))),
        none(case("a socket needs no family", "unix:private/lmtp", Route("unix: unix:private/lmtp"))).lmtp(),
    ]
}

fn by_dns() -> Vec<Case> {
    const GONE: &str =
        "Host or domain name not found. Name service error for name=gone.signed.test type=A: Host not found";
    const BOGUS: &str = "Host or domain name not found. Name service error for name=mx.bogus.test type=A: \
        Host not found, try again";
    const ODD: &str =
        "Name service error for name=odd-alias.signed.test type=A: Malformed or unexpected name server reply";
    const FORMERR: &str = "Host or domain name not found. Name service error for name=formerr-all.example type=A: \
        Non-recoverable error";
    vec![
        case("a host", "[mx1.signed.test]", Route("host: mx1.signed.test[127.0.1.1]*:25")),
        case(
            "a host by port name",
            "[mx1.signed.test]:submission",
            Route("host: mx1.signed.test[127.0.1.1]*:587"),
        ),
        case(
            "a host behind an alias",
            "[host-alias.signed.test]",
            Route("host: host-alias.signed.test[127.0.1.1]*:25"),
        ),
        case(
            "an alias out of signed land",
            "[out.signed.test]",
            Route("host: out.signed.test[127.0.3.1]:25"),
        ),
        case("DNSSEC not wanted", "[mx1.signed.test]", Route("host: mx1.signed.test[127.0.1.1]:25"))
            .with(|options| options.dns = DnsSupport::Enabled),
        case("an LMTP host", "inet:mx1.signed.test", Route("host: mx1.signed.test[127.0.1.1]*:24"))
            .with(|options| options.default_port = 24)
            .lmtp(),
        case("no such host", "[gone.signed.test]", Error("5.4.4", GONE)),
        case("a bogus address", "[mx.bogus.test]", Error("4.4.3", BOGUS)),
        case("an alias to no valid name", "[odd-alias.signed.test]", Error("5.4.4", ODD)),
        case("FORMERR for a host", "[formerr-all.example]", Error("5.4.3", FORMERR)).of(Who::Fake),
        case(
            "our own host",
            "[self.signed.test]",
            Error("5.4.6", "mail for self.signed.test loops back to myself"),
        ),
        case(
            "our own host, another port",
            "[self.signed.test]:587",
            Route("host: self.signed.test[127.0.9.9]*:587"),
        ),
    ]
}

fn by_system() -> Vec<Case> {
    let native = |case: Case| case.of(Who::Memory).with(|options| options.host_lookup = HostLookup::Native);
    const GONE: &str = "Host or domain name not found. Name service error for name=hosts-file.example type=A: Host not found";
    vec![
        case("in the hosts file, not asked", "[hosts-file.example]", Error("5.4.4", GONE)).of(Who::Memory),
        case(
            "in the hosts file, asked second",
            "[hosts-file.example]",
            Route("host: hosts-file.example[127.0.4.1]:25"),
        )
        .of(Who::Memory)
        .with(|options| options.host_lookup = HostLookup::DnsThenNative),
        native(case(
            "in the hosts file",
            "[hosts-file.example]",
            Route("host: hosts-file.example[127.0.4.1]:25"),
        )),
        case("DNS is off", "hosts-file.example", Route("host: hosts-file.example[127.0.4.1]:25"))
            .of(Who::Memory)
            .with(|options| options.dns = DnsSupport::Disabled),
        native(case(
            "the system does not know now",
            "[busy.example]",
            Error("4.4.4", "unable to look up host busy.example: Temporary failure in name resolution"),
        )),
        native(case(
            "the system does not know at all",
            "[gone.example]",
            Error("5.4.4", "unable to look up host gone.example: Name or service not known"),
        )),
        native(case(
            "the system is in trouble",
            "[full.example]",
            Error("4.3.0", "unable to look up host full.example: Memory allocation failure"),
        )),
        native(case(
            "the system gives up",
            "[broken.example]",
            Error("5.3.0", "unable to look up host broken.example: Non-recoverable failure"),
        )),
    ]
}
