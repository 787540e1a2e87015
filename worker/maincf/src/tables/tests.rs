//! Lists of tables: which one answers, and types that do not exist.

use super::*;

fn open(text: &str) -> Result<Tables, OpenError> {
    TableList::parse(text, "").unwrap().open()
}

#[test]
fn rules_in_braces_need_something_between_them() {
    assert!(open("regexp:{{/a/ x}, {/b/ y}}").is_ok());
    assert!(open("regexp:{{/a/ x}{/b/ y}}").is_err());
}

#[test]
fn the_first_table_that_knows_answers() {
    let tables = open("inline:{a=1, b=2} inline:{a=3, c=4}").unwrap();
    assert_eq!(tables.lookup("a").unwrap().as_deref(), Some("1"));
    assert_eq!(tables.lookup("c").unwrap().as_deref(), Some("4"));
    assert_eq!(tables.lookup("d").unwrap(), None);
}

#[test]
fn a_failing_table_hides_those_behind_it_but_not_those_before() {
    let tables = open("inline:{a=1}, fail:down, static:x").unwrap();
    assert_eq!(tables.lookup("a").unwrap().as_deref(), Some("1"));
    assert_eq!(
        tables.lookup("b"),
        Err(TableError { table: "fail:down".into(), key: "b".into(), reason: "down".into() })
    );
}

#[test]
fn an_empty_value_is_no_answer_and_an_empty_key_is_not_asked_for() {
    let tables = open("inline:{a=}, static:x").unwrap();
    let error = tables.lookup("a").unwrap_err();
    assert_eq!((error.table.as_str(), error.reason.as_str()), ("inline:{a=}", "an empty value"));
    assert_eq!(tables.lookup("").unwrap(), None);
    assert_eq!(tables.lookup("b").unwrap().as_deref(), Some("x"));
}

#[test]
fn patterns_are_not_asked_for_parts() {
    let tables = open("regexp:{{/a/ pattern}} inline:{a=plain}").unwrap();
    assert_eq!(tables.lookup("a").unwrap().as_deref(), Some("pattern"));
    assert_eq!(tables.lookup_part("a").unwrap().as_deref(), Some("plain"));
}

#[test]
fn types_that_are_not_there_are_named() {
    assert!(matches!(open("ldap:/etc/x"), Err(OpenError::NotBuilt(_))));
    let unknown = SpecError::UnknownType { kind: "texhash".into(), nearest: Some("texthash") };
    assert_eq!(TableSpec::parse("texhash:/x"), Err(unknown));
    for word in ["x", ":x", "static:"] {
        assert_eq!(TableSpec::parse(word), Err(SpecError::NotATable(word.into())));
    }
}
