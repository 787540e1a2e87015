//! One connection of a sink.

use super::Shared;
use super::content;
use super::record::{Connection, Received};
use super::rules::{Act, Stage};
use super::settings::{Dialect, FinalReply};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// RFC 5321 section 4.5.3.1 asks for 512; extensions need more.
const LONGEST_LINE: usize = 4096;
/// No test sends more.
const LARGEST_CONTENT: usize = 128 << 20;

/// A connected stream of either kind.
pub(super) enum Duplex {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Duplex {
    async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Unix(stream) => stream.read_buf(buffer).await,
        }
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(octets).await,
            Self::Unix(stream) => stream.write_all(octets).await,
        }
    }

    /// Makes the coming close a reset.
    fn reset_on_close(&self) {
        if let Self::Tcp(stream) = self {
            let _ = rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO));
        }
    }
}

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

struct Envelope {
    sender: String,
    parameters: String,
    recipients: Vec<String>,
}

struct Session {
    shared: Arc<Shared>,
    stream: Duplex,
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
        stream,
        number,
        messages: 0,
        envelope: None,
        input: Vec::new(),
        output: Vec::new(),
    };
    if let Err(Over::Done) = session.run().await {
        let _ = session.flush().await;
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
        match self.stream.read(&mut self.input).await? {
            0 => Err(Over::Done),
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Over> {
        if !self.output.is_empty() {
            self.stream.write(&self.output).await?;
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
        let settings = &self.shared.settings;
        let wanted = if settings.dialect == Dialect::Lmtp { "LHLO" } else { "EHLO" };
        let name = line.split(' ').nth(1).unwrap_or_default().to_owned();
        self.shared.note(|record| record.connection(self.number).hello = name);
        let mut lines = vec![settings.name.clone()];
        if verb == wanted {
            lines.extend(settings.extensions.iter().cloned());
        } else if settings.dialect == Dialect::Lmtp || verb == "LHLO" {
            return self.reply("500 5.5.1 wrong protocol");
        }
        for (at, text) in lines.iter().enumerate() {
            let separator = if at + 1 == lines.len() { ' ' } else { '-' };
            self.reply(&format!("250{separator}{text}"));
        }
    }

    fn mail(&mut self, line: &str) {
        if self.envelope.is_some() {
            return self.reply("503 5.5.1 nested MAIL");
        }
        match address(line, "MAIL FROM:") {
            Some((sender, parameters)) => {
                self.envelope = Some(Envelope { sender, parameters, recipients: Vec::new() });
                self.reply("250 2.1.0 ok");
            }
            None => self.reply("501 5.5.4 syntax: MAIL FROM:<address>"),
        }
    }

    fn rcpt(&mut self, line: &str) {
        let reply = match (self.envelope.as_mut(), address(line, "RCPT TO:")) {
            (None, _) => "503 5.5.1 MAIL first",
            (_, None) => "501 5.5.4 syntax: RCPT TO:<address>",
            (Some(envelope), Some((recipient, _))) => {
                envelope.recipients.push(recipient);
                "250 2.1.5 ok"
            }
        };
        self.reply(reply);
    }

    async fn data(&mut self) -> Result<(), Over> {
        let refusal = match &self.envelope {
            None => Some("503 5.5.1 MAIL first"),
            Some(envelope) if envelope.recipients.is_empty() => Some("554 5.5.1 no valid recipients"),
            Some(_) => None,
        };
        self.reply(refusal.unwrap_or("354 end with a dot"));
        if refusal.is_some() {
            return Ok(());
        }
        let mut searched = 0;
        let (length, consumed) = loop {
            if let Some(found) = content::end(&self.input, searched) {
                break found;
            }
            if searched == 0 && !self.input.is_empty() && self.deviates(Stage::Content, "").await? {
                return Ok(());
            }
            if self.input.len() > LARGEST_CONTENT {
                self.violation("content without end");
                return Err(Over::Done);
            }
            searched = self.input.len();
            self.more().await?;
        };
        let wire: Vec<u8> = self.input.drain(..consumed).take(length).collect();
        self.dot(&wire).await
    }

    async fn dot(&mut self, wire: &[u8]) -> Result<(), Over> {
        let dot_at = Instant::now();
        let envelope = self.envelope.take().expect("DATA came after MAIL");
        let replies =
            if self.shared.settings.dialect == Dialect::Lmtp { envelope.recipients.len() } else { 1 };
        if self.deviates(Stage::Dot, "").await? {
            return Ok(());
        }
        if content::has_bare_line_end(wire) {
            self.violation("the content has a bare CR or LF");
        }
        let text = content::unstuff(wire);
        let content::Parsed { message_id, body, original } = content::parse(&text);
        self.messages += 1;
        let message = Received {
            connection: self.number,
            nth: self.messages,
            sender: envelope.sender,
            recipients: envelope.recipients,
            mail_parameters: envelope.parameters,
            message_id,
            body,
            original,
            size: text.len() as u64,
            dot_at,
            answered: false,
            content: if self.shared.settings.verbose { text } else { Vec::new() },
        };
        let index = self.shared.note(|record| {
            record.connection(self.number).messages += 1;
            record.messages.push(message);
            record.messages.len() - 1
        });
        self.final_reply().await?;
        for _ in 0..replies {
            self.reply("250 2.0.0 accepted");
        }
        self.flush().await?;
        self.shared.note(|record| record.messages[index].answered = true);
        let over = self.shared.settings.close_after.is_some_and(|limit| self.messages >= limit);
        if over { Err(Over::Done) } else { Ok(()) }
    }

    /// Waits until the reply to the final dot is due.
    async fn final_reply(&mut self) -> Result<(), Over> {
        match self.shared.settings.final_reply {
            FinalReply::Prompt => {}
            FinalReply::After(delay) => tokio::time::sleep(delay).await,
            FinalReply::Held => {
                let mut released = self.shared.released.subscribe();
                let _ = released.wait_for(|&go| go).await;
            }
        }
        Ok(())
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
                self.stream.reset_on_close();
                Err(Over::Broken)
            }
            Act::Silence => {
                self.flush().await?;
                loop {
                    self.input.clear();
                    if self.stream.read(&mut self.input).await? == 0 {
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

    /// A client may send ahead only where PIPELINING was announced, and never past EHLO, DATA or QUIT
    /// (RFC 2920 section 3.1).
    fn check_wait(&mut self, stage: Stage, line: &str) {
        let ends_group = matches!(stage, Stage::Hello | Stage::Data | Stage::Quit);
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

/// The address between `<` and `>` after `prefix`, and the parameters behind it.
fn address(line: &str, prefix: &str) -> Option<(String, String)> {
    let head = line.get(..prefix.len())?;
    let rest = line.get(prefix.len()..)?.trim_start();
    let (address, parameters) = rest.strip_prefix('<')?.rsplit_once('>')?;
    head.eq_ignore_ascii_case(prefix).then(|| (address.to_owned(), parameters.trim().to_owned()))
}
