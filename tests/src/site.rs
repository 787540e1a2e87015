//! The main.cf files of `tests/sites`: as they are beside postconf, and moved into a sandbox for a relay of ours.

use crate::programs;
use crate::relay::{Launch, Relay};
use crate::sandbox::Sandbox;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Parameters by name.
pub type Values = BTreeMap<String, String>;

/// A site's folder with its main.cf and master.cf.
#[derive(Debug, Clone)]
pub struct Site {
    folder: PathBuf,
}

/// Every site.
pub const SITES: [&str; 3] = ["isp-relay", "newsletter", "lmtp-hub"];

/// Where the files have their tables.
const ETC: &str = "/etc/postfix";

impl Site {
    /// The site of this name.
    pub fn named(name: &str) -> Self {
        Self { folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("sites").join(name) }
    }

    /// Its main.cf.
    pub fn text(&self) -> String {
        std::fs::read_to_string(self.folder.join("main.cf")).expect("a site's main.cf")
    }

    /// Its master.cf.
    pub fn services(&self) -> String {
        std::fs::read_to_string(self.folder.join("master.cf")).expect("a site's master.cf")
    }

    /// What Debian's postconf says with these words.
    pub fn by_postconf(&self, words: &[&str]) -> Values {
        values(&self.lines_of_postconf(words))
    }

    /// What `baton config` says with these words.
    pub fn by_baton(&self, words: &[&str]) -> Values {
        values(&self.lines_of_baton(words))
    }

    /// The output of postconf.
    pub fn lines_of_postconf(&self, words: &[&str]) -> Vec<String> {
        lines(Command::new(programs::debian("postconf")).arg("-c").arg(&self.folder).args(words))
    }

    /// The output of `baton config`.
    pub fn lines_of_baton(&self, words: &[&str]) -> Vec<String> {
        lines(Command::new(programs::ours("baton")).args(["config", "-c"]).arg(&self.folder).args(words))
    }

    /// A relay of ours with this main.cf. Tables are below `etc` of the sandbox instead of `/etc/postfix`, and these
    /// texts are replaced, each of which must be there.
    pub fn launch(&self, sandbox: &Sandbox, replaced: &[(&str, String)]) -> Launch {
        let mut text = self.text().replace(ETC, &sandbox.folder("etc").display().to_string());
        for (old, new) in replaced {
            assert!(text.contains(old), "{old:?} is not in {}", self.folder.display());
            text = text.replace(old, new);
        }
        // Whoever runs the test owns the queue.
        Relay::of_file(sandbox, text).option("mail_owner", "nobody-of-the-lab")
    }
}

/// Makes a table below `etc` as postmap does.
pub fn hash(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.write(&format!("etc/{name}"), text);
    // Its own main.cf, since postmap wants one.
    sandbox.write("postmap/main.cf", "");
    let mut command = Command::new(programs::debian("postmap"));
    command.arg("-c").arg(sandbox.join("postmap")).arg(format!("hash:{}", path.display()));
    let output = command.output().expect("postmap runs");
    assert!(output.status.success(), "postmap {name}: {}", String::from_utf8_lossy(&output.stderr));
}

fn lines(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn values(lines: &[String]) -> Values {
    let value = |line: &String| {
        let (name, value) = line.split_once(" =").unwrap_or_else(|| panic!("{line:?} is no parameter"));
        (name.to_owned(), value.trim().to_owned())
    };
    lines.iter().map(value).collect()
}
