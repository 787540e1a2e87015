//! Pcre tables: flags, groups, conditions, limits.

use super::*;

fn table(rules: &str) -> Result<Box<dyn Table>, OpenError> {
    TableSpec::parse(&format!("pcre:{{ {rules} }}")).unwrap().open()
}

fn answer(rules: &str, key: &str) -> Option<String> {
    table(rules).unwrap().lookup(key).unwrap()
}

#[test]
fn flags_turn_around_what_holds_without_them() {
    for (rule, key, matches) in [
        ("/ABC/", "abc", true),
        ("/ABC/i", "abc", false),
        ("/ABC/ii", "abc", true),
        ("/^b/", "a\nb", false),
        ("/^b/m", "a\nb", true),
        ("/a.b/", "a\nb", true),
        ("/a.b/s", "a\nb", false),
        ("/a b/x", "ab", true),
        ("/b|^a/A", "ab", true),
        ("/b/A", "ab", false),
        ("/x|b/A", "ab", false),
        ("/a$/E", "a", true),
        ("/a$/", "a\n", true),
        ("/a$/Em", "a\n", true),
    ] {
        assert_eq!(answer(&format!("{{{rule} x}}"), key).is_some(), matches, "{rule} {key:?}");
    }
    assert_eq!(answer("{/^(a+)/U $1}", "aaa").as_deref(), Some("a"));
    assert_eq!(answer("{/^(a+?)/U $1}", "aaa").as_deref(), Some("aaa"));
    assert_eq!(answer("{/(*UTF)^(.+)/U $1}", "ée").as_deref(), Some("é"));
}

#[test]
fn what_a_flag_cannot_do_is_never_not_found() {
    assert!(table("{/a$/E x}").unwrap().lookup("a\n").is_err());
    assert!(table("{/a\\Kb/A x}").is_err());
    assert!(matches!(
        table("{/a/q x}"),
        Err(OpenError::Rule { reason: RuleError::UnknownFlag { flag: 'q', .. }, .. })
    ));
    let ignored = table("{/a/X x}").unwrap();
    assert_eq!(ignored.remarks().len(), 1);
    assert_eq!(ignored.lookup("a").unwrap().as_deref(), Some("x"));
}

#[test]
fn what_only_perl_has_is_there() {
    assert_eq!(
        answer("{/^(?!owner-)(.*)-outgoing@(.*)/ 550 Use ${1}@${2} instead}", "list-outgoing@x.example")
            .as_deref(),
        Some("550 Use list@x.example instead")
    );
    assert_eq!(answer("{/^(?!owner-)(.*)-outgoing@(.*)/ x}", "owner-list-outgoing@x"), None);
    assert_eq!(answer("{/^(?<name>a|b)(?:c)\\1$/ <$1>}", "aca").as_deref(), Some("<a>"));
    assert_eq!(answer("{/(x)?y/ [$1]}", "y").as_deref(), Some("[]"));
    assert_eq!(answer("{if /\\d{2}/},{!/a/ no a},{endif}", "12").as_deref(), Some("no a"));
}

#[test]
fn patterns_match_octets_unless_they_say_otherwise() {
    assert_eq!(answer("{/^.$/ x}", "é"), None);
    assert_eq!(answer("{/^..$/ x}", "é").as_deref(), Some("x"));
    assert_eq!(answer("{/(*UTF)^.$/ x}", "é").as_deref(), Some("x"));
    assert!(table("{/^(.)/ $1}").unwrap().lookup("é").is_err(), "half a character is not text");
}

#[test]
fn a_search_without_end_is_given_up_and_is_not_an_answer() {
    let table = table("{/(a+)+$/ x}, {/./ rest}").unwrap();
    let error = table.lookup(&format!("{}b", "a".repeat(200))).unwrap_err();
    assert!(error.reason.contains("match limit exceeded"), "{error}");
    let own = TableSpec::parse("pcre:{{/(*LIMIT_MATCH=99999999)(a+)+$/ x}}").unwrap().open().unwrap();
    assert!(own.lookup(&format!("{}b", "a".repeat(200))).is_err(), "a pattern cannot raise the limit");
    assert!(table.lookup("a\0b").is_err());
}

#[test]
fn a_place_that_an_error_names_is_the_one_in_the_pattern_as_written() {
    let error = table("{/ab(/U x}").unwrap_err().to_string();
    assert!(error.contains("offset 3"), "{error}");
    let many = format!("{{/{}/ x}}", "(".repeat(3000) + &")".repeat(900));
    assert!(table(&many).is_err());
}

#[test]
fn items_of_the_beginning_stay_there() {
    assert_eq!(start_items("(*UTF)(*LIMIT_MATCH=1)a"), ("(*UTF)(*LIMIT_MATCH=1)", "a"));
    assert_eq!(start_items("a(*UTF)"), ("", "a(*UTF)"));
    assert_eq!(start_items("(*a b)"), ("", "(*a b)"));
    assert_eq!(start_items("(*"), ("", "(*"));
}

proptest::proptest! {
    #[test]
    fn any_pattern_is_read_or_refused(
        pattern in "[ab1.()*+?|^$\\[\\]\\\\{}<>:=!KQE#-]{0,24}", flags in "[imsxAEUX]{0,3}", key in "[ab1\n]{0,12}"
    ) {
        if let Ok(engine) = Pcre::compile(&pattern, &flags) {
            let key = std::ffi::CString::new(key).unwrap();
            let (found, matches) = (engine.find(&key), engine.matches(&key));
            proptest::prop_assert_eq!(found.clone().map(|found| found.is_some()), matches);
            for range in found.into_iter().flatten().flatten().flatten() {
                proptest::prop_assert!(key.to_bytes().get(range).is_some());
            }
        }
    }
}
