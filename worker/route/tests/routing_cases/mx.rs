//! Domains: their exchangers, or the domain's own addresses.

use crate::case::Want::{Error, Hosts, Route};
use crate::case::{Case, Who, case};
use route::{AddressPreference, Families, MxLookupError, NoMxAddress};

const MX: &str = "mx secure: mx1.signed.test[127.0.1.1]*:25 mx2.signed.test[127.0.1.2]*:25";

pub(crate) fn cases() -> Vec<Case> {
    [records(), no_records(), failures(), filter(), lists(), ourselves(), order()].concat()
}

fn records() -> Vec<Case> {
    vec![
        case("exchangers by preference", "signed.test", Route(MX)),
        case("a port of its own", "insecure.test:2525", Route("mx: mx.insecure.test[127.0.3.1]:2525")),
        case("an IDN", "bücher.signed.test", Route("mx secure: mx1.signed.test[127.0.1.1]*:25")),
        case("aliases", "alias.signed.test", Route("mx secure: mx3.signed.test[127.0.1.3]*:25")),
        case("a number for a domain", "127.0.1.1", Route("implicit mx: 127.0.1.1[127.0.1.1]:25")),
        case("a number for an exchanger", "number.signed.test", Route("mx secure: 127.0.1.7[127.0.1.7]:25")),
        case("more records than are used", "cut.signed.test", Hosts(100)),
    ]
}

fn no_records() -> Vec<Case> {
    const NULL: &str = "Domain null.signed.test does not accept mail (nullMX)";
    const MORE: &str = "Domain null-and-more.signed.test does not accept mail (nullMX)";
    const GONE: &str =
        "Host or domain name not found. Name service error for name=gone.signed.test type=A: Host not found";
    const NOTHING: &str = "Host or domain name not found. Name service error for name=nothing.signed.test type=A: \
        Host found but no data record of requested type";
    let ignoring = |case: Case| case.with(|options| options.mx_lookup_error = MxLookupError::Ignored);
    vec![
        case("null MX", "null.signed.test", Error("5.1.0", NULL)),
        ignoring(case("null MX, errors ignored", "null.signed.test", Error("5.1.0", NULL))),
        case("null MX among others", "null-and-more.signed.test", Error("5.1.0", MORE)),
        case("no MX", "implicit.signed.test", Route("implicit mx: implicit.signed.test[127.0.1.5]*:25")),
        case("no such domain", "gone.signed.test", Error("5.4.4", GONE)),
        case("neither MX nor address", "nothing.signed.test", Error("5.4.4", NOTHING)),
    ]
}

macro_rules! again {
    ($name:literal, $kind:literal) => {
        concat!(
            "Host or domain name not found. Name service error for name=",
            $name,
            " type=",
            $kind,
            ": Host not found, try again"
        )
    };
}

fn failures() -> Vec<Case> {
    const ODD: &str =
        "Name service error for name=odd.signed.test type=MX: Malformed or unexpected name server reply";
    const FORMERR: &str = "Host or domain name not found. Name service error for name=formerr-mx.example type=MX: \
        Non-recoverable error";
    let ignoring = |case: Case| case.with(|options| options.mx_lookup_error = MxLookupError::Ignored);
    let fake = |case: Case| case.of(Who::Fake);
    vec![
        case("signatures out of date", "expired.test", Error("4.4.3", again!("expired.test", "MX"))),
        fake(case("SERVFAIL", "servfail-mx.example", Error("4.4.3", again!("servfail-mx.example", "MX")))),
        fake(case("REFUSED", "refused-mx.example", Error("4.4.3", again!("refused-mx.example", "MX")))),
        fake(case("NOTIMP", "notimp-mx.example", Error("4.4.3", again!("notimp-mx.example", "MX")))),
        fake(case("no answer", "silent-mx.example", Error("4.4.3", again!("silent-mx.example", "MX")))),
        fake(ignoring(case(
            "SERVFAIL, ignored",
            "servfail-mx.example",
            Route("implicit mx: servfail-mx.example[192.0.2.1]:25"),
        ))),
        fake(ignoring(case(
            "SERVFAIL for all, ignored",
            "servfail-all.example",
            Error("4.4.3", again!("servfail-all.example", "A")),
        ))),
        fake(case("FORMERR", "formerr-mx.example", Error("5.4.3", FORMERR))),
        fake(ignoring(case(
            "FORMERR, ignored",
            "formerr-mx.example",
            Route("implicit mx: formerr-mx.example[192.0.2.1]:25"),
        ))),
        case("no valid name", "odd.signed.test", Error("5.4.4", ODD)),
        ignoring(case(
            "no valid name, ignored",
            "odd.signed.test",
            Route("implicit mx: odd.signed.test[127.0.1.6]*:25"),
        )),
        case("one valid name", "part-odd.signed.test", Route("mx secure: mx1.signed.test[127.0.1.1]*:25")),
    ]
}

