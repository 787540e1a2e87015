//! Plays pasted sessions against the transaction: every file in `transcripts/`, every case in it.
//!
//! A case begins with `== name`, then the setting, one word and its value per line:
//!
//! ```text
//! server PIPELINING SIZE=1000 LMTP REUSED   extensions, and what else is to know about the session
//! to a@x orig=b@y orcpt=rfc822;c@z notify=success,delay      one line per recipient
//! from s@x   size 7   body 7bit|8bit   utf8 asked|needed   envid id   ret full|hdrs   auth <>   quit   dots-pass   probe rcpt|data
//! client name=a address=b port=c protocol=d helo=e ident=f source=remote
//! ```
//!
//! Then the session. `>` is what must be written, all of it before the next line of another kind; `> (content)` is the
//! message. `<` is what the server answers, in one segment with the `<` around it; a `\` at its end leaves CR LF out.
//! `<~` comes while the content is being written, `<.` while the final dot is. `? Stage` is what must be waited for.
//! `! lost`, `! timed out`, `! lost N` (N octets of the last write did not go out) and `! unreadable` break off.
//! `=` is the outcome: one line per recipient, then the session, or `= stale: reason`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use smtp::*;
use std::collections::VecDeque;
use support::cases;

const PEER: &str = "h[1]";

#[test]
fn transcripts_are_played_as_written() {
    let mut played = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for (name, lines) in cases(&text) {
            let place = format!("{}: {name}", path.file_name().unwrap().display());
            play(&place, &lines);
            played += 1;
        }
    }
    assert!(played > 80, "only {played} cases were found");
}

/// A case's setting.
#[derive(Default)]
struct Setting<'t> {
    facts: EhloFacts,
    lmtp: bool,
    reused: bool,
    quit: bool,
    purpose: Purpose,
    quoting: Quoting,
    sender: Option<&'t str>,
    size: u64,
    body: Body,
    utf8: Utf8,
    envid: Option<&'t str>,
    ret: Option<Ret>,
    unsendable: bool,
    auth: MailAuth,
    client: Option<OriginalClient<'t>>,
    recipients: Vec<Recipient<'t>>,
}

impl<'t> Setting<'t> {
    /// Takes a line of the setting; `false` if it belongs to the session.
    fn take(&mut self, line: &'t str) -> bool {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "server" => value.split(' ').for_each(|word| self.server(word)),
            "to" => self.recipients.push(recipient(value)),
            "from" => self.sender = Some(value.trim_matches(['<', '>'])),
            "size" => self.size = value.parse().unwrap(),
            "body" => {
                self.body = match value {
                    "8bit" => Body::EightBitMime,
                    "converted" => Body::Converted,
                    _ => Body::SevenBit,
                }
            }
            "unsendable" => self.unsendable = true,
            "utf8" => self.utf8 = if value == "needed" { Utf8::Needed } else { Utf8::Asked },
            "envid" => self.envid = Some(value),
            "ret" => self.ret = Some(if value == "full" { Ret::Full } else { Ret::Hdrs }),
            "auth" => self.auth = MailAuth::Nobody,
            "client" => self.client = Some(client(value)),
            "probe" if value == "data" => self.purpose = Purpose::Probe(ProbeUntil::Data),
            "probe" => self.purpose = Purpose::Probe(ProbeUntil::Rcpt),
            "quit" => self.quit = true,
            "dots-pass" => self.quoting = Quoting::DotsPass,
            _ => return false,
        }
        true
    }

    fn server(&mut self, word: &str) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "LMTP" => self.lmtp = true,
            "REUSED" => self.reused = true,
            "XFORWARD" => {
                self.facts.extensions.insert(Extension::Xforward);
                self.facts.xforward = value.replace(',', " ");
            }
            "LOGGED-IN" => self.facts.standing = Standing::LoggedIn,
            _ => {
                let extension = Extension::ALL.iter().find(|extension| extension.keyword() == name);
                self.facts.extensions.insert(*extension.unwrap_or_else(|| panic!("no extension {name}")));
                self.facts.size_limit = value.parse().ok().or(self.facts.size_limit);
            }
        }
    }

    /// A session as the setting wants it; a fresh one comes the way that fresh sessions come.
    fn session(&self) -> Ready {
        let dialect = if self.lmtp { Dialect::LMTP } else { Dialect::SMTP };
        if self.reused {
            return Ready::from_facts(dialect, self.facts.clone());
        }
        let limit = self.facts.size_limit;
        let keyword = |extension: Extension| match (extension, limit) {
            (Extension::Xforward, _) => format!("250-XFORWARD {}\r\n", self.facts.xforward),
            (Extension::Size, Some(limit)) => format!("250-SIZE {limit}\r\n"),
            _ => format!("250-{}\r\n", extension.keyword()),
        };
        let keywords: String = self.facts.extensions.iter().map(keyword).collect();
        match self.facts.standing {
            Standing::Stranger => support::introduce(dialect, &format!("250-server\r\n{keywords}250 X\r\n")),
            Standing::LoggedIn => {
                support::log_in(dialect, &format!("250-server\r\n{keywords}250 AUTH PLAIN\r\n"))
            }
        }
    }
}

