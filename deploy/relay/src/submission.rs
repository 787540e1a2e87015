//! Handing messages to the relay's own listener over SMTP, as `baton send` and the demo do.

use smtp::{
    Action, Afterwards, BadHeloName, DataEncoder, Dialect, Discard, EhloUse, Envelope, Hello, HelloAction,
    HelloOptions, HeloName, Lost, Outcome, Quoting, Ready, Recipient, RefusedGreeting, ReplyReader,
    SessionEnd, TransactionOptions, Utf8, Verdict,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// The listener cannot be reached, or went away.
    #[error("no relay listens on {0}: {1}")]
    Unreachable(SocketAddr, std::io::Error),
    /// The conversation broke off; the message may have to be sent again.
    #[error("the relay ended the conversation: {0}")]
    Broken(String),
    /// Not now; the text is the relay's.
    #[error("{0}")]
    Later(String),
    /// Never; the text is the relay's.
    #[error("{0}")]
    Refused(String),
}

impl From<std::io::Error> for SubmissionError {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<BadHeloName> for SubmissionError {
    fn from(error: BadHeloName) -> Self {
        Self::Refused(error.to_string())
    }
}

/// A conversation with the listener.
#[derive(Debug)]
pub struct Submission {
    line: Line,
    ready: Option<Ready>,
}

/// The connection below it.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    replies: ReplyReader,
    outgoing: Vec<u8>,
}

const PATIENCE: Duration = Duration::from_secs(300);
const PEER: &str = "relay";

impl Submission {
    /// Connects and greets with `name`.
    ///
    /// # Errors
    /// [`SubmissionError`].
    pub fn connect(address: SocketAddr, name: &str) -> Result<Self, SubmissionError> {
        let stream =
            TcpStream::connect(address).map_err(|error| SubmissionError::Unreachable(address, error))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = Line { stream, replies: ReplyReader::default(), outgoing: Vec::new() };
        let ready = Some(line.greet(name)?);
        Ok(Self { line, ready })
    }

    /// Hands one message in; it is on the relay's disk when this returns.
    ///
    /// # Errors
    /// [`SubmissionError`]; if some recipients are refused, the others get the message all the same.
    pub fn send(
        &mut self,
        sender: &str,
        recipients: &[String],
        content: &[u8],
    ) -> Result<(), SubmissionError> {
        let over = || SubmissionError::Broken("the conversation is over".into());
        let ready = self.ready.take().ok_or_else(over)?;
        let to: Vec<_> =
            recipients.iter().map(|address| Recipient { address, ..Recipient::default() }).collect();
        let envelope = Envelope {
            sender,
            size: content.len() as u64,
            body: if content.is_ascii() { smtp::Body::Undeclared } else { smtp::Body::EightBitMime },
            utf8: Utf8::NotAsked,
            envid: None,
            ret: None,
            recipients: &to,
        };
        let options = TransactionOptions { quoting: Quoting::Rfc5321, afterwards: Afterwards::Keep };
        let mut transaction = ready.transaction(PEER, &envelope, options);
        self.line.carry(&mut transaction, content);
        match transaction.into_outcome() {
            Outcome::Settled(settled) => {
                if let SessionEnd::Ready(ready) = settled.session {
                    self.ready = Some(ready);
                }
                verdict(settled.verdicts)
            }
            Outcome::Stale(stale) => Err(SubmissionError::Broken(stale.reason)),
        }
    }

    /// Ends the conversation.
    ///
    /// # Errors
    /// [`SubmissionError`]; what was sent before is safe all the same.
    pub fn quit(mut self) -> Result<(), SubmissionError> {
        self.line.outgoing.extend_from_slice(smtp::QUIT);
        self.line.exchange().map_err(|how| SubmissionError::Broken(format!("{how:?}")))
    }
}

impl Line {
    fn greet(&mut self, name: &str) -> Result<Ready, SubmissionError> {
        let options = HelloOptions {
            name: HeloName::new(name)?,
            my_hostname: String::new(),
            ehlo: EhloUse::Always,
            refused_greeting: RefusedGreeting::TryElsewhere,
            discard: Discard::default(),
        };
        let mut hello = Hello::new(Dialect::SMTP, PEER, &options);
        while let HelloAction::Await(_) = hello.next_action(&mut self.replies, &mut self.outgoing) {
            if let Err(how) = self.exchange() {
                hello.on_lost(&mut self.replies, how);
            }
        }
        match hello.finish() {
            Ok(greeted) => Ok(greeted.ready()),
            Err(failed) => Err(SubmissionError::Later(failed.failure.reason)),
        }
    }

    fn carry(&mut self, transaction: &mut smtp::Transaction<'_>, content: &[u8]) {
        loop {
            let passed = match transaction.next_action(&mut self.replies, &mut self.outgoing) {
                Action::Await(_) => self.exchange(),
                Action::SendContent => {
                    let mut encoder = DataEncoder::new(0);
                    encoder.encode(content, &mut self.outgoing);
                    encoder.finish(&mut self.outgoing);
                    transaction.on_content_written();
                    Ok(())
                }
                Action::Flush => self.write(),
                Action::Done => return,
            };
            if let Err(how) = passed {
                // How much was written is not known: taken as nothing, so that no dot counts that may not have left.
                let unwritten = self.outgoing.len();
                transaction.on_lost(&mut self.replies, how, unwritten);
            }
        }
    }

    fn exchange(&mut self) -> Result<(), Lost> {
        self.write()?;
        let mut buffer = [0; 4096];
        while !self.replies.has_reply() {
            let count = self.stream.read(&mut buffer).map_err(|error| lost(&error))?;
            if count == 0 {
                return Err(Lost::Closed);
            }
            self.replies.feed(buffer.get(..count).unwrap_or_default());
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Lost> {
        self.stream.write_all(&self.outgoing).map_err(|error| lost(&error))?;
        self.outgoing.clear();
        Ok(())
    }
}

fn lost(error: &std::io::Error) -> Lost {
    match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => Lost::TimedOut,
        _ => Lost::Closed,
    }
}

/// All or nothing, as far as the caller is concerned: the worst verdict is told.
fn verdict(verdicts: Vec<Verdict>) -> Result<(), SubmissionError> {
    for verdict in verdicts {
        if let Verdict::Failed(failure) = verdict {
            return Err(match failure.status.class() {
                smtp::Class::Hard => SubmissionError::Refused(failure.reason),
                _ => SubmissionError::Later(failure.reason),
            });
        }
    }
    Ok(())
}
