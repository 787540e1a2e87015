//! Regexp tables: rules, groups, conditions, and what is wrong with them.

use std::io::Write;

use super::*;

fn table(text: &str) -> Result<Box<dyn Table>, OpenError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    TableSpec::parse(&format!("regexp:{}", file.path().display())).unwrap().open()
}

fn answer(text: &str, key: &str) -> Option<String> {
    table(text).unwrap().lookup(key).unwrap()
}

fn wrong(text: &str) -> (String, RuleError) {
    match table(text).unwrap_err() {
        OpenError::Rule { place, reason } => (place.rsplit(':').next().unwrap().to_owned(), reason),
        other => panic!("{other}"),
    }
}

#[test]
fn the_first_match_wins() {
    let text = "# routes\n/^a/  first\n/a/\tsecond \n\n  # no rule\n/./ rest\n";
    assert_eq!(answer(text, "abc").as_deref(), Some("first"));
    assert_eq!(answer(text, "bac").as_deref(), Some("second"));
    assert_eq!(answer(text, "x").as_deref(), Some("rest"));
    assert_eq!(answer(text, ""), None);
}

#[test]
fn flags_turn_around_what_holds_without_them() {
    assert_eq!(answer("/ABC/ x\n", "abc").as_deref(), Some("x"));
    assert_eq!(answer("/ABC/i x\n", "abc"), None);
    assert_eq!(answer("/ABC/ii x\n", "abc").as_deref(), Some("x"));
    assert_eq!(answer("/^b/ x\n", "a\nb"), None);
    assert_eq!(answer("/^b/m x\n", "a\nb").as_deref(), Some("x"));
    assert_eq!(answer("/(a)/x x\n", "a"), None);
    assert_eq!(answer("/\\(A\\)/xi $1\n", "xA").as_deref(), Some("A"));
}

#[test]
fn delimiters_are_what_the_line_begins_with() {
    assert_eq!(answer("~^/etc~ x\n", "/etc/passwd").as_deref(), Some("x"));
    assert_eq!(answer("/^\\/etc/ x\n", "/etc/passwd").as_deref(), Some("x"));
    assert_eq!(answer("\"a b\" c d\n", "a b").as_deref(), Some("c d"));
    assert_eq!(answer("/x/ /y/ z\n", "x").as_deref(), Some("/y/ z"));
}

#[test]
fn a_line_may_go_on_in_the_next_with_all_its_blanks() {
    assert_eq!(answer("/a \n  b/\n  c\n# between\n  d\n", "a   b").as_deref(), Some("c  d"));
}

#[test]
fn negated_patterns_answer_where_they_do_not_match() {
    assert_eq!(answer("!/a/ x\n", "b").as_deref(), Some("x"));
    assert_eq!(answer("!/a/ $$x\n", "b").as_deref(), Some("$x"));
    assert_eq!(answer("! /a/ x\n", "a"), None);
    assert_eq!(answer("!!/a/ x\n", "a").as_deref(), Some("x"));
}

#[test]
fn groups_are_put_in_with_the_key_s_own_case() {
    assert_eq!(
        answer("/^(.*)-out@(.*)$/ 550 ${1}@$(2) $$5, $1\n", "Al-OUT@Ex").as_deref(),
        Some("550 Al@Ex $5, Al")
    );
    assert_eq!(answer("/(x)?y/ [$1]\n", "y").as_deref(), Some("[]"));
    assert_eq!(answer("/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)/ ${10}$1\n", "abcdefghij").as_deref(), Some("ja"));
    assert_eq!(answer("/é(.+)/ $1\n", "éü").as_deref(), Some("ü"));
}

#[test]
fn conditions_nest_and_may_be_negated() {
    let text = "if /a/\n/1/ a1\nIF !/b/\n/2/ a2 without b\nendif\n/3/ a3\nEndif\n/./ rest\n";
    for (key, want) in
        [("a1", "a1"), ("a2", "a2 without b"), ("ab2", "rest"), ("ab3", "a3"), ("2", "rest"), ("1", "rest")]
    {
        assert_eq!(answer(text, key).as_deref(), Some(want), "{key}");
    }
    assert_eq!(answer("if/a/\nendif\nif !/a/\nif /b/\nendif\nendif\n/x/ y\n", "x").as_deref(), Some("y"));
}

