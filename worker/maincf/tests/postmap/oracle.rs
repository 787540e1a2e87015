//! Asks postmap and ourselves, and compares.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use maincf::tables::{TableList, Tables};
use maincf::value::Value;
use proptest::prelude::*;

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
pub(crate) struct Folder(tempfile::TempDir);

/// What postmap said of a table: its answers, and its warnings.
pub(crate) struct Oracle {
    pub(crate) answers: HashMap<String, String>,
    pub(crate) warnings: String,
    /// Whether it could answer all.
    pub(crate) success: bool,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("main.cf", "compatibility_level = 3.6\n");
        folder
    }

    /// Postfix waits for a second and more before it reads a file that may still be in the making: this one looks old.
    fn write(&self, name: &str, text: &str) {
        let mut file = File::create(self.file(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a text and names it as a table.
    pub(crate) fn table(&self, kind: &str, text: &str) -> String {
        self.write("table", text);
        format!("{kind}:{}", self.file("table").display())
    }

    fn run(&self, command: &mut Command, arguments: &[&str]) -> Output {
        command.arg("-c").arg(self.0.path()).args(arguments).output().unwrap()
    }

    /// Has postmap make a database of a text; what it warns of.
    pub(crate) fn make(&self, table: &str) -> String {
        let output = self.run(&mut Command::new(postmap()), &[table]);
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{warnings}");
        warnings
    }

    /// Asks for all keys at once.
    pub(crate) fn ask(&self, table: &str, keys: &[String]) -> Oracle {
        let asked = self.file("keys");
        fs::write(&asked, keys.join("\n") + "\n").unwrap();
        let mut command = Command::new(postmap());
        command.stdin(Stdio::from(File::open(asked).unwrap()));
        let output = self.run(&mut command, &["-q", "-", table]);
        let text = String::from_utf8(output.stdout).unwrap();
        let pairs = text.lines().map(|line| line.split_once('\t').unwrap());
        let answers = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let warnings = String::from_utf8(output.stderr).unwrap();
        // The exit status says whether anything was found.
        let success = !warnings.contains("postmap: fatal: ");
        Oracle { answers, warnings, success }
    }
}

pub(crate) fn ours(table: &str) -> Result<Tables, String> {
    TableList::parse(table, "").map_err(|error| error.to_string())?.open().map_err(|error| error.to_string())
}

/// How much was compared.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) compared: usize,
    pub(crate) found: usize,
    pub(crate) refused: usize,
}

impl Count {
    /// Compares the answers of one table. A table that postmap warns of is one that we refuse to open.
    pub(crate) fn compare(&mut self, name: &str, keys: &[String], oracle: &Oracle, text: &str) {
        match ours(name) {
            Err(error) => {
                assert!(!oracle.warnings.is_empty(), "refused, and postmap does not mind: {error}\n{text}");
                self.refused += 1;
            }
            Ok(tables) => {
                assert!(oracle.warnings.is_empty(), "postmap says {}\nof\n{text}", oracle.warnings);
                self.compare_opened(&tables, keys, oracle, text);
            }
        }
    }

    pub(crate) fn compare_opened(&mut self, tables: &Tables, keys: &[String], oracle: &Oracle, text: &str) {
        for key in keys {
            // postmap warns of such a value, and shows it; a program of Postfix takes it for an error.
            let own = match tables.lookup(key) {
                Err(error) if error.reason == "an empty value" => Some(String::new()),
                answer => answer.unwrap(),
            };
            assert_eq!(own.as_ref(), oracle.answers.get(key), "{key:?} in\n{text}");
            self.compared += 1;
            self.found += usize::from(own.is_some());
        }
    }

    /// Says how much was compared, and checks that it was enough of each kind.
    pub(crate) fn report(&self, kind: &str, found: usize, refused: usize) {
        println!(
            "{kind}: {} keys compared, {} of them found; {} tables refused by both",
            self.compared, self.found, self.refused
        );
        assert!(self.compared >= 1000 && self.found >= found && self.refused >= refused, "{kind}: {self:?}");
    }
}

pub(crate) fn pick(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}
