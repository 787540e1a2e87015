//! Whatever is written in a file, reading it ends and does not panic.

use std::path::Path;

use maincf::tables::{DomainList, ParentMatch, TableList};
use maincf::value::{Feedback, InetInterfaces, Networks, Service, TransportNexthop, Value};
use maincf::{DeliveryConfig, MainCf, Protocol, RelayConfig, params, show, warnings};
use proptest::prelude::*;

/// Text that is likely to look like main.cf.
fn fragments() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "$",
        "${",
        "$(",
        "{",
        "}",
        ")",
        "?",
        ":",
        "==",
        "<level",
        "<",
        "!=",
        " ",
        "\n",
        "\n ",
        "#",
        "=",
        " = ",
        "smtp_mail_timeout",
        "relayhost",
        "transport_maps",
        "a",
        "b",
        "$a",
        "${b?{",
        "}:{",
        "inline:{",
        "static:",
        "texthash:/",
        "1",
        "99999999999999999999",
        "d",
        "/",
        ",",
        "é",
        "\"",
        "\\",
        ".",
        "[",
        "]",
        "::1",
        "@",
        "\r",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

/// Settings that refer to one another in every way, loops included.
fn web() -> impl Strategy<Value = String> {
    let reference = (0..8_u8, 0..4_u8).prop_map(|(name, form)| match form {
        0 => format!("$n{name}"),
        1 => format!("${{n{name}?{{$n{}}}:{{x}}}}", name / 2),
        2 => format!("${{{{$n{name}}} == {{x}} ? {{y}} : {{$n{}}}}}", name / 2),
        _ => "x".into(),
    });
    let line = (0..8_u8, prop::collection::vec(reference, 0..4))
        .prop_map(|(name, values)| format!("n{name} = {}\n", values.concat()));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), fragments()]) {
        if let Ok(mut cf) = MainCf::parse(&text, Path::new("/m")) {
            for protocol in Protocol::ALL {
                _ = DeliveryConfig::load(&cf, protocol);
            }
            _ = RelayConfig::load(&cf);
            _ = warnings(&cf).iter().map(ToString::to_string).collect::<Vec<_>>();
            _ = show::show(&cf, &[], show::Which::InForce, show::Form::Expanded);
            _ = cf.set_option(&text);
        }
    }

    #[test]
    fn any_value_is_parsed_or_refused(text in prop_oneof![any::<String>(), fragments()]) {
        for row in params::rows() {
            _ = (row.check)(&text, row.default);
        }
        _ = (Feedback::parse(&text, ""), Service::parse(&text, ""), TransportNexthop::parse(&text, ""));
        _ = (Networks::parse(&text, ""), InetInterfaces::parse(&text, ""), TableList::parse(&text, ""));
        let list = DomainList::parse(&text.replace('/', ""), "");
        if let Some(Ok(matcher)) = list.ok().map(|list| list.open(ParentMatch::Dotted)) {
            _ = matcher.matches(&text);
        }
    }

    #[test]
    fn expansion_ends_whatever_refers_to_what(text in web(), name in 0..8_u8) {
        let cf = MainCf::parse(&text, Path::new("/m")).unwrap();
        if let Ok(Some(value)) = cf.expanded(&format!("n{name}")) {
            prop_assert!(!value.contains('$'), "{value}");
        }
    }

    #[test]
    fn what_has_no_dollar_stays_as_it_is(text in "[^$]*") {
        prop_assert_eq!(MainCf::none().expand(&text), Ok(text));
    }

    #[test]
    fn a_dollar_written_twice_is_a_dollar(text in any::<String>()) {
        prop_assert_eq!(MainCf::none().expand(&text.replace('$', "$$")), Ok(text));
    }

    #[test]
    fn lines_of_name_and_value_come_back(
        pairs in prop::collection::btree_map("x[a-z_]{1,12}", "[!-~&&[^$]]([ -~&&[^$]]{0,20}[!-~])?", 0..8)
    ) {
        let lines = pairs.iter().map(|(name, value)| format!("# comment\n{name} = {value}\n\n"));
        let text: String = lines.collect();
        let cf = MainCf::parse(&text, Path::new("/m")).unwrap();
        let read: std::collections::BTreeMap<String, String> =
            cf.settings().map(|(name, set)| (name.to_owned(), set.text.clone())).collect();
        prop_assert_eq!(read, pairs);
    }
}