#[test]
fn what_means_nothing_is_remarked() {
    let table = table("if /a/ b\n/a/ c\nendif d\n").unwrap();
    assert_eq!(table.remarks().len(), 2);
    assert!(table.remarks()[0].contains(":1: \"b\""), "{:?}", table.remarks());
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("c"));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let no_group = |number, groups| RuleError::NoSuchGroup { number, groups };
    for (text, line, want) in [
        ("/a/ b\n\nabc d\n", "3", RuleError::NotARule),
        ("é/ d\n", "1", RuleError::NotARule),
        ("ifx\n", "1", RuleError::NotARule),
        ("!axa d\n", "1", RuleError::NoDelimiter),
        ("if\n", "1", RuleError::NoDelimiter),
        ("# c\n/a d\n", "2", RuleError::Unclosed('/')),
        ("\\a\\ d\n", "1", RuleError::Unclosed('\\')),
        ("/a/q b\n", "1", RuleError::UnknownFlag { flag: 'q', known: "i, m and x" }),
        ("/a/\n", "1", RuleError::NoResult),
        ("/a/ $0\n", "1", no_group(0, 0)),
        ("/(a)/ $2\n", "1", no_group(2, 1)),
        ("/\\(a\\)/ $1\n", "1", no_group(1, 0)),
        ("/(a)/ $1b\n", "1", RuleError::BadReference("$1b".into())),
        ("/(a)/ ${1?b}\n", "1", RuleError::BadReference("${1?b}".into())),
        ("/(a)/ ${1\n", "1", RuleError::BadReference("${1".into())),
        ("/(a)/ 5$\n", "1", RuleError::BadReference("$".into())),
        ("/(a)/ $99999999999999999999\n", "1", RuleError::BadReference("$99999999999999999999".into())),
        ("!/(a)/ $1\n", "1", RuleError::GroupOfNegated),
        ("/a/ b\nendif\n", "2", RuleError::NoIf),
        ("if /a/\nif /b/\nendif\n/c/ d\n", "1", RuleError::NoEndif),
    ] {
        assert_eq!(wrong(text), (line.to_owned(), want), "{text}");
    }
    assert!(matches!(wrong("/a\\(/ b\n/(/ b\n"), (line, RuleError::BadPattern(_)) if line == "2"));
    assert!(matches!(table("/a/ b\0\n").unwrap_err(), OpenError::Syntax { line: 1, .. }));
}

#[test]
fn an_error_names_the_file_and_the_line() {
    let error = table("/a/ b\n/(a/ b\n").unwrap_err().to_string();
    assert!(error.starts_with('/') && error.contains(":2: bad pattern: Unmatched ( or \\("), "{error}");
}

#[test]
fn a_search_that_tries_all_ways_elsewhere_ends_here() {
    assert_eq!(answer("/^(a+)+$/ x\n/(a|aa)+$/ y\n", &format!("{}b", "a".repeat(2000))), None);
}

#[test]
fn files_patterns_keys_and_results_are_bounded() {
    assert_eq!(wrong(&format!("/{}/ x\n", "a".repeat(5000))).1, RuleError::LongPattern);
    assert_eq!(wrong(&"/a/ x\n".repeat(10_001)).1, RuleError::TooMany(10_000));
    assert!(matches!(wrong(&"# comment\n".repeat(500_000)).1, RuleError::TooLong(_)));
    let doubling = table("/(.*)/ $1$1\n").unwrap();
    assert!(doubling.lookup(&"a".repeat(40_000)).is_err());
    assert!(doubling.lookup(&"a".repeat(70_000)).is_err());
    // As deep as a pattern can be.
    let deep = format!("/{}a{}/ x\n", "(".repeat(2000), ")".repeat(2000));
    assert_eq!(answer(&deep, "a").as_deref(), Some("x"));
}

#[test]
fn what_cannot_be_answered_is_never_not_found() {
    let exact = table("/^good$/ yes\n").unwrap();
    assert!(exact.lookup("good\0bad").is_err(), "a NUL does not hide what follows it");
    let octets = table("/^(.)/ $1\n").unwrap();
    assert!(octets.lookup("é").is_err(), "half a character is not text");
}

#[test]
fn rules_may_stand_in_main_cf() {
    let open = |spec| TableSpec::parse(spec).unwrap().open();
    let table = open("regexp:{ { if /a/ }, {/b{2}/ b $$}, { endif }, { /(.*)/ rest $1 } }").unwrap();
    assert_eq!(table.lookup("abb").unwrap().as_deref(), Some("b $"));
    assert_eq!(table.lookup("ab").unwrap().as_deref(), Some("rest ab"));
    let error = open("regexp:{ { /a/ b }, { /a b } }").unwrap_err().to_string();
    assert!(error.contains("rule 2: no second '/'"), "{error}");
    assert!(matches!(open("regexp:{ /a/ b }"), Err(OpenError::Rule { reason: RuleError::NoBraces, .. })));
}

#[test]
fn missing_files_and_relative_paths_are_errors() {
    let open = |spec| TableSpec::parse(spec).unwrap().open();
    assert!(matches!(open("regexp:/no/such/file"), Err(OpenError::Io { .. })));
    assert!(matches!(open("regexp:file"), Err(OpenError::RelativePath(_))));
}

proptest::proptest! {
    #[test]
    fn any_line_is_read_or_refused(line in "[!/if end$(){}1a\\\\*\\[\\]^~é]{0,40}", key in "[aif1/é]{0,8}") {
        if let Ok(table) = table(&format!("{line}\n")) {
            _ = table.lookup(&key);
        }
    }
}
