//! Tables of regular expressions answer what Debian's postmap(1) answers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use maincf::tables::{TableList, Tables};
use maincf::value::Value;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// The path of Postfix's program; ends the test when it is missing, since a skipped test looks like a passed one.
fn postmap() -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|folder| Path::new(folder).join("postmap"))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("postmap is not installed; tests/run installs what the tests need"))
}

/// A folder with a configuration for postmap.
struct Folder(tempfile::TempDir);

/// What postmap said of a table: its answers, and its warnings.
struct Oracle {
    answers: HashMap<String, String>,
    warnings: String,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
        Self(folder)
    }

    fn table(&self, text: &str) -> String {
        let path = self.0.path().join("table");
        fs::write(&path, text).unwrap();
        format!("regexp:{}", path.display())
    }

    fn ask(&self, table: &str, keys: &[String]) -> Oracle {
        let asked = self.0.path().join("keys");
        fs::write(&asked, keys.join("\n") + "\n").unwrap();
        let mut command = Command::new(postmap());
        command.arg("-c").arg(self.0.path()).args(["-q", "-", table]);
        let output = command.stdin(Stdio::from(File::open(asked).unwrap())).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let pairs = text.lines().map(|line| line.split_once('\t').unwrap());
        Oracle {
            answers: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            warnings: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn pick(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

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

fn line() -> impl Strategy<Value = String> {
    const RESULTS: &[&str] = &[
        "one",
        "two  words ",
        "$$5",
        "r",
        "r",
        "r",
        "[$1]",
        "<${1}>$(1)",
        "r$2",
        "r$0",
        "r$1x",
        "r$",
        "OK # no",
    ];
    let rule = (condition(), pick(&[" ", "\t", "  ", "\n ", " \n\t"]), pick(RESULTS))
        .prop_map(|(condition, blank, result)| condition + &blank + &result);
    let condition =
        (pick(&["if ", "IF ", "if"]), condition()).prop_map(|(word, condition)| word + &condition);
    prop_oneof![
        10 => rule,
        2 => condition,
        2 => Just("endif".to_owned()),
        1 => pick(&["# comment", "", "  # comment", "  "]),
    ]
}

/// A few lines; what is open is closed and what is closed too often left out, most of the time.
fn table() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(), 1..4);
    (lines, prop::bool::weighted(0.9)).prop_map(|(lines, balance)| {
        let (mut text, mut open) = (String::new(), 0);
        for line in lines {
            match line.get(..2).unwrap_or_default() {
                "if" | "IF" => open += 1,
                "en" if open == 0 && balance => continue,
                "en" => open -= i32::from(open > 0),
                _ => {}
            }
            text += &format!("{line}\n");
        }
        if balance {
            text += &"endif\n".repeat(usize::try_from(open).unwrap());
        }
        text
    })
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

fn ours(table: &str) -> Result<Tables, String> {
    TableList::parse(table, "").unwrap().open().map_err(|error| error.to_string())
}

#[test]
fn generated_tables_answer_as_postmap_does_and_are_refused_where_it_warns() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let (mut pairs, mut found, mut refused) = (0, 0, 0);
    for _ in 0..250 {
        let (text, keys) = (table(), keys()).new_tree(&mut runner).unwrap().current();
        let name = folder.table(&text);
        let oracle = folder.ask(&name, &keys);
        match ours(&name) {
            Err(error) => {
                assert!(!oracle.warnings.is_empty(), "refused, and postmap does not mind: {error}\n{text}");
                refused += 1;
            }
            Ok(tables) => {
                assert!(oracle.warnings.is_empty(), "postmap says {}\nof\n{text}", oracle.warnings);
                for key in keys {
                    let own = tables.lookup(&key).unwrap();
                    assert_eq!(own.as_ref(), oracle.answers.get(&key), "{key:?} in\n{text}");
                    pairs += 1;
                    found += usize::from(own.is_some());
                }
            }
        }
    }
    println!("{pairs} keys compared, {found} of them found; {refused} tables refused by both");
    assert!(
        pairs >= 1000 && found >= 300 && pairs - found >= 300 && refused >= 20,
        "the generator is broken"
    );
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
    let name = folder.table(text);
    let oracle = folder.ask(&name, &keys);
    let tables = ours(&name).unwrap();
    for key in &keys {
        assert_eq!(tables.lookup(key).unwrap().as_ref(), oracle.answers.get(key), "{key}");
    }
    assert_eq!(oracle.answers.len(), 8, "{:?}", oracle.answers);
}