fn filter() -> Vec<Case> {
    const ALL: &str = "Error looking up name=signed.test type=MX: DNS reply filter drops all results";
    const WRONG: &str = "Error looking up name=signed.test type=MX: Invalid DNS reply filter syntax";
    const A: &str = "Error looking up name=mx1.signed.test type=A: DNS reply filter drops all results";
    let filtered = |case: Case, text, action| case.of(Who::Filtered(text, action));
    let ignoring = |case: Case| case.with(|options| options.mx_lookup_error = MxLookupError::Ignored);
    vec![
        filtered(
            case("one exchanger filtered", "signed.test", Route("mx secure: mx2.signed.test[127.0.1.2]*:25")),
            " IN MX 10 mx1.signed.test.",
            Ok("IGNORE"),
        ),
        filtered(
            case("all exchangers filtered", "signed.test", Error("4.7.0", ALL)),
            " IN MX ",
            Ok("ignore"),
        ),
        ignoring(filtered(
            case("all filtered, errors ignored", "signed.test", Error("4.7.0", ALL)),
            " IN MX ",
            Ok("IGNORE"),
        )),
        filtered(
            case("all addresses filtered", "[mx1.signed.test]", Error("4.7.0", A)),
            " IN A 127.0.1.1",
            Ok("IGNORE"),
        ),
        filtered(
            case("one family filtered", "[dual.signed.test]", Route("host: dual.signed.test[127.0.1.4]*:25"))
                .with(|options| options.families = Families::Both),
            " IN AAAA ::2",
            Ok("IGNORE"),
        ),
        filtered(
            case("an unknown filter action", "signed.test", Error("4.4.3", WRONG)),
            " IN MX ",
            Ok("DROP"),
        ),
        filtered(
            case("a filter that fails", "signed.test", Error("4.4.3", WRONG)),
            " IN MX ",
            Err("no table"),
        ),
    ]
}

fn lists() -> Vec<Case> {
    const HARD: &str = "Host or domain name not found. Name service error for name=nothing.signed.test type=A: \
        Host found but no data record of requested type";
    const GONE: &str =
        "Host or domain name not found. Name service error for name=gone.signed.test type=A: Host not found";
    let deferring = |case: Case| case.with(|options| options.no_mx_address = NoMxAddress::Defer);
    vec![
        case(
            "some exchangers fail",
            "some-fail.signed.test",
            Route("mx secure: mx1.signed.test[127.0.1.1]*:25"),
        ),
        case("soft after hard", "hard-soft.signed.test", Error("4.4.3", again!("mx.bogus.test", "A"))),
        case("hard after soft", "soft-hard.signed.test", Error("4.4.4", GONE)),
        case("all exchangers hard", "hard.signed.test", Error("5.4.4", HARD)),
        deferring(case("all exchangers hard, deferred", "hard.signed.test", Error("4.4.4", HARD))),
    ]
}

fn ourselves() -> Vec<Case> {
    vec![
        case(
            "we are a backup",
            "backup.signed.test",
            Route("mx secure, we too: mx1.signed.test[127.0.1.1]*:25"),
        ),
        case(
            "we are the best",
            "we-first.signed.test",
            Error("5.4.6", "mail for we-first.signed.test loops back to myself"),
        ),
        case(
            "a better one has no address",
            "we-second.signed.test",
            Error("4.4.4", "unable to find primary relay for we-second.signed.test"),
        ),
        case(
            "we are the domain",
            "self-implicit.signed.test",
            Error("5.4.6", "mail for self-implicit.signed.test loops back to myself"),
        ),
        case(
            "our address, another port",
            "we-first.signed.test:2525",
            Route("mx secure: self.signed.test[127.0.9.9]*:2525 mx1.signed.test[127.0.1.1]*:2525"),
        ),
    ]
}

fn order() -> Vec<Case> {
    const SIX: &str = "mx secure: dual.signed.test[::2]*:25 dual.signed.test[127.0.1.4]*:25";
    const FOUR: &str = "mx secure: dual.signed.test[127.0.1.4]*:25 dual.signed.test[::2]*:25";
    vec![
        case("IPv6 preferred", "to-dual.signed.test", Route(SIX)).with(|options| {
            (options.families, options.preference) = (Families::Both, AddressPreference::Ipv6);
        }),
        case("IPv4 preferred", "to-dual.signed.test", Route(FOUR)).with(|options| {
            (options.families, options.preference) = (Families::Both, AddressPreference::Ipv4);
        }),
        case("both families within the limit", "balance.signed.test", Hosts(3)).with(|options| {
            (options.families, options.balance_to) = (Families::Both, 3);
        }),
    ]
}
