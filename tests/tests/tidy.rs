//! The borders that the compiler does not hold: who may use what, and how files look.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LONGEST_FILE: usize = 400;

/// Our packages and which of ours each may use.
const USES: &[(&str, &[&str])] = &[
    ("baton-proto", &[]),
    ("baton-smtp-dialogue", &["baton-sasl"]),
    ("baton-sasl", &[]),
    ("baton-mime", &[]),
    ("baton-maincf", &[]),
    ("baton-route", &["baton-maincf"]),
    ("baton-tls", &["baton-maincf"]),
    ("baton-scache", &["baton-proto"]),
    (
        "baton-worker",
        &[
            "baton-smtp-dialogue",
            "baton-sasl",
            "baton-mime",
            "baton-tls",
            "baton-maincf",
            "baton-route",
            "baton-proto",
        ],
    ),
    ("baton-spool", &["baton-proto"]),
    ("baton-schedule", &[]),
    ("baton-intake", &[]),
    (
        "baton-relay",
        &[
            // It speaks SMTP to its own listener: `baton send`, the demo.
            "baton-smtp-dialogue",
            "baton-worker",
            "baton-scache",
            "baton-proto",
            "baton-maincf",
            "baton-route",
            "baton-spool",
            "baton-schedule",
            "baton-intake",
        ],
    ),
    ("baton-postfix-wire", &[]),
    ("baton-queuefile", &[]),
    (
        "baton-postfix",
        &[
            "baton-postfix-wire",
            "baton-queuefile",
            "baton-worker",
            "baton-scache",
            "baton-maincf",
            "baton-proto",
        ],
    ),
    ("baton-testkit", &[]),
];

/// Files that may hold unsafe code: one small module each, with the reason in its first lines.
const UNSAFE: &[&str] = &[
    "deploy/postfix/src/inherited.rs",
    "proto/src/channel/under_tokio.rs",
    "scache/tests/confinement/raw.rs",
    "worker/src/memory.rs",
    "worker/maincf/src/tables/posix_regex.rs",
    "worker/tls/src/handover/counters.rs",
];

/// Where serialisation is derived besides proto: bytes that no other program reads.
const OWN_BYTES: &[(&str, &str)] = &[
    ("deploy/postfix/src/keyring.rs", "the keys that agents of this machine share"),
    ("deploy/relay/spool/", "the queue's own files"),
    ("worker/tls/src/", "what travels with an encrypted session, inside that state"),
    ("worker/src/state.rs", "the sealed state of a session, which only workers open"),
    ("worker/smtp/src/", "what EHLO told, inside that state"),
];

struct Source {
    /// From the repository's root.
    path: String,
    text: String,
}

