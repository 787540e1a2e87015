//! Services: SRV records, and what happens without them.

use crate::case::Want::{Error, Route};
use crate::case::{Case, Who, case};
use route::{DnsSupport, RouteOptions};

pub(crate) fn cases() -> Vec<Case> {
    [records(), who_is_asked(), missing(), failures(), ourselves()].concat()
}

fn on(options: &mut RouteOptions) {
    options.srv.services = vec!["SMTP".into(), "submission".into(), "lmtp".into()];
}

fn ignoring(options: &mut RouteOptions) {
    on(options);
    options.srv.ignore_errors = true;
}

fn falling_back(options: &mut RouteOptions) {
    on(options);
    options.srv.may_be_missing = true;
}

const SRV: &str = "srv secure: mx1.signed.test[127.0.1.1]*:2510 mx2.signed.test[127.0.1.2]*:2520 mx3.signed.test[127.0.1.3]*:2530";
const MX: &str = "mx secure: mx3.signed.test[127.0.1.3]*:25";

fn records() -> Vec<Case> {
    vec![
        case("a service by priority, with its ports", "srv.signed.test", Route(SRV)).with(on),
        case(
            "the service that is named",
            "srv.signed.test:submission",
            Route("srv secure: mx2.signed.test[127.0.1.2]*:587"),
        )
        .with(on),
        case("a service that nobody signed", "insecure.test", Route("srv: mx.insecure.test[127.0.3.1]:2525"))
            .with(on),
        case(
            "a service over LMTP",
            "srv.signed.test:lmtp",
            Route("srv secure: mx1.signed.test[127.0.1.1]*:2424"),
        )
        .with(on)
        .lmtp(),
        case(
            "one record filtered",
            "srv.signed.test",
            Route("srv secure: mx2.signed.test[127.0.1.2]*:2520 mx3.signed.test[127.0.1.3]*:2530"),
        )
        .with(on)
        .of(Who::Filtered(" IN SRV 10 0 2510 mx1.signed.test.", Ok("IGNORE"))),
    ]
}

fn who_is_asked() -> Vec<Case> {
    vec![
        case("SRV is off", "srv.signed.test", Route(MX)),
        case("a port is no service", "srv.signed.test:25", Route(MX)).with(on),
        case("brackets", "[srv.signed.test]", Route("host: srv.signed.test[127.0.1.30]*:25")).with(on),
        case("a number has no service", "127.0.1.1", Route("implicit mx: 127.0.1.1[127.0.1.1]:25")).with(on),
        case(
            "DNS is off for services",
            "hosts-file.example",
            Route("host: hosts-file.example[127.0.4.1]:25"),
        )
        .of(Who::Memory)
        .with(|options| {
            on(options);
            options.dns = DnsSupport::Disabled;
        }),
    ]
}

fn missing() -> Vec<Case> {
    const NONE: &str = "Host or domain name not found. Name service error for name=_smtp._tcp.no-srv.signed.test type=SRV: \
        Host not found";
    const NULL: &str = "Domain _smtp._tcp.srv-null.signed.test does not support SRV requests";
    const GONE: &str =
        "Host or domain name not found. Name service error for name=gone.signed.test type=A: Host not found";
    const ALL: &str =
        "Error looking up name=_smtp._tcp.srv.signed.test type=SRV: DNS reply filter drops all results";
    let filtered = |case: Case| case.of(Who::Filtered(" IN SRV ", Ok("IGNORE")));
    vec![
        case("no service", "no-srv.signed.test", Error("5.4.4", NONE)).with(on),
        case("no service, errors ignored", "no-srv.signed.test", Error("5.4.4", NONE)).with(ignoring),
        case("no service, fallback", "no-srv.signed.test", Route(MX)).with(falling_back),
        case(
            "no service over LMTP, fallback",
            "implicit.signed.test:lmtp",
            Route("host: implicit.signed.test[127.0.1.5]*:24"),
        )
        .with(falling_back)
        .lmtp(),
        case("null service", "srv-null.signed.test", Error("5.1.0", NULL)).with(on),
        case("null service, errors ignored", "srv-null.signed.test", Error("5.1.0", NULL)).with(ignoring),
        case("null service, fallback", "srv-null.signed.test", Route(MX)).with(falling_back),
        case("no host of the service has an address", "srv-gone.signed.test", Error("5.4.4", GONE)).with(on),
        case("no host has an address, fallback", "srv-gone.signed.test", Route(MX)).with(falling_back),
        filtered(case("all of a service filtered", "srv.signed.test", Error("4.7.0", ALL)).with(ignoring)),
        filtered(
            case("all of a service filtered, fallback", "srv.signed.test", Route(MX)).with(falling_back),
        ),
    ]
}

fn failures() -> Vec<Case> {
    const BOGUS: &str = "Host or domain name not found. Name service error for name=_smtp._tcp.srv-bogus.signed.test type=SRV: \
        Host not found, try again";
    const ODD: &str = "Name service error for name=_smtp._tcp.srv-odd.signed.test type=SRV: \
        Malformed or unexpected name server reply";
    const FORMERR: &str = "Host or domain name not found. Name service error for name=_smtp._tcp.formerr-srv.example type=SRV: \
        Non-recoverable error";
    vec![
        case("SERVFAIL for a service", "srv-bogus.signed.test", Error("4.4.3", BOGUS)).with(on),
        case("SERVFAIL for a service, ignored", "srv-bogus.signed.test", Route(MX)).with(ignoring),
        case("SERVFAIL for a service, fallback", "srv-bogus.signed.test", Route(MX)).with(falling_back),
        case("no valid name in a service", "srv-odd.signed.test", Error("5.4.4", ODD)).with(on),
        case("no valid name in a service, ignored", "srv-odd.signed.test", Route(MX)).with(ignoring),
        case("FORMERR for a service", "formerr-srv.example", Error("5.4.3", FORMERR)).with(on).of(Who::Fake),
    ]
}

fn ourselves() -> Vec<Case> {
    const LOOP: &str = "mail for _smtp._tcp.srv-self.signed.test loops back to myself";
    const SECOND: &str = "unable to find primary relay for _smtp._tcp.srv-second.signed.test";
    vec![
        case("we are the service", "srv-self.signed.test", Error("5.4.6", LOOP)).with(on),
        case(
            "we are a service of another port, at ours",
            "srv-self.signed.test:submission",
            Error("5.4.6", "mail for _submission._tcp.srv-self.signed.test loops back to myself"),
        )
        .with(on),
        case(
            "another port of ours",
            "srv-other.signed.test",
            Route("srv secure: self.signed.test[127.0.9.9]*:2525"),
        )
        .with(on),
        case(
            "we are second",
            "srv-backup.signed.test",
            Route("srv secure, we too: mx1.signed.test[127.0.1.1]*:25"),
        )
        .with(on),
        case("the first has no address", "srv-second.signed.test", Error("4.4.4", SECOND)).with(on),
    ]
}
