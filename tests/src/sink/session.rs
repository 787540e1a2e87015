//! One connection of a sink.

mod encryption;
mod login;
mod transaction;

use super::Shared;
use super::record::Connection;
use super::rules::{Act, Stage};
use super::settings::Dialect;
use super::stream::Duplex;
use super::tls::Begins;
use std::io;
use std::sync::Arc;
use transaction::Envelope;

/// RFC 5321 section 4.5.3.1 asks for 512; extensions need more.
const LONGEST_LINE: usize = 4096;
/// Why a session is over.
enum Over {
    /// In order, or the client went.
    Done,
    /// The stream failed.
    Broken,
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

struct Session {
    shared: Arc<Shared>,
    /// `None` only while a handshake has it, and after one that failed.
    stream: Option<Duplex>,
    number: u32,
    messages: u32,
    envelope: Option<Envelope>,
    /// What came and was not looked at.
    input: Vec<u8>,
    /// Replies not written yet.
    output: Vec<u8>,
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: Duplex, local: String, shared: Arc<Shared>) {
    let number = shared.note(|record| {
        record.connections.push(Connection { local, ..Connection::default() });
        record.open += 1;
        record.most_open = record.most_open.max(record.open);
        u32::try_from(record.connections.len()).expect("fewer than 2^32")
    });
    let mut session = Session {
        shared,
        stream: Some(stream),
        number,
        messages: 0,
        envelope: None,
        input: Vec::new(),
        output: Vec::new(),
    };
    if let Err(Over::Done) = session.run().await {
        let _ = session.flush().await;
        if let Some(stream) = &mut session.stream {
            let _ = stream.close_notify().await;
        }
    }
    let Session { shared, stream, .. } = session;
    drop(stream);
    shared.note(|record| {
        record.open -= 1;
        record.connection(number).closed = true;
    });
}

impl Session {
    async fn run(&mut self) -> Result<(), Over> {
        if self.shared.settings.tls.as_ref().is_some_and(|tls| tls.begins == Begins::AtOnce) {
            self.secure().await?;
        }
        if !self.deviates(Stage::Greeting, "").await? {
            let banner = self.shared.settings.banner.clone();
            self.reply(&banner);
        }
        loop {
            let line = self.line().await?;
            self.command(&line).await?;
        }
    }

