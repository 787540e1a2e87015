//! Every form of the destination syntax.

use super::*;
use crate::failure::{Class, RouteError};

fn services() -> Services {
    Services::in_file("/nonexistent")
}

fn parse_with(text: &str, dialect: Dialect, utf8: Utf8Names) -> Result<Nexthop, NexthopError> {
    Nexthop::parse(text, &Syntax { dialect, utf8, services: &services() })
}

fn smtp(text: &str) -> Result<Nexthop, NexthopError> {
    parse_with(text, Dialect::Smtp, Utf8Names::Converted)
}

fn lmtp(text: &str) -> Result<Nexthop, NexthopError> {
    parse_with(text, Dialect::Lmtp, Utf8Names::Converted)
}

fn name(text: &str) -> HostName {
    HostName::parse(text, Utf8Names::Converted).unwrap()
}

fn mx(text: &str) -> Kind {
    Kind::Mx(Host::Name(name(text)))
}

fn host(text: &str) -> Kind {
    Kind::Host(name(text))
}

fn literal(text: &str) -> Kind {
    Kind::Literal(text.parse().unwrap())
}

/// Kind, domain, service as written, port with 9 as default.
type Want<'a> = (Kind, &'a str, Option<&'a str>, u16);

fn check(parsed: Result<Nexthop, NexthopError>, want: Want<'_>) {
    let nexthop = parsed.unwrap();
    let got = (nexthop.kind().clone(), nexthop.domain(), nexthop.service(), nexthop.port_or(9));
    assert_eq!(got, want, "{}", nexthop.text());
}