/// `name=a address=b …`, or nothing for a client of which nothing is known.
fn client(line: &str) -> OriginalClient<'_> {
    let mut client = OriginalClient::default();
    for (word, value) in line.split(' ').filter_map(|word| word.split_once('=')) {
        match word {
            "name" => client.name = value,
            "address" => client.address = value,
            "port" => client.port = value,
            "protocol" => client.protocol = value,
            "helo" => client.helo = value,
            "ident" => client.ident = value,
            "source" => client.source = ClientSource::Remote,
            other => panic!("{other:?}"),
        }
    }
    client
}

fn recipient(line: &str) -> Recipient<'_> {
    let mut words = line.split(' ');
    let mut recipient = Recipient { address: words.next().unwrap(), ..Recipient::default() };
    for word in words {
        match word.split_once('=').unwrap() {
            ("orig", original) => recipient.original = original,
            ("orcpt", orcpt) => recipient.orcpt = Some(orcpt),
            ("notify", list) => {
                let has = |word| list.split(',').any(|it| it == word);
                let notify = Notify { success: has("success"), failure: has("failure"), delay: has("delay") };
                recipient.notify = Some(notify);
            }
            other => panic!("{other:?}"),
        }
    }
    recipient
}

fn play(place: &str, lines: &[&str]) {
    let mut setting = Setting::default();
    let session = lines.iter().position(|line| !setting.take(line)).unwrap_or(lines.len());
    let envelope = Envelope {
        sender: setting.sender.unwrap_or("s@x"),
        size: setting.size,
        body: setting.body,
        utf8: setting.utf8,
        envid: setting.envid,
        ret: setting.ret,
        auth: setting.auth,
        client: setting.client,
        recipients: &setting.recipients,
    };
    let afterwards = if setting.quit { Afterwards::Quit } else { Afterwards::Keep };
    let options = TransactionOptions { quoting: setting.quoting, purpose: setting.purpose, afterwards };
    let mut play = Play {
        place,
        transaction: setting.session().transaction(PEER, &envelope, options),
        replies: ReplyReader::default(),
        written: VecDeque::new(),
        state: Action::Flush,
    };
    if setting.unsendable {
        play.transaction.on_abort(Abort::NestedTooDeep);
    }
    play.run();
    let lines = &lines[session..];
    let dialogue = lines.iter().position(|line| line.starts_with('=')).unwrap_or(lines.len());
    for (at, line) in lines[..dialogue].iter().enumerate() {
        let more = lines.get(at + 1).is_some_and(|next| next.starts_with("< "));
        play.line(line, more);
    }
    assert_eq!(play.outcome(), lines[dialogue..], "{place}");
}

struct Play<'t> {
    place: &'t str,
    transaction: Transaction<'t>,
    replies: ReplyReader,
    /// Lines that the transaction wrote and the transcript has not shown yet.
    written: VecDeque<String>,
    state: Action,
}

