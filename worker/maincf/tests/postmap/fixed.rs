//! Tables with fixed keys: those that postmap makes, texthash, inline, static, environ.

use std::fs;
use std::process::Command;

use maincf::tables::TableSpec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Count, Folder, ours, pick};

/// Keys that now and then differ in their case only.
fn key() -> impl Strategy<Value = String> {
    let names = pick(&[
        "user", "User", "USER", "a", "ab", "straße", "STRASSE", "Ärger", "ärger", "όδος", "ΌΔΟΣ", "ıI",
    ]);
    let tails = pick(&[
        "",
        "",
        "@example.org",
        "@Example.NET",
        "+x@a.example",
        "@",
        "=",
        "#",
        "1",
        "[1]",
        "%40",
        "\\",
    ]);
    prop_oneof![
        8 => (names, tails).prop_map(|(name, tail)| name + &tail),
        2 => pick(&[".example.org", "*", "@example.org", "\"a b\"@c", "\"A \\\" b\"@C", "\"\"@x", "10.0.0.1", "[h]:25"]),
        2 => "[a-cA-C]{1,2}",
        1 => "[!$-9;-~]{1,12}",
        // As long as the library of lmdb can hold.
        1 => (1..100_usize).prop_map(|length| "k".repeat(length * 5)),
        1 => any::<char>().prop_filter("text", |c| !c.is_control() && !c.is_whitespace() && *c != '#' && *c != '"' && *c != ':')
            .prop_map(|c| format!("c{c}")),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => pick(&["smtp:[h]:25", "x", "two  words", "OK # no comment", "ünï", "{a}", "$x", "a,b", "\"q\"", "y\n  z"]),
        2 => "[ -~]{0,20}[!-~]",
        1 => (1..2000_usize).prop_map(|length| "v".repeat(length * 7)),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let blank = pick(&[" ", "\t", "   ", "\n ", "\n\t"]);
    let entry = (key(), blank, value(), pick(&["", "", " ", "\t"]))
        .prop_map(|(key, blank, value, end)| key + &blank + &value + &end + "\n");
    let line = prop_oneof![
        20 => entry,
        1 => pick(&["# comment\n", "\n", "  \n", "  # indented\n"]),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

/// What the text has, and what it does not have or has in another case.
fn keys(text: &str, others: Vec<String>) -> Vec<String> {
    let own = text.lines().filter_map(|line| line.split([' ', '\t']).next()).filter(|key| !key.is_empty());
    let mut keys: Vec<String> = own
        .flat_map(|key| [key.to_owned(), key.to_uppercase(), key.to_lowercase(), format!("{key}x")])
        .chain(others)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn generated(runner: &mut TestRunner) -> (String, Vec<String>) {
    let (text, others) = (text(), prop::collection::vec(key(), 10)).new_tree(runner).unwrap().current();
    let keys = keys(&text, others);
    (text, keys)
}

/// Compares tables that a text was made into. A key that is there twice is warned of, and used, on both sides.
fn compare(kind: &str, make: bool) {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let mut count = Count::default();
    for _ in 0..40 {
        let (text, keys) = generated(&mut runner);
        let name = folder.table(kind, &text);
        if make {
            for suffix in ["db", "cdb", "lmdb"] {
                _ = fs::remove_file(folder.file(&format!("table.{suffix}")));
            }
            folder.make(&name);
        }
        let oracle = folder.ask(&name, &keys);
        assert!(oracle.success, "{}", oracle.warnings);
        match ours(&name) {
            Ok(tables) => count.compare_opened(&tables, &keys, &oracle, &text),
            // postmap goes on without the line.
            Err(error) => {
                assert!(oracle.warnings.contains("ignoring this line"), "{error}\n{text}");
                count.refused += 1;
            }
        }
    }
    count.report(kind, 300, 0);
}

#[test]
fn texthash_answers_as_postmap_does() {
    compare("texthash", false);
}

#[test]
fn hash_answers_as_postmap_does() {
    compare("hash", true);
}

#[test]
fn btree_answers_as_postmap_does() {
    compare("btree", true);
}

#[test]
fn cdb_answers_as_postmap_does() {
    compare("cdb", true);
}

#[test]
fn lmdb_answers_as_postmap_does() {
    compare("lmdb", true);
}

#[test]
fn texts_of_hash_tables_without_a_database_answer_as_texthash_does() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let (text, keys) = generated(&mut runner);
    let oracle = folder.ask(&folder.table("texthash", &text), &keys);
    let tables = ours(&folder.table("hash", &text)).unwrap();
    Count::default().compare_opened(&tables, &keys, &oracle, &text);
}

#[test]
fn every_letter_that_has_a_case_is_folded_as_postmap_folds_it() {
    let folder = Folder::new();
    let has_case = |c: &char| c.is_alphabetic() && !(c.to_lowercase().eq([*c]) && c.to_uppercase().eq([*c]));
    // Letters that are younger than the ICU library of Debian 12 have no case there.
    let young = |c: &char| matches!(u32::from(*c), 0xa7cb..=0xa7dc | 0x264 | 0x19b | 0x1c89..=0x1c8a | 0x10d50..=0x10d85 | 0x16ea0..=0x16ed3);
    let letters: Vec<char> = ('\u{80}'..=char::MAX).filter(has_case).filter(|c| !young(c)).collect();
    let text: String = letters.iter().map(|c| format!("k{c} {:x}\n", u32::from(*c))).collect();
    let keys: Vec<String> = letters.iter().map(|c| format!("K{c}")).collect();
    let name = folder.table("texthash", &text);
    let mut count = Count::default();
    count.compare_opened(&ours(&name).unwrap(), &keys, &folder.ask(&name, &keys), "every letter with a case");
    count.report("texthash, letters", 2000, 0);
}

#[test]
fn large_tables_answer_as_postmap_does() {
    let folder = Folder::new();
    let text: String = (0..5000).map(|n| format!("key{n}@Example{}.org value {n}\n", n % 7)).collect();
    let keys: Vec<String> = (0..6000).map(|n| format!("KEY{n}@example{}.org", n % 7)).collect();
    for kind in ["hash", "btree", "cdb", "lmdb"] {
        let name = folder.table(kind, &text);
        _ = fs::remove_file(folder.file("table.db"));
        folder.make(&name);
        let mut count = Count::default();
        count.compare_opened(&ours(&name).unwrap(), &keys, &folder.ask(&name, &keys), kind);
        assert_eq!(count.found, 5000);
        count.report(kind, 5000, 0);
    }
}

#[test]
fn inline_tables_answer_as_postmap_does() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let mut count = Count::default();
    let keys = || pick(&["a", "B", "ab", "User@Example.org", "ä", "*"]);
    // postmap takes a second to complain, so that there is not much of what it complains of.
    let entry = prop_oneof![
        20 => (keys(), pick(&["=", " = ", "= "]), pick(&["x", "y z", "", "a=b", "{v}"]))
            .prop_map(|(key, sign, value)| format!("{{ {key}{sign}{value} }}")),
        20 => (keys(), pick(&["x", "", "a=b"])).prop_map(|(key, value)| format!("{key}={value}")),
        1 => pick(&["a = x", "a", "=x", "{a}", "{a=x", "{a=x}y", "a={v}"]),
    ];
    let entries = (prop::collection::vec(entry, 1..4), pick(&[", ", " ", ",", ",, "]));
    let asked: Vec<String> =
        ["a", "A", "b", "ab", "AB", "user@example.org", "USER@example.org", "Ä", "*", "c"]
            .map(str::to_owned)
            .into();
    for _ in 0..150 {
        let (entries, comma) = entries.new_tree(&mut runner).unwrap().current();
        let name = format!("inline:{{{}}}", entries.join(&comma));
        let oracle = folder.ask(&name, &asked);
        match ours(&name) {
            Err(error) => {
                assert!(!oracle.success, "refused, and postmap does not mind: {error} {name}");
                count.refused += 1;
            }
            Ok(tables) => {
                assert!(oracle.success, "postmap says {} of {name}", oracle.warnings);
                count.compare_opened(&tables, &asked, &oracle, &name);
            }
        }
    }
    count.report("inline", 300, 3);
}

#[test]
fn static_tables_answer_as_postmap_does() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let mut count = Count::default();
    let names =
        ["static:x", "static:smtp:[h]:25", "static:{ two words }", "static:{a{b}}", "static:a}", "static:$x"];
    for name in names {
        let keys: Vec<String> = (0..200).map(|_| key().new_tree(&mut runner).unwrap().current()).collect();
        let oracle = folder.ask(name, &keys);
        // In a list of tables such a name could not be written.
        let own = TableSpec::parse(name).unwrap().open().unwrap();
        for key in &keys {
            assert_eq!(own.lookup(key).unwrap().as_ref(), oracle.answers.get(key), "{key:?} in {name}");
            count.compared += 1;
            count.found += 1;
        }
    }
    count.report("static", 1000, 0);
}

/// Run by the test below, in a process whose environment it has made.
#[test]
#[ignore = "needs an environment of its own"]
fn the_environment_of_a_child_answers_as_postmap_does() {
    let folder = Folder::new();
    let keys: Vec<String> =
        (0..600).flat_map(|n| [format!("v{n}"), format!("V{n}"), format!("ä{n}")]).collect();
    let mut count = Count::default();
    count.compare("environ:x", &keys, &folder.ask("environ:x", &keys), "environment");
    count.report("environ", 900, 0);
}

#[test]
fn the_environment_answers_as_postmap_does() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "fixed::the_environment_of_a_child_answers_as_postmap_does",
        "--ignored",
        "--nocapture",
    ]);
    for n in 0..300 {
        child.env(format!("v{n}"), format!("value {n}=ü"));
        child.env(format!("V{n}"), "in capital letters: not found");
        child.env(format!("ä{n}"), "x");
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    print!("{}", text.lines().find(|line| line.starts_with("environ: ")).unwrap_or_default());
    println!();
}