    /// The next command line, without its end.
    async fn line(&mut self) -> Result<String, Over> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.input) {
                let line: Vec<u8> = self.input.drain(..=at).collect();
                let Some(text) = line.strip_suffix(b"\r\n") else {
                    self.violation("a command ends in a bare LF");
                    return Err(Over::Done);
                };
                return Ok(String::from_utf8_lossy(text).into_owned());
            }
            if self.input.len() > LONGEST_LINE {
                self.violation("a command line without end");
                return Err(Over::Done);
            }
            self.more().await?;
        }
    }

    /// Writes what is due and reads on.
    async fn more(&mut self) -> Result<(), Over> {
        self.flush().await?;
        self.input.reserve(16 << 10);
        let stream = self.stream.as_mut().ok_or(Over::Broken)?;
        match stream.read(&mut self.input).await? {
            0 => Err(Over::Done),
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Over> {
        if !self.output.is_empty() {
            self.stream.as_mut().ok_or(Over::Broken)?.write(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }

    async fn command(&mut self, line: &str) -> Result<(), Over> {
        if self.shared.settings.verbose {
            self.shared.note(|record| record.connection(self.number).commands.push(line.to_owned()));
        }
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let stage = match verb.as_str() {
            "EHLO" | "HELO" | "LHLO" => Stage::Hello,
            "STARTTLS" => Stage::Starttls,
            "AUTH" if self.shared.settings.offers_auth() => Stage::Auth,
            "MAIL" => Stage::Mail,
            "RCPT" => Stage::Rcpt,
            "DATA" => Stage::Data,
            "RSET" => Stage::Rset,
            "QUIT" => Stage::Quit,
            "NOOP" => {
                self.reply("250 2.0.0 ok");
                return Ok(());
            }
            _ => {
                self.violation(&format!("unknown command {line:?}"));
                self.reply("502 5.5.2 not known here");
                return Ok(());
            }
        };
        self.check_wait(stage, line);
        if self.deviates(stage, line).await? {
            return Ok(());
        }
        match stage {
            Stage::Hello => self.hello(&verb, line),
            Stage::Mail => self.mail(line),
            Stage::Rcpt => self.rcpt(line),
            Stage::Data => return self.data().await,
            Stage::Starttls => return self.starttls().await,
            Stage::Auth => return self.log_in(line).await,
            Stage::Rset => {
                self.envelope = None;
                self.reply("250 2.0.0 ok");
            }
            _ => {
                self.reply("221 2.0.0 bye");
                return Err(Over::Done);
            }
        }
        Ok(())
    }

    fn hello(&mut self, verb: &str, line: &str) {
        let secured = self.is_secured();
        let settings = &self.shared.settings;
        let wanted = if settings.dialect == Dialect::Lmtp { "LHLO" } else { "EHLO" };
        let name = line.split(' ').nth(1).unwrap_or_default().to_owned();
        self.shared.note(|record| record.connection(self.number).hello = name);
        let mut lines = vec![settings.name.clone()];
        if verb == wanted {
            let offered = |line: &&String| !(secured && line.as_str() == "STARTTLS");
            lines.extend(settings.extensions.iter().filter(offered).cloned());
        } else if settings.dialect == Dialect::Lmtp || verb == "LHLO" {
            return self.reply("500 5.5.1 wrong protocol");
        }
        for (at, text) in lines.iter().enumerate() {
            let separator = if at + 1 == lines.len() { ' ' } else { '-' };
            self.reply(&format!("250{separator}{text}"));
        }
    }

    /// Does what a rule says, if one applies; says whether that replaces the usual.
    async fn deviates(&mut self, stage: Stage, line: &str) -> Result<bool, Over> {
        let (number, messages) = (self.number, self.messages);
        let rules = &self.shared.settings.rules;
        let Some(act) = rules.iter().find_map(|rule| rule.applies(stage, number, messages, line)).cloned()
        else {
            return Ok(false);
        };
        match act {
            Act::Reply(text) => {
                self.reply(&text);
                if text.starts_with("421") { Err(Over::Done) } else { Ok(true) }
            }
            Act::Close => Err(Over::Done),
            Act::Reset => {
                self.flush().await?;
                if let Some(stream) = &self.stream {
                    stream.reset_on_close();
                }
                Err(Over::Broken)
            }
            Act::Silence => {
                self.flush().await?;
                loop {
                    self.input.clear();
                    let stream = self.stream.as_mut().ok_or(Over::Broken)?;
                    if stream.read(&mut self.input).await? == 0 {
                        return Err(Over::Broken);
                    }
                }
            }
            Act::Delay(delay) => {
                self.flush().await?;
                tokio::time::sleep(delay).await;
                Ok(false)
            }
        }
    }

    /// A client may send ahead only where PIPELINING was announced, and never past EHLO, STARTTLS, DATA or
    /// QUIT (RFC 2920 section 3.1, RFC 3207 section 4).
    fn check_wait(&mut self, stage: Stage, line: &str) {
        let ends_group =
            matches!(stage, Stage::Hello | Stage::Starttls | Stage::Auth | Stage::Data | Stage::Quit);
        if !self.input.is_empty() && (ends_group || !self.shared.settings.pipelines()) {
            self.violation(&format!("sent on without waiting for the reply to {line:?}"));
        }
    }

    fn reply(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    fn violation(&self, text: &str) {
        self.shared.note(|record| record.violations.push(format!("connection {}: {text}", self.number)));
    }
}
