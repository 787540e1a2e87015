//! One connection of a scripted server: the usual dialogue, the rules of its case, and a transcript of the client.
//!
//! A transcript has a line for each command, with `+` before those that came before the reply to the one before them; content
//! follows with `|`; how the connection ended is its last line.

use super::rule::{Action, Moment, Rule};
use super::server::Heard;
use super::trace;
use crate::tls_server::Issued;
use rustix::net::sockopt;
use std::collections::HashMap;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::ServerConfig;
use tokio_rustls::rustls::sign::SingleCertAndKey;

/// How long a closed connection is read on.
const LINGER: Duration = Duration::from_secs(5);

/// How a server behaves.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// What EHLO lists.
    pub(super) offers: Vec<String>,
    /// What is done instead of the usual.
    pub(super) rules: Vec<Rule>,
    /// The server's rank among those of its case.
    pub(super) rank: u8,
    /// One reply to the final dot for each recipient, and LHLO.
    pub(super) lmtp: bool,
    /// For STARTTLS.
    pub(super) identity: Option<Arc<Issued>>,
}

/// What a dialogue runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Holds one dialogue to its end. `twin` is the same socket, for a reset.
pub(super) async fn hold(
    stream: Box<dyn Stream>,
    twin: Option<TcpStream>,
    script: Arc<Script>,
    heard: Heard,
) {
    let number = {
        let mut heard = heard.lock().expect("no session failed");
        heard.push(Vec::new());
        heard.len()
    };
    let mut dialogue = Dialogue {
        stream,
        twin,
        script,
        heard,
        number,
        secured: false,
        accepted: 0,
        times: HashMap::new(),
        input: Vec::new(),
        ahead: false,
        answers: false,
        quit: false,
    };
    let end = match dialogue.run().await {
        // Who is first to close is a matter of moments then.
        _ if dialogue.quit => "= over",
        Ok(End::Ours) => "= the server closes",
        Ok(End::Theirs) | Err(_) => "= the client closes",
    };
    dialogue.note(end.to_owned());
    // Read to the end, so that no reset overtakes what was said.
    if dialogue.stream.shutdown().await.is_ok() {
        let drain =
            async { while dialogue.stream.read_buf(&mut dialogue.input).await.is_ok_and(|n| n > 0) {} };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}

enum End {
    Ours,
    Theirs,
}

/// What to do after a command.
enum Next {
    Command,
    Content,
    Over(End),
}

struct Dialogue {
    stream: Box<dyn Stream>,
    twin: Option<TcpStream>,
    script: Arc<Script>,
    heard: Heard,
    number: usize,
    secured: bool,
    /// Recipients of this transaction.
    accepted: usize,
    times: HashMap<String, u32>,
    input: Vec<u8>,
    /// The line was there before its turn.
    ahead: bool,
    /// The next line is an answer to a 334.
    answers: bool,
    /// The client said QUIT.
    quit: bool,
}

impl Dialogue {
    async fn run(&mut self) -> io::Result<End> {
        if let Next::Over(end) = self.respond("GREETING", "").await? {
            return Ok(end);
        }
        loop {
            let Some(line) = self.line().await? else { return Ok(End::Theirs) };
            let mark = if self.ahead { "+" } else { ">" };
            self.note(format!("{mark} {}", trace::visible(&line)));
            let text = String::from_utf8_lossy(&line).into_owned();
            let verb = match text.split([' ', ':']).next().unwrap_or_default() {
                _ if std::mem::take(&mut self.answers) => "ANSWER".to_owned(),
                verb => verb.to_ascii_uppercase(),
            };
            self.quit |= verb == "QUIT";
            match self.respond(&verb, &text).await? {
                Next::Command => {}
                Next::Over(end) => return Ok(end),
                Next::Content => match self.content().await? {
                    Next::Over(end) => return Ok(end),
                    _ => self.accepted = 0,
                },
            }
        }
    }

    fn note(&self, line: String) {
        self.heard.lock().expect("no session failed")[self.number - 1].push(line);
    }

    /// The next line without its CRLF; nothing when the client closed.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.ahead = true;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.input) {
                let mut line: Vec<u8> = self.input.drain(..=end).collect();
                line.truncate(line.len() - 1);
                match line.last() {
                    Some(b'\r') => line.truncate(line.len() - 1),
                    _ => line.extend_from_slice(b"<bare LF>"),
                }
                return Ok(Some(line));
            }
            self.ahead &= !self.input.is_empty();
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The content up to its final dot, and the reply to that.
    async fn content(&mut self) -> io::Result<Next> {
        let mut first = true;
        loop {
            let Some(line) = self.line().await? else { return Ok(Next::Over(End::Theirs)) };
            if line == b"." {
                self.note("| .".into());
                return self.respond("DOT", "").await;
            }
            self.note(format!("| {}", trace::visible(&line)));
            if std::mem::take(&mut first) && self.rule("CONTENT", "").is_some() {
                match self.respond("CONTENT", "").await? {
                    Next::Command => {}
                    other => return Ok(other),
                }
            }
        }
    }

    fn rule(&mut self, verb: &str, line: &str) -> Option<Vec<Action>> {
        let times = self.times.entry(verb.to_owned()).or_default();
        *times += 1;
        let connection = u32::try_from(self.number).expect("few connections");
        let now = Moment { verb, nth: *times, connection, rank: self.script.rank, line };
        self.script.rules.iter().find(|rule| rule.applies(now)).map(|rule| rule.actions.clone())
    }

    async fn respond(&mut self, verb: &str, line: &str) -> io::Result<Next> {
        if verb == "CONTENT" {
            // Counted by whoever asked.
            *self.times.entry(verb.to_owned()).or_default() -= 1;
        }
        let actions = self.rule(verb, line).unwrap_or_else(|| vec![Action::Usual]);
        let mut next = Next::Command;
        for action in actions {
            match action {
                Action::Say(text) => next = self.say(verb, &text).await?,
                Action::Usual => {
                    let text = self.usual(verb);
                    next = self.say(verb, text.as_bytes()).await?;
                    if verb == "STARTTLS" && text.starts_with("220") {
                        self.secure().await?;
                    }
                    if verb == "QUIT" {
                        return Ok(Next::Over(End::Ours));
                    }
                }
                Action::StartTls => self.secure().await?,
                Action::Broken => {
                    self.stream.read_buf(&mut Vec::new()).await?;
                    self.stream.write_all(b"500 what was that?\r\n").await?;
                    return Ok(Next::Over(End::Ours));
                }
                Action::Close => return Ok(Next::Over(End::Ours)),
                Action::Reset => {
                    if let Some(socket) = self.twin.take() {
                        sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
                    }
                    self.stream = Box::new(tokio::io::empty());
                    return Ok(Next::Over(End::Ours));
                }
                Action::Silence => return self.silence().await,
            }
        }
        Ok(next)
    }

    /// Reads on, and says nothing.
    async fn silence(&mut self) -> io::Result<Next> {
        while let Some(line) = self.line().await? {
            self.note(format!("~ {}", trace::visible(&line)));
        }
        Ok(Next::Over(End::Theirs))
    }

    async fn say(&mut self, verb: &str, text: &[u8]) -> io::Result<Next> {
        self.stream.write_all(text).await?;
        self.stream.flush().await?;
        match (verb, text.first()) {
            ("RCPT", Some(b'2')) => self.accepted += 1,
            ("MAIL" | "RSET", _) => self.accepted = 0,
            ("DATA", Some(b'3')) => return Ok(Next::Content),
            ("AUTH" | "ANSWER", Some(b'3')) => self.answers = true,
            _ => {}
        }
        Ok(Next::Command)
    }

    fn usual(&self, verb: &str) -> String {
        let one = match verb {
            "GREETING" if self.script.lmtp => "220 server.test LMTP",
            "GREETING" => "220 server.test ESMTP",
            "EHLO" | "LHLO" => return self.hello(),
            "HELO" => "250 server.test",
            "STARTTLS" if self.script.identity.is_some() => "220 2.0.0 go",
            "AUTH" | "ANSWER" => "235 2.7.0 welcome",
            "MAIL" => "250 2.1.0 sender ok",
            "RCPT" => "250 2.1.5 recipient ok",
            "DATA" if self.accepted == 0 => "554 5.5.1 no valid recipients",
            "DATA" => "354 end with a dot",
            "CONTENT" => return String::new(),
            "DOT" if self.script.lmtp => return "250 2.0.0 taken\r\n".repeat(self.accepted),
            "DOT" => "250 2.0.0 taken",
            "RSET" | "XFORWARD" | "NOOP" => "250 2.0.0 ok",
            "QUIT" => "221 2.0.0 bye",
            _ => "502 5.5.2 not known",
        };
        format!("{one}\r\n")
    }

    fn hello(&self) -> String {
        let offers = self.script.offers.iter().filter(|line| !(self.secured && line.as_str() == "STARTTLS"));
        let mut lines = vec!["server.test".to_owned()];
        lines.extend(offers.cloned());
        let last = lines.len() - 1;
        let line = |(at, text)| format!("250{}{text}\r\n", if at == last { ' ' } else { '-' });
        lines.into_iter().enumerate().map(line).collect()
    }

    async fn secure(&mut self) -> io::Result<()> {
        let identity = self.script.identity.as_ref().expect("a case with STARTTLS names a certificate");
        let resolver = Arc::new(SingleCertAndKey::from(identity.certified()));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("ring has both");
        let config = builder.with_no_client_auth().with_cert_resolver(resolver);
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
        let name = stream.get_ref().1.server_name().unwrap_or("nobody").to_owned();
        self.stream = Box::new(stream);
        self.secured = true;
        self.note(format!("= TLS, asked for {name}"));
        Ok(())
    }
}
