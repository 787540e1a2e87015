//! Every form of reference, and the ways in which one can be wrong.

use super::*;

const SET: &[(&str, &str)] = &[
    ("a", "A"),
    ("empty", ""),
    ("via", "<$a>"),
    ("via2", "$via$via"),
    ("loop", "x$pool"),
    ("pool", "${loop}"),
    ("level", "3.6"),
    ("dollar", "$$a"),
];

fn lookup(name: &str) -> Option<Cow<'static, str>> {
    SET.iter().find(|(own, _)| *own == name).map(|(_, text)| Cow::Borrowed(*text))
}

fn run(text: &str) -> Result<String, ExpandError> {
    expand(text, None, &lookup)
}

#[test]
fn every_form_of_reference() {
    for (text, want) in [
        ("$a-$a", "A-A"),
        ("${a}x", "Ax"),
        ("$(a)x", "Ax"),
        ("$unknown.", "."),
        ("$via2", "<A><A>"),
        ("$$a", "$a"),
        ("$dollar", "$a"),
        ("${a?then}", "then"),
        ("${empty?then}", ""),
        ("${a:else}", ""),
        ("${empty:else}", "else"),
        ("${unknown:$a}", "A"),
        ("${a?{yes $a}:{no}}", "yes A"),
        ("${empty ? {yes} : {no $via}}", "no <A>"),
        ("${a?{${empty:{deep}}}:{x}}", "deep"),
        ("$(a?{x}:{y})", "x"),
        ("${a?}", ""),
    ] {
        assert_eq!(run(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn relations() {
    for (text, want) in [
        ("${{$a} == {A} ? {same} : {other}}", "same"),
        ("${{$a} != {A} ? {other} : {same}}", "same"),
        ("${{10} > {9} ? {number} : {text}}", "number"),
        ("${{10} < {9x} ? {text} : {number}}", "text"),
        ("${{a}<={b}?{yes}}", "yes"),
        ("${{a}>={b}?{yes}}", ""),
        ("${{a} == {b} : {else}}", "else"),
        ("${{$level} <level {3.11} ? {old} : {new}}", "old"),
        ("${{$level} >=level {3.6.0} ? {new} : {old}}", "new"),
        ("${{$level} < {3.11} ? {old} : {new}}", "new"),
    ] {
        assert_eq!(run(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let looped = |names: &[&str]| Err(ExpandError::Loop(names.iter().map(|&name| name.to_owned()).collect()));
    assert_eq!(run("$loop"), looped(&["loop", "pool", "loop"]));
    assert_eq!(expand("$a$own", Some("own"), &lookup), looped(&["own", "own"]));
    assert_eq!(run("${a"), Err(ExpandError::Unclosed("${a".into())));
    assert_eq!(run("a $ b"), Err(ExpandError::NoName("$ b".into())));
    assert_eq!(run("${}"), Err(ExpandError::NoName("${}".into())));
    assert_eq!(run("${a!b}"), Err(ExpandError::BadExpression("a!b".into())));
    assert_eq!(run("${a?{b}c}"), Err(ExpandError::BadExpression("a?{b}c".into())));
    assert_eq!(run("${{a} = {b} ? {c}}"), Err(ExpandError::BadExpression("{a} = {b} ? {c}".into())));
    assert_eq!(run("${{x} <level {1} ? {c}}"), Err(ExpandError::NotALevel("x".into())));
    assert_eq!(run("${{} <level {1} ? {c}}"), Err(ExpandError::NotALevel(String::new())));
}

#[test]
fn explosions_end() {
    // Each name refers twice to the next: 2^60 references, none of which yields a single character.
    let doubling = |name: &str| {
        let at: u32 = name.strip_prefix('n')?.parse().ok()?;
        Some(Cow::Owned(if at < 60 { format!("$n{0}$n{0}", at + 1) } else { String::new() }))
    };
    assert_eq!(expand("$n0", None, &doubling), Err(ExpandError::TooLarge));
    let deep = format!("{}x{}", "${a?{".repeat(100), "}}".repeat(100));
    assert_eq!(run(&deep), Err(ExpandError::TooDeep));
}

#[test]
fn references_are_found_without_expanding() {
    assert_eq!(references("$a ${b?$c} $$d ${{$e} == {x}} $(f)"), ["a", "b", "c", "e", "f"]);
}
