//! A case of the suite, as it is written in a file.
//!
//! `[name]` begins one. Each line after it is a word and what belongs to it:
//!
//! | word | meaning |
//! |---|---|
//! | `set NAME VALUE` | a parameter of the delivery agent (`-o`) |
//! | `main NAME VALUE` | a parameter of main.cf, for what other daemons read |
//! | `lmtp [flags=…]`, `smtp [flags=…]` | the program, and its words in master.cf |
//! | `to LOCAL…` | recipients, in the case's domain where they have none |
//! | `from ADDRESS` | the sender; `<>` is nobody |
//! | `submit WORD…` | options of sendmail(1) |
//! | `probe` | no message: verify(8) is asked |
//! | `copies N` | so many messages, one after the other |
//! | `offers LINE, …` | what EHLO lists |
//! | `servers N`, `refuses N` | how many there are, by rank of their MX record; which does not listen |
//! | `unix` | the server is at `{path}` |
//! | `next TEXT` | the next hop |
//! | `dns RECORD` | a record instead of the MX records: see [`super::stage`] |
//! | `certificate KIND` | the server's, for STARTTLS |
//! | `at …: …` | what the server does: see [`super::rule`] |
//! | <code>&#124; LINE</code> | the message, with `\r`, `\0`, `\xHH`, `\*N;C` (N times C) |

use super::rule::{self, Rule};
use crate::tls_server::{Identity, Issuer, Names, Validity};
use std::fs;
use std::path::Path;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// `smtp` or `lmtp`.
    pub program: &'static str,
    /// What follows the program in master.cf.
    pub words: String,
    /// Parameters of the agent.
    pub options: Vec<(String, String)>,
    /// Parameters of main.cf.
    pub main: Vec<(String, String)>,
    /// Recipients.
    pub recipients: Vec<String>,
    /// The sender, where it is not the usual one.
    pub sender: Option<String>,
    /// Options of sendmail(1).
    pub submit: Vec<String>,
    /// verify(8) is asked.
    pub probe: bool,
    /// Messages.
    pub copies: usize,
    /// The message, line ends as sendmail(1) wants them.
    pub content: Option<Vec<u8>>,
    /// What EHLO lists.
    pub offers: Vec<String>,
    /// What servers do instead of the usual.
    pub(super) rules: Vec<Rule>,
    /// Servers.
    pub servers: u8,
    /// Ranks of those that do not listen.
    pub absent: Vec<u8>,
    /// The server is at a Unix socket.
    pub unix: bool,
    /// The next hop, where it is not the domain.
    pub nexthop: Option<String>,
    /// Records instead of the MX records.
    pub records: Vec<String>,
    /// The server's certificate.
    pub identity: Option<Identity>,
}

/// Every case, file by file in the order of their names.
pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("postfix/cases");
    let mut files: Vec<_> = fs::read_dir(&folder).expect("cases").flatten().map(|file| file.path()).collect();
    files.sort();
    let mut all: Vec<Case> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a file of cases");
        for (number, line) in text.lines().enumerate() {
            let place = || format!("{}:{}", file.display(), number + 1);
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => all.push(Case::named(name)),
                None if line.is_empty() || line.starts_with('#') => {}
                None => {
                    let case = all.last_mut().unwrap_or_else(|| panic!("{}: no case yet", place()));
                    case.line(line).unwrap_or_else(|reason| panic!("{}: {reason}", place()));
                }
            }
        }
    }
    all
}

impl Case {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            program: "smtp",
            words: String::new(),
            options: Vec::new(),
            main: Vec::new(),
            recipients: Vec::new(),
            sender: None,
            submit: Vec::new(),
            probe: false,
            copies: 1,
            content: None,
            offers: ["PIPELINING", "SIZE 1000000", "8BITMIME", "ENHANCEDSTATUSCODES"]
                .map(String::from)
                .into(),
            rules: Vec::new(),
            servers: 1,
            absent: Vec::new(),
            unix: false,
            nexthop: None,
            records: Vec::new(),
            identity: None,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split_whitespace().map(str::to_owned);
        let number = || rest.trim().parse::<u8>().map_err(|_| format!("{rest}: no number"));
        match word {
            "|" => {
                let content = self.content.get_or_insert_default();
                content.extend_from_slice(&rule::unescaped(rest)?);
                content.push(b'\n');
            }
            "set" | "main" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                let list = if word == "set" { &mut self.options } else { &mut self.main };
                list.push((name.to_owned(), value.to_owned()));
            }
            "smtp" | "lmtp" => {
                self.program = if word == "smtp" { "smtp" } else { "lmtp" };
                rest.clone_into(&mut self.words);
            }
            "to" => self.recipients.extend(rest.split(", ").map(str::to_owned)),
            "from" => self.sender = Some(rest.trim_matches(['<', '>']).to_owned()),
            "submit" => self.submit.extend(words()),
            "probe" => self.probe = true,
            "copies" => self.copies = number()?.into(),
            "offers" => {
                self.offers = rest.split(", ").filter(|one| !one.is_empty()).map(str::to_owned).collect();
            }
            "servers" => self.servers = number()?,
            "refuses" => self.absent.push(number()?),
            "unix" => self.unix = true,
            "next" => self.nexthop = Some(rest.to_owned()),
            "dns" => self.records.push(rest.to_owned()),
            "certificate" => self.identity = Some(identity(rest)?),
            "at" => self.rules.push(Rule::parse(rest)?),
            _ => return Err(format!("{word} is not known")),
        }
        Ok(())
    }

    /// The local parts, or addresses, of its recipients.
    pub fn recipients(&self) -> Vec<String> {
        if self.recipients.is_empty() { vec!["user".into()] } else { self.recipients.clone() }
    }
}

fn identity(kind: &str) -> Result<Identity, String> {
    let good = Identity::default();
    Ok(match kind {
        "good" => good,
        "other-name" => Identity { names: Names { san: &["elsewhere.test"], cn: "" }, ..good },
        "unknown" => Identity { issuer: Issuer::Unknown, ..good },
        "own" => Identity { issuer: Issuer::Own, ..good },
        "expired" => Identity { validity: Validity::Past, ..good },
        _ => return Err(format!("{kind}: no such certificate")),
    })
}
