//! Tables of type pcre.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Count, Folder, ours, pick};
use crate::rules::table;

fn pattern() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    const ATOMS: &[&str] = &[
        "a", "b", "A", "1", ".", "[ab]", "[^a]", "[[:alpha:]]", "\\d", "\\w", "\\S", "\\b", "@", "\\.", "\\/", " ",
        "(a)", "(b|ab)", "(.*)", "(.*?)", "(a?)(b)", "((a)|(b))", "(?:a|b)", "(?=a)", "(?!a)", "(?<=a)", "(?<!b)",
        "(?i)", "(?-i)", "(?<n>a)", "(?>a+)", "(?|(a)|(b))", "\\1", "\\g{-1}", "x", "a{2}", "a|b", "(^a)", "(b$)",
        "\\Qa.\\E", "\\x41", "\\R", "\\K", "\\X", "(*FAIL)", "(?#no)", "é", "[é]", "a++", "\\p{L}", "(?1)",
    ];
    const TAILS: &[&str] = &["", "", "", "", "*", "+", "?", "{1,2}", "{0}", "*?", "++"];
    let atom = (pick(ATOMS), pick(TAILS)).prop_map(|(atom, tail)| atom + &tail);
    let body = prop::collection::vec(atom, 1..5).prop_map(|atoms| atoms.concat());
    (pick(&["", "", "^", "(*UTF)", "(*UCP)"]), body, pick(&["", "", "$", "\\z"]))
        .prop_map(|(head, body, tail)| head + &body + &tail)
}

fn condition() -> impl Strategy<Value = String> {
    let negation = pick(&["", "", "", "", "!", "! ", "!!"]);
    // X is not here: postmap warns of it and uses the rule.
    let flags = pick(&["", "", "", "", "i", "m", "s", "x", "A", "E", "U", "ix", "ii", "imsx", "UA", "q"]);
    (negation, pattern(), flags)
        .prop_map(|(negation, pattern, flags)| format!("{negation}/{pattern}/{flags}"))
        .prop_filter("not supported", |condition| !(condition.contains("\\K") && condition.contains("A")))
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let keys = prop::collection::vec("[ab1A@.x /()é]{0,6}[abAx1@é]", 8);
    keys.prop_map(|keys| {
        let mut keys: Vec<String> =
            keys.into_iter().chain(["a", "ab", "aab1", "b.a@A", "a b/x"].map(str::to_owned)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    })
}

#[test]
fn generated_tables_answer_as_postmap_does_and_are_refused_where_it_warns() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let mut count = Count::default();
    for _ in 0..350 {
        let (text, keys) = (table(condition().boxed()), keys()).new_tree(&mut runner).unwrap().current();
        let name = folder.table("pcre", &text);
        count.compare(&name, &keys, &folder.ask(&name, &keys), &text);
    }
    count.report("pcre", 300, 20);
}

#[test]
fn the_examples_of_the_manual_answer_as_postmap_does() {
    let text = "/^(?!owner-)(.*)-outgoing@(.*)/ 550 Use ${1}@${2} instead\n\
                /^(friend@(?!my\\.domain$).*)$/  550 Stick this in your pipe $1\n\
                /^noddy@my\\.domain$/\n 550 This user is a funny one. You really don't want to send mail to\n them.\n\
                ~^[[:alnum:]+/]{60,}$~          OK\n/^(.*)x$/X $1\n";
    let keys = [
        "List-Outgoing@Example.org",
        "owner-list-outgoing@example.org",
        "friend@example.org",
        "friend@my.domain",
        "noddy@my.domain",
        "noddyx",
        &"QmFzZTY0Cg".repeat(7),
        "käse-outgoing@bücher.example",
    ]
    .map(str::to_owned);
    let folder = Folder::new();
    let name = folder.table("pcre", text);
    let oracle = folder.ask(&name, &keys);
    assert!(oracle.warnings.contains("ignoring obsolete regexp option"), "{}", oracle.warnings);
    let mut count = Count::default();
    count.compare_opened(&ours(&name).unwrap(), &keys, &oracle, text);
    assert_eq!(count.found, 6);
}

#[test]
fn a_search_that_postmap_gives_up_is_an_error_and_one_that_it_does_not_is_not() {
    let folder = Folder::new();
    let name = folder.table("pcre", "/^(a+)+$/ x\n");
    for (length, gives_up) in [(18, false), (40, true)] {
        let keys = [format!("{}b", "a".repeat(length))];
        let oracle = folder.ask(&name, &keys);
        assert_eq!(oracle.warnings.contains("match limit exceeded"), gives_up, "{}", oracle.warnings);
        assert_eq!(ours(&name).unwrap().lookup(&keys[0]).is_err(), gives_up);
    }
}
