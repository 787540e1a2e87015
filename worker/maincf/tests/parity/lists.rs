//! Three lists of Postfix's names: those that act with the test that shows it, those that warn, and the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use maincf::{Deployment, MainCf, Neglect, Param, Protocol, Scope, Today, neglect, params};

/// Names, the test file, the test, and where the test's rows are in a file of their own that file.
const ACTING: &str = include_str!("acting.tsv");
/// Why names without a row do not act, where that is not simply that nobody has built it.
const REASONS: &str = include_str!("reasons.tsv");

/// A line of [`ACTING`].
struct Shown {
    names: Vec<&'static str>,
    file: &'static str,
    test: &'static str,
    rows: &'static str,
}

fn fields(line: &str) -> Vec<&str> {
    line.split('\t').collect()
}

fn shown() -> Vec<Shown> {
    let lines = ACTING.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let one = |line: &'static str| match fields(line)[..] {
        [names, file, test] => Shown { names: names.split(' ').collect(), file, test, rows: file },
        [names, file, test, rows] => Shown { names: names.split(' ').collect(), file, test, rows },
        _ => panic!("three fields or four: {line}"),
    };
    lines.map(one).collect()
}

/// What becomes of a name.
enum Standing {
    Acts(&'static str),
    Warns(String),
    Other(&'static str, String),
}

/// `transport_` in a fixture stands for the name of a transport.
fn real_name(name: &str) -> String {
    name.strip_prefix("transport_").map_or_else(|| name.to_owned(), |key| format!("smtp_{key}"))
}

fn standing(name: &str, tests: &BTreeMap<&str, &'static str>) -> Standing {
    let found = params::find(&real_name(name));
    let reason = |text: &str| {
        let own = REASONS.lines().map(fields).find(|fields| fields.first() == Some(&name));
        own.and_then(|fields| fields.get(1).map(|&own| own.to_owned())).unwrap_or_else(|| text.to_owned())
    };
    match found.map(|found| found.row.today) {
        Some(Today::Act | Today::ByValue(_)) => match tests.get(name) {
            Some(test) => Standing::Acts(test),
            None => Standing::Other("so anyway", reason("")),
        },
        Some(Today::Warn(text)) => Standing::Warns(text.to_owned()),
        Some(Today::Refuse(text)) => Standing::Other("refused", text.to_owned()),
        None => match neglect(name) {
            _ if is_referred_to(name) && tests.contains_key(name) => Standing::Acts(tests[name]),
            Some(Neglect::Warn) => Standing::Warns(reason("it is not built")),
            Some(Neglect::Refuse) => {
                Standing::Other("refused", reason("not built, and mail would be less protected"))
            }
            Some(Neglect::Elsewhere) => Standing::Other("elsewhere", reason("another program acts on it")),
            Some(Neglect::Reference) => Standing::Other("reference", reason("other values refer to it")),
            Some(Neglect::Obsolete) => Standing::Other("obsolete", reason("Postfix ignores it too")),
            None => panic!("{name} is not known at all"),
        },
    }
}

/// Names without a row that act in the values of others; those of the process cannot be set, which is warned about.
fn is_referred_to(name: &str) -> bool {
    neglect(name) == Some(Neglect::Reference)
        || matches!(name, "process_id" | "process_name" | "service_name")
}

/// The lines of a fixture: names with their twins.
fn names(fixture: &'static str) -> Vec<(&'static str, &'static str)> {
    let first = |text: &'static str| text.split(' ').next().unwrap_or_default();
    fixture.lines().skip(1).map(|line| (first(fields(line)[0]), first(fields(line)[1]))).collect()
}

#[test]
fn every_name_acts_with_a_test_or_says_why_not() {
    let shown = shown();
    let tests: BTreeMap<_, _> =
        shown.iter().flat_map(|shown| shown.names.iter().map(|&name| (name, shown.test))).collect();
    let (mut summary, mut unshown) = (String::new(), Vec::new());
    let titles = ["the delivery agents' own", "related", "after 3.4"];
    for (title, fixture) in titles.into_iter().zip(super::FIXTURES) {
        let (mut acts, mut warns, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let (mut twins, all) = (0, names(fixture));
        for &(name, twin) in &all {
            let both = if twin == "-" { name.to_owned() } else { format!("{name}, {twin}") };
            match standing(name, &tests) {
                Standing::Acts(test) => {
                    twins += usize::from(twin != "-");
                    acts.push(format!("{both}: {test}"));
                }
                Standing::Warns(why) => warns.push(format!("{both}: {why}")),
                Standing::Other(kind, why) => {
                    if why.is_empty() {
                        unshown.push(name);
                    }
                    others.push(format!("{both}: {kind}: {why}"));
                }
            }
        }
        for (list, lines) in [("act", &acts), ("warn", &warns), ("neither", &others)] {
            println!("\n{title}: {} {list}\n  {}", lines.len(), lines.join("\n  "));
        }
        let counts = (acts.len(), all.len(), warns.len(), others.len());
        let (acting, of, warning, other) = counts;
        writeln!(
            summary,
            "{title}: {acting} of {of} act (with {twins} lmtp_ twins, which are the same rows); {warning} warn, {other} are refused, elsewhere, obsolete or so anyway"
        )
        .unwrap();
    }
    println!("\n{summary}");
    assert!(
        unshown.is_empty(),
        "these act, and neither acting.tsv nor reasons.tsv has them: {}",
        unshown.join(" ")
    );
}

/// The names of a row, as one test may show any of them.
fn row_names(row: &Param) -> Vec<String> {
    let scopes = Protocol::ALL.map(Scope::Protocol).into_iter();
    scopes
        .chain(["smtp", "lmtp"].map(Scope::Transport))
        .filter_map(|scope| row.name(scope))
        .map(Into::into)
        .collect()
}

fn contains_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn the_tests_that_are_named_are_there_and_speak_of_their_parameters() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| {
        std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    for Shown { names, file, test, rows } in shown() {
        let text = read(file);
        let at = text.find(&format!("fn {test}(")).unwrap_or_else(|| panic!("{file} has no {test}"));
        let before = text[..at].trim_end().lines().next_back().unwrap_or_default();
        let is_test = ["#[test]", "#[tokio::test]", "async", "///"].iter().any(|mark| before.contains(mark));
        assert!(is_test, "{file}: {test} is no test");
        // What a text escapes stands before a name as a letter would.
        let rows_text = read(rows).replace("\\n", " ");
        for name in names {
            let Some(found) = params::find(&real_name(name)) else {
                assert!(is_referred_to(name), "{name} has no row: a stale entry");
                assert!(contains_word(&rows_text, name), "{rows} does not speak of {name}");
                continue;
            };
            assert!(
                matches!(found.row.today, Today::Act | Today::ByValue(_)),
                "{name} does not act: a stale entry"
            );
            // The name under either prefix, or the quoted key that a test puts a prefix before.
            let key = format!("\"{}\"", found.row.key);
            let own = row_names(found.row);
            let speaks = own.iter().any(|own| contains_word(&rows_text, own)) || rows_text.contains(&key);
            assert!(speaks, "{rows} does not speak of {name}");
        }
    }
}

#[test]
fn entries_are_there_once_and_are_about_names_of_postfix() {
    let all: BTreeSet<&str> =
        super::FIXTURES.iter().flat_map(|fixture| names(fixture)).map(|(name, _)| name).collect();
    let mut seen = BTreeSet::new();
    for name in shown().into_iter().flat_map(|shown| shown.names) {
        assert!(all.contains(name) && seen.insert(name), "{name}");
    }
    for line in REASONS.lines().filter(|line| !line.starts_with('#')) {
        let name = fields(line)[0];
        assert!(all.contains(name) && !seen.contains(name), "{name}");
        let without_row = params::find(&real_name(name)).is_none();
        assert!(without_row || acts_anyway(name), "{name} has a row, which says why: a stale reason");
    }
}

/// A row that acts without a test: what it asks for cannot be otherwise.
fn acts_anyway(name: &str) -> bool {
    let row = params::find(&real_name(name)).map(|found| found.row.today);
    matches!(row, Some(Today::Act | Today::ByValue(_)))
}

/// Every setting that neither acts nor belongs elsewhere leads to a warning or an error.
#[test]
fn what_does_not_act_is_said_when_it_is_set() {
    let tests = BTreeMap::new();
    for (name, _) in super::FIXTURES.iter().flat_map(|fixture| names(fixture)) {
        let Standing::Warns(_) = standing(name, &tests) else { continue };
        let text = format!("{} = 7\n", real_name(name));
        let cf = MainCf::parse(&text, Path::new("main.cf")).unwrap().for_deployment(Deployment::Standalone);
        assert!(!maincf::warnings(&cf).is_empty(), "{name} is set, and nothing is said");
    }
}