impl Play<'_> {
    fn line(&mut self, line: &str, more_in_segment: bool) {
        let (side, text) = line.split_once(' ').unwrap_or((line, ""));
        match side {
            ">" => {
                if self.written.is_empty() {
                    self.go_on();
                }
                assert_eq!(self.written.pop_front().as_deref(), Some(text), "{}: at {line:?}", self.place);
            }
            "<" => {
                if matches!(self.state, Action::SendContent | Action::Flush) {
                    self.go_on();
                }
                self.nothing_unseen(line);
                self.feed(text);
                if !more_in_segment {
                    self.run();
                }
            }
            "<~" => {
                self.nothing_unseen(line);
                assert_eq!(self.state, Action::SendContent, "{}: at {line:?}", self.place);
                self.feed(text);
                self.run();
            }
            "<." => {
                assert_eq!(self.state, Action::Flush, "{}: at {line:?}", self.place);
                self.feed(text);
            }
            "?" => {
                if matches!(self.state, Action::SendContent | Action::Flush) {
                    self.go_on();
                }
                assert_eq!(format!("{:?}", self.state), format!("Await({text})"), "{}", self.place);
            }
            "!" => self.break_off(text),
            _ => panic!("{}: what is {line:?}?", self.place),
        }
    }

    /// The shell did what it was told to do.
    fn go_on(&mut self) {
        if self.state == Action::SendContent {
            self.transaction.on_content_written();
        }
        self.run();
    }

    fn break_off(&mut self, how: &str) {
        let (how, unwritten) = match how {
            "timed out" => (Lost::TimedOut, 0),
            "unreadable" => {
                self.transaction.on_abort(Abort::UnreadableContent);
                return self.run();
            }
            "local" => {
                self.transaction.on_abort(Abort::LocalData);
                return self.run();
            }
            how => (Lost::Closed, how.strip_prefix("lost").unwrap().trim().parse().unwrap_or(0)),
        };
        self.transaction.on_lost(&mut self.replies, how, unwritten);
        self.run();
    }

    fn feed(&mut self, text: &str) {
        let octets = match text.strip_suffix('\\') {
            Some(part) => part.to_owned(),
            None => format!("{text}\r\n"),
        };
        self.replies.feed(octets.as_bytes());
    }

    /// Asks for actions until one needs the shell.
    fn run(&mut self) {
        let before = self.state;
        let mut out = Vec::new();
        self.state = self.transaction.next_action(&mut self.replies, &mut out);
        let text = String::from_utf8(out).unwrap();
        if !text.is_empty() {
            let lines = text.strip_suffix("\r\n").expect("every command has its end");
            for line in lines.split("\r\n") {
                assert!(!line.contains(['\r', '\n']), "{}: {line:?}", self.place);
                self.written.push_back(line.to_owned());
            }
        }
        if self.state == Action::SendContent && before != Action::SendContent {
            self.written.push_back("(content)".into());
        }
    }

    fn nothing_unseen(&self, line: &str) {
        assert!(self.written.is_empty(), "{}: before {line:?}: {:?}", self.place, self.written);
    }

    fn outcome(mut self) -> Vec<String> {
        if self.state == Action::Flush {
            self.go_on();
        }
        self.nothing_unseen("=");
        assert_eq!(self.state, Action::Done, "{}: the outcome comes too early", self.place);
        let warnings = self.transaction.take_warnings();
        let warnings = warnings.into_iter().map(|warning| format!("= warning: {warning}"));
        let settled = match self.transaction.into_outcome() {
            Outcome::Stale(stale) => return vec![format!("= stale: {}", stale.reason)],
            Outcome::Settled(settled) => settled,
        };
        let session = match &settled.session {
            SessionEnd::Ready(ready) => format!("ready {:?}", ready.origin()).to_lowercase(),
            SessionEnd::Quitting => "quitting".into(),
            SessionEnd::Broken(why) => format!("broken {why:?}"),
        };
        let verdicts = settled.verdicts.iter().map(verdict);
        warnings.chain(verdicts).chain([format!("= session {session}")]).collect()
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Sent(reply) => format!("= sent: {}", reply.one_line()),
        Verdict::Deliverable(reply) => format!("= deliverable: {}", reply.one_line()),
        Verdict::Failed(failure) => {
            assert!(!failure.reason.contains('\n'));
            let uncertain = match failure.certainty {
                Certainty::NotDelivered => "",
                Certainty::Uncertain => " uncertain",
            };
            let scope = format!("{:?}", failure.scope).to_lowercase();
            format!("= {} {scope}{uncertain}: {}", failure.status, failure.reason)
        }
    }
}
