//! Tables of type regexp.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Count, Folder, ours, pick};
use crate::rules::table;

fn pattern() -> impl Strategy<Value = String> {
    const ATOMS: &[&str] = &[
        "a",
        "b",
        "A",
        "1",
        ".",
        "[ab]",
        "[^a]",
        "[]a]",
        "[[:alpha:]]",
        "[[:digit:]]",
        "[a-c1]",
        "@",
        "\\.",
        "\\/",
        " ",
        "(a)",
        "(b|ab)",
        "(.*)",
        "(a?)(b)",
        "((a)|(b))",
        "\\(a\\)",
        "\\1",
        "x",
        "a{2}",
        "a|b",
        "\\<",
        "(^a)",
        "(b$)",
    ];
    const TAILS: &[&str] = &["", "", "", "", "*", "+", "?", "{1,2}", "{0}"];
    let atom = (pick(ATOMS), pick(TAILS)).prop_map(|(atom, tail)| atom + &tail);
    let body = prop::collection::vec(atom, 1..5).prop_map(|atoms| atoms.concat());
    (pick(&["", "", "^"]), body, pick(&["", "", "$"])).prop_map(|(head, body, tail)| head + &body + &tail)
}

fn condition() -> impl Strategy<Value = String> {
    let negation = pick(&["", "", "", "", "!", "! ", "!!"]);
    let flags = pick(&["", "", "", "", "i", "m", "x", "ix", "ii", "imx"]);
    (negation, pattern(), flags)
        .prop_map(|(negation, pattern, flags)| format!("{negation}/{pattern}/{flags}"))
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let random = "[ab1A@.x /()]{0,6}[abAx1@]";
    let keys = prop::collection::vec(random, 8).prop_map(|keys| keys.into_iter());
    keys.prop_map(|keys| {
        let mut keys: Vec<String> =
            keys.chain(["a", "ab", "aab1", "b.a@A", "a b/x"].map(str::to_owned)).collect();
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
    for _ in 0..250 {
        let (text, keys) = (table(condition().boxed()), keys()).new_tree(&mut runner).unwrap().current();
        let name = folder.table("regexp", &text);
        count.compare(&name, &keys, &folder.ask(&name, &keys), &text);
    }
    count.report("regexp", 300, 20);
}

#[test]
fn the_examples_of_the_manual_answer_as_postmap_does() {
    let text = "# Sender-specified routing\n/[%!@].*[%!@]/  550 Sender-specified routing rejected\n\n\
                /^postmaster@/ OK\nif !/^owner-/\n/^(.*)-outgoing@(.*)$/  550 Use ${1}@${2} instead\nendif\n\
                /^Subject: make money fast/     REJECT\n/^To: friend@public\\.com/  REJECT\n\
                ~^[[:alnum:]+/]{60,}$~          OK\n";
    let keys = [
        "a%b@c@d",
        "a@b!c",
        "Postmaster@example.org",
        "List-Outgoing@Example.org",
        "owner-list-outgoing@example.org",
        "Subject: Make Money FAST",
        "To: friend@publicXcom",
        "To: friend@public.com",
        &"QmFzZTY0Cg".repeat(7),
        "QmFzZTY0Cg",
        "käse-outgoing@bücher.example",
    ]
    .map(str::to_owned);
    let folder = Folder::new();
    let name = folder.table("regexp", text);
    let oracle = folder.ask(&name, &keys);
    let tables = ours(&name).unwrap();
    for key in &keys {
        assert_eq!(tables.lookup(key).unwrap().as_ref(), oracle.answers.get(key), "{key}");
    }
    assert_eq!(oracle.answers.len(), 8, "{:?}", oracle.answers);
}