impl Source {
    /// The text without its unit tests and comments: what is built into the product.
    fn product(&self) -> String {
        let code = self.text.split("#[cfg(test)]").next().unwrap();
        code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("tests.rs") || self.path.starts_with("tests/")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["proto", "scache", "worker", "deploy", "tests"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found below {}", root().display());
    found
}

/// Fails with every complaint, not only the first.
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Product code below `folder` that holds one of `words`.
fn words_in(folder: &str, words: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources().into_iter().filter(|source| source.path.starts_with(folder) && !source.is_test())
    {
        let product = source.product();
        for word in words.iter().filter(|word| product.contains(**word)) {
            complaints.push(format!("{}: {word}", source.path));
        }
    }
    complaints
}

#[test]
fn every_file_begins_with_its_purpose() {
    let bare = |source: &Source| {
        let first = source.text.lines().next().unwrap_or_default();
        first.strip_prefix("//! ").is_none_or(|purpose| purpose.len() < 10)
    };
    none(
        sources()
            .into_iter()
            .filter(bare)
            .map(|source| format!("{}: begin with `//! ` and the purpose", source.path))
            .collect(),
    );
}

#[test]
fn no_merge_was_left_half_done() {
    let documents =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml", "tests/run"];
    let texts = documents.map(|name| (name.to_owned(), fs::read_to_string(root().join(name)).unwrap()));
    let sources = sources().into_iter().map(|source| (source.path, source.text));
    let marks = ["<".repeat(7) + " ", ">".repeat(7) + " "];
    let half_done =
        |text: &str| text.lines().any(|line| marks.iter().any(|mark| line.starts_with(mark.as_str())));
    none(
        texts.into_iter().chain(sources).filter(|(_, text)| half_done(text)).map(|(path, _)| path).collect(),
    );
}

#[test]
fn files_stay_short() {
    let long = |source: &Source| source.text.lines().count() > LONGEST_FILE;
    none(
        sources()
            .into_iter()
            .filter(long)
            .map(|s| format!("{}: {} lines", s.path, s.text.lines().count()))
            .collect(),
    );
}

#[test]
fn no_module_is_named_after_nothing() {
    let empty = |source: &Source| {
        source.path.split('/').any(|part| {
            matches!(part.trim_end_matches(".rs"), "util" | "utils" | "helpers" | "common" | "misc")
        })
    };
    none(sources().into_iter().filter(empty).map(|source| source.path).collect());
}

#[test]
fn the_dialogue_does_no_io() {
    let words = [
        "std::net",
        "std::fs",
        "std::io",
        "std::time",
        "std::process",
        "std::thread",
        "tokio",
        "rustix",
        "Instant::now",
        "SystemTime::now",
    ];
    none(words_in("worker/smtp/src", &words));
    none(words_in("worker/mime/src", &words));
    none(words_in(
        "worker/sasl/src",
        &[
            "std::net",
            "std::fs",
            "std::io",
            "tokio",
            "rustix",
            "getrandom",
            "Instant::now",
            "SystemTime::now",
        ],
    ));
    none(words_in(
        "deploy/relay/intake/src",
        &["std::net::Tcp", "std::fs", "tokio", "rustix", "Instant::now", "SystemTime::now"],
    ));
}

#[test]
fn the_schedule_takes_the_time_and_never_asks_for_it() {
    none(words_in(
        "deploy/relay/schedule/src",
        &["std::net", "std::fs", "std::io", "tokio", "rustix", "Instant::now", "SystemTime::now"],
    ));
    none(words_in(
        "scache/src/store",
        &["std::net", "std::fs", "tokio", "rustix::net", "Instant::now", "SystemTime::now"],
    ));
}

#[test]
fn scache_knows_nothing_of_mail() {
    let words = [
        "maincf",
        "hickory",
        "to_socket_addrs",
        "connect(",
        "MAIL FROM",
        "RCPT",
        "EHLO",
        "\"QUIT",
        "recipient",
        "envelope",
        "postcard::from_bytes",
        "lookup_host",
    ];
    none(words_in("scache/src", &words));
}

#[test]
fn only_proto_derives_what_crosses_a_process_border() {
    let elsewhere = |source: &Source| {
        let product = source.product();
        !source.path.starts_with("proto/")
            && !OWN_BYTES.iter().any(|(place, _)| source.path.starts_with(place))
            && !source.is_test()
            && (product.contains("postcard::")
                || product.contains("derive(") && product.contains("Deserialize"))
    };
    none(sources().into_iter().filter(elsewhere).map(|source| source.path).collect());
}

#[test]
fn unsafe_code_is_where_it_was_allowed() {
    let unsafe_words = ["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code", "expect(unsafe_code"];
    let unsafe_here = |source: &Source| {
        let product = source.product();
        !UNSAFE.contains(&source.path.as_str())
            && source.path != "tests/tests/tidy.rs"
            && unsafe_words.iter().any(|word| product.contains(word))
    };
    none(sources().into_iter().filter(unsafe_here).map(|source| source.path).collect());
}

#[test]
fn tests_wait_for_events_and_do_not_sleep() {
    let allowed = ["tests/src/wait.rs", "tests/tests/tidy.rs"];
    let sleeps = |source: &Source| {
        let in_tests = if source.is_test() {
            source.text.as_str()
        } else {
            source.text.split_once("#[cfg(test)]").map_or("", |x| x.1)
        };
        !allowed.contains(&source.path.as_str()) && in_tests.contains("thread::sleep")
    };
    none(sources().into_iter().filter(sleeps).map(|source| source.path).collect());
}

fn metadata() -> serde_json::Value {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Of this platform only: Cargo has not fetched what others need.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command.args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--offline",
        "--filter-platform",
        &platform,
    ]);
    command.current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn packages_use_only_what_lies_below_them() {
    let rules: BTreeMap<&str, BTreeSet<&str>> =
        USES.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    let metadata = metadata();
    let ours = |package: &&serde_json::Value| package["source"].is_null();
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().unwrap().iter().filter(ours) {
        let name = package["name"].as_str().unwrap();
        let Some(allowed) = rules.get(name) else {
            complaints.push(format!("{name}: not in the table of this test"));
            continue;
        };
        let used = package["dependencies"].as_array().unwrap().iter();
        let used = used
            .filter(|used| used["path"].is_string() && used["kind"] != "dev")
            .map(|used| used["name"].as_str().unwrap());
        complaints
            .extend(used.filter(|used| !allowed.contains(used)).map(|used| format!("{name} uses {used}")));
    }
    none(complaints);
}

/// The strings of a list in deny.toml.
fn listed(key: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    let list = text.split(&format!("\n{key} = [")).nth(1).unwrap_or_else(|| panic!("no {key} in deny.toml"));
    list.split(']').next().unwrap().split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn licences_are_those_that_deny_toml_allows() {
    let allowed = listed("allow");
    let metadata = metadata();
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let terms = package["license"].as_str().unwrap_or("none");
        // "A OR B" needs one of them, "A AND B" both; no package here nests deeper than one pair of brackets.
        let meets = |part: &str| {
            part.replace('/', " OR ")
                .split(" OR ")
                .any(|one| allowed.iter().any(|name| name == one.trim_matches(['(', ')', ' '])))
        };
        if !terms.split(" AND ").all(meets) {
            complaints.push(format!("{}: {terms}", package["name"]));
        }
    }
    none(complaints);
}
