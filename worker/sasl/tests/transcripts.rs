//! Plays pasted logins against the dialogue: every file in `transcripts/`, every case in it.
//!
//! A case begins with `== name`, then the setting, one word and its value per line:
//!
//! ```text
//! offer PLAIN LOGIN          what followed AUTH in the reply to EHLO
//! user user:password         the credential as in a password map
//! options noanonymous        security options; none if there is no such line
//! filter !gssapi xoauth2 *   first match wins; `*` takes all; no filter if there is no such line
//! authzid   certificate   binding exporter|end-point   server host port
//! ```
//!
//! Then the session. `>` is what must be sent, `<` what the server answers, with `\` at its end if more lines
//! follow. `{text}` is base64 of the text, in which `\0` and `\1` are those octets; `(long)` is 600 letters,
//! `(huge)` 100000.
//! `=` is the outcome: `accepted`, `refused: reason`, `refused credential: reason`, or status and reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use data_encoding::BASE64;
use sasl::*;
use std::collections::VecDeque;

const PEER: &str = "h[1]";

#[test]
fn transcripts_are_played_as_written() {
    let mut played = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for case in text.split("\n== ").skip(1) {
            let (name, lines) = case.split_once('\n').unwrap();
            let place = format!("{}: {name}", path.file_name().unwrap().display());
            let lines = lines.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
            play(&place, lines.collect());
            played += 1;
        }
    }
    assert!(played > 50, "only {played} cases were found");
}

/// A case's setting.
struct Setup {
    offer: String,
    credential: String,
    authzid: Authzid,
    options: SecurityOptions,
    filter: Option<Vec<String>>,
    certificate: ClientCertificate,
    binding: Option<ChannelBinding>,
    server: Option<(String, u16)>,
}

fn play(place: &str, mut lines: VecDeque<&str>) {
    let mut setup = Setup {
        offer: String::new(),
        credential: "user:secret".into(),
        authzid: Authzid::Omit,
        options: SecurityOptions::default(),
        filter: None,
        certificate: ClientCertificate::Absent,
        binding: None,
        server: None,
    };
    while let Some(line) = lines.pop_front_if(|line| !line.starts_with(['>', '=', '<'])) {
        setup.take(line);
    }
    let outcome = match converse(place, &setup, &mut lines) {
        Ok(Outcome::Accepted) => "accepted".to_owned(),
        Ok(Outcome::Refused(refusal)) => match refusal.objection {
            Objection::Credential => format!("refused credential: {}", refusal.reason(PEER)),
            Objection::Other => format!("refused: {}", refusal.reason(PEER)),
        },
        Ok(Outcome::BrokenOff(failed)) | Err(failed) => {
            format!("{} {}", failed.status(), failed.reason(PEER))
        }
    };
    assert_eq!(lines, [format!("= {outcome}").as_str()], "{place}");
}

impl Setup {
    fn take(&mut self, line: &str) {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "offer" => self.offer = value.to_owned(),
            "user" => self.credential = expanded(value),
            "authzid" => self.authzid = Authzid::User,
            "options" => self.options = SecurityOptions::parse(value).unwrap(),
            "filter" => self.filter = Some(value.split(' ').map(str::to_owned).collect()),
            "certificate" => self.certificate = ClientCertificate::Shown,
            "binding" if value == "exporter" => {
                self.binding = Some(ChannelBinding::tls_exporter(b"exported by TLS, thirty-two long"));
            }
            "binding" => self.binding = Some(ChannelBinding::tls_server_end_point(b"hash of a certificate")),
            "server" => {
                let (host, port) = value.split_once(' ').unwrap();
                self.server = Some((host.to_owned(), port.parse().unwrap()));
            }
            _ => panic!("{line}"),
        }
    }

    fn filtered(&self, name: &str) -> Filtered {
        let Some(filter) = &self.filter else { return Filtered::In };
        for pattern in filter {
            match pattern.strip_prefix('!') {
                Some(out) if out.eq_ignore_ascii_case(name) => return Filtered::Out,
                None if pattern == "*" => return Filtered::In,
                None if pattern.eq_ignore_ascii_case(name) => return Filtered::ByName,
                _ => {}
            }
        }
        Filtered::Out
    }
}

fn converse(place: &str, setup: &Setup, lines: &mut VecDeque<&str>) -> Result<Outcome, LoginFailed> {
    let circumstances = Circumstances {
        options: setup.options,
        certificate: setup.certificate,
        binding: setup.binding.as_ref(),
    };
    let selection = Selection::new(&setup.offer, |name| setup.filtered(name), &circumstances)?;
    let credential = Credential::of_map_value(&setup.credential, ':', setup.authzid).unwrap();
    let server = setup.server.as_ref().map(|(host, port)| (host.as_str(), *port));
    let setting = Setting { credential: &credential, nonce: Nonce::of_random([0; 18]), server };
    let (mut exchange, mut line) = Exchange::begin(&selection, &setting)?;
    loop {
        let wanted = lines.pop_front().and_then(|line| line.strip_prefix('>')).unwrap_or("nothing");
        assert_eq!(line.as_str(), expanded(wanted.trim_start()), "{place}");
        let reply = reply(lines);
        let code = reply[..3].parse().unwrap();
        match exchange.on_reply(code, &reply) {
            Step::Say(next, said) => (exchange, line) = (next, said),
            Step::Ended(outcome) => return Ok(outcome),
        }
    }
}

/// The lines of one reply.
fn reply(lines: &mut VecDeque<&str>) -> String {
    let mut reply = String::new();
    loop {
        let line = lines.pop_front().and_then(|line| line.strip_prefix("< ")).expect("a reply");
        match line.strip_suffix('\\') {
            Some(more) => reply += &(expanded(more) + "\n"),
            None => return reply + &expanded(line),
        }
    }
}

/// The text with what its abbreviations stand for.
fn expanded(text: &str) -> String {
    let text = text.replace("(long)", &"x".repeat(600)).replace("(huge)", &"A".repeat(100_000));
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, after) = part.split_once('}').expect("a closing brace");
        out += &BASE64.encode(inside.replace("\\0", "\0").replace("\\1", "\x01").as_bytes());
        out += after;
    }
    out
}