#[test]
fn smtp_forms() {
    let cases: &[(&str, Want<'_>)] = &[
        ("example.org", (mx("example.org"), "example.org", None, 9)),
        ("Example.ORG", (mx("example.org"), "Example.ORG", None, 9)),
        ("example.org:2525", (mx("example.org"), "example.org", Some("2525"), 2525)),
        ("example.org:submission", (mx("example.org"), "example.org", Some("submission"), 587)),
        ("example.org:65535", (mx("example.org"), "example.org", Some("65535"), 65535)),
        ("example.org:", (mx("example.org"), "example.org", None, 9)),
        ("bücher.example:26", (mx("xn--bcher-kva.example"), "bücher.example", Some("26"), 26)),
        ("[mail.example]", (host("mail.example"), "mail.example", None, 9)),
        ("[mail.example]:", (host("mail.example"), "mail.example", None, 9)),
        ("[mail.example]:smtp", (host("mail.example"), "mail.example", Some("smtp"), 25)),
        ("[192.0.2.1]", (literal("192.0.2.1"), "192.0.2.1", None, 9)),
        ("[192.0.2.1]:25", (literal("192.0.2.1"), "192.0.2.1", Some("25"), 25)),
        ("[ipv6:2001:db8::1]:25", (literal("2001:db8::1"), "ipv6:2001:db8::1", Some("25"), 25)),
        ("[IPv6:2001:db8::1]", (literal("2001:db8::1"), "IPv6:2001:db8::1", None, 9)),
        ("[2001:db8::1]", (literal("2001:db8::1"), "2001:db8::1", None, 9)),
        ("192.0.2.1", (Kind::Mx(Host::Address("192.0.2.1".parse().unwrap())), "192.0.2.1", None, 9)),
        // SMTP knows no `unix:` and `inet:`: hosts may have these names.
        ("unix:25", (mx("unix"), "unix", Some("25"), 25)),
        ("inet:smtp", (mx("inet"), "inet", Some("smtp"), 25)),
    ];
    for (text, want) in cases {
        check(smtp(text), want.clone());
    }
}

#[test]
fn lmtp_forms() {
    let cases: &[(&str, Want<'_>)] = &[
        ("example.org", (host("example.org"), "example.org", None, 9)),
        ("example.org:lmtp", (host("example.org"), "example.org", Some("lmtp"), 24)),
        ("192.0.2.1:26", (literal("192.0.2.1"), "192.0.2.1", Some("26"), 26)),
        ("inet:mail.example", (host("mail.example"), "mail.example", None, 9)),
        ("inet:mail.example:2003", (host("mail.example"), "mail.example", Some("2003"), 2003)),
        ("inet:[192.0.2.1]:26", (literal("192.0.2.1"), "192.0.2.1", Some("26"), 26)),
        ("inet:[ipv6:::1]", (literal("::1"), "ipv6:::1", None, 9)),
        ("unix:private/lmtp", (Kind::Unix("private/lmtp".into()), "private/lmtp", None, 9)),
        ("unix:/run/a b,c", (Kind::Unix("/run/a b,c".into()), "/run/a b,c", None, 9)),
    ];
    for (text, want) in cases {
        check(lmtp(text), want.clone());
    }
}

#[test]
fn table_keys_have_brackets_and_port_but_no_inet() {
    assert_eq!(lmtp("inet:[mail.example]:24").unwrap().text(), "[mail.example]:24");
    assert_eq!(smtp("example.org:26").unwrap().text(), "example.org:26");
    assert_eq!(lmtp("unix:private/lmtp").unwrap().text(), "unix:private/lmtp");
}

#[test]
fn mistakes_are_named() {
    use NexthopError as E;
    type Wrong = fn(String) -> E;
    let cases: &[(&str, Wrong)] = &[
        ("[mail.example", E::Unclosed),
        ("[", E::Unclosed),
        ("[mail.example]x", E::AfterBracket),
        ("[mail.example]25", E::AfterBracket),
        ("[]", E::NoHost),
        ("[]:25", E::NoHost),
        (":25", E::NoHost),
        ("", E::NoHost),
        ("mail_.-x", E::NotAHost),
        ("[ipv6:192.0.2.1]", E::NotAHost),
        ("[ipv6:mail.example]", E::NotAHost),
        ("2001:db8::1", E::NotAHost),
        ("mail..example", E::NotAHost),
        ("mail.example.", E::NotAHost),
        ("[192.0.2.256]", E::NotAHost),
        ("a/b", E::NotAHost),
        ("mail.example:0", E::MalformedService),
        ("mail.example:65536", E::MalformedService),
        ("mail.example:25x", E::MalformedService),
        ("mail.example:99999999999999999999", E::MalformedService),
    ];
    for (text, error) in cases {
        assert_eq!(smtp(text), Err(error((*text).into())), "{text:?}");
    }
    for service in ["+25", "-1", "nosuch"] {
        let text = format!("mail.example:{service}");
        let service = service.into();
        assert_eq!(smtp(&text), Err(E::UnknownService { service, text: text.clone() }));
    }
    assert_eq!(
        parse_with("bücher.example", Dialect::Smtp, Utf8Names::Refused),
        Err(E::NotAHost("bücher.example".into()))
    );
}

#[test]
fn socket_paths_must_fit() {
    let fits = format!("unix:{}", "a".repeat(LONGEST_SOCKET_PATH));
    assert!(lmtp(&fits).is_ok());
    for text in ["unix:".to_owned(), format!("{fits}a"), "unix:a\0b".to_owned()] {
        assert_eq!(lmtp(&text), Err(NexthopError::SocketPath(text)));
    }
}

#[test]
fn mistakes_defer_with_4_3_5() {
    let error = RouteError::from(&smtp("[mail.example").unwrap_err());
    assert_eq!(error.status.to_string(), "4.3.5");
    assert_eq!(error.class, Class::Configuration);
    assert_eq!(error.text, "missing \"]\" in server description: [mail.example");
    assert_eq!(RouteError::from(&lmtp("unix:").unwrap_err()).text, "Server configuration error");
}

#[test]
fn lists_are_tried_from_left_to_right() {
    let list = |text, dialect| {
        let (utf8, services) = (Utf8Names::Converted, services());
        Nexthop::parse_list(text, &Syntax { dialect, utf8, services: &services })
            .map(|list| list.iter().map(|nexthop| nexthop.text().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(list(" a.example,[b]:26 \tc ,, d", Dialect::Smtp).unwrap(), ["a.example", "[b]:26", "c", "d"]);
    assert_eq!(list("inet:a, b:26", Dialect::Lmtp).unwrap(), ["a", "b:26"]);
    assert_eq!(list("unix:/run/a, b", Dialect::Lmtp).unwrap(), ["unix:/run/a, b"]);
    for empty in ["", " ", ", ,"] {
        assert_eq!(list(empty, Dialect::Smtp), Err(NexthopError::NoHost(empty.into())));
    }
    assert_eq!(list("a [b", Dialect::Smtp), Err(NexthopError::Unclosed("[b".into())));
}
