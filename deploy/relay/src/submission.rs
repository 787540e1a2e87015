//! Handing messages to the relay's own listener over SMTP, as `baton send` and the demo do.

use smtp::{
    Action, DataEncoder, Dialect, Discard, EhloFacts, Ending, Envelope, Greeting, GreetingAction,
    GreetingOptions, Loss, Recipient, Reply, ReplyError, ReplyReader, Start, Transaction, Verdict,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
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

impl From<ReplyError> for SubmissionError {
    fn from(error: ReplyError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A conversation with the listener.
#[derive(Debug)]
pub struct Submission {
    stream: TcpStream,
    replies: ReplyReader,
    facts: EhloFacts,
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
        let mut submission = Self {
            stream,
            replies: ReplyReader::default(),
            facts: EhloFacts::default(),
            outgoing: Vec::new(),
        };
        submission.greet(name)?;
        Ok(submission)
    }

    fn greet(&mut self, name: &str) -> Result<(), SubmissionError> {
        let options = GreetingOptions {
            name: name.to_owned(),
            dialect: Dialect::SMTP,
            always_ehlo: true,
            never_ehlo: false,
            skip_5xx: false,
            discard: Discard::default(),
        };
        let mut greeting = Greeting::new(options, PEER);
        while let GreetingAction::Await(_) = greeting.next_action() {
            let reply = self.exchange()?;
            greeting
                .on_reply(&reply, &mut self.outgoing)
                .map_err(|failure| SubmissionError::Later(failure.reason))?;
        }
        if let Some(hello) = greeting.finish() {
            self.facts = hello.ready().into_facts();
        }
        Ok(())
    }

    /// Hands one message in; it is on the relay's disk when this returns.
    ///
    /// # Errors
    /// [`SubmissionError`]; if some recipients are refused, nobody gets the message.
    pub fn send(
        &mut self,
        sender: &str,
        recipients: &[String],
        content: &[u8],
    ) -> Result<(), SubmissionError> {
        let envelope = Envelope {
            sender: sender.to_owned(),
            recipients: recipients.iter().map(Recipient::plain).collect(),
            size: content.len() as u64,
            body: if content.is_ascii() { smtp::Body::Unset } else { smtp::Body::EightBitMime },
            ..Envelope::default()
        };
        let facts = self.facts.clone();
        let mut transaction =
            Transaction::new(&envelope, Dialect::SMTP, &facts, PEER, Start::Fresh, Ending::Keep);
        loop {
            match transaction.next_action(&mut self.outgoing) {
                Action::Await(_) => {
                    let reply = self.exchange()?;
                    transaction.on_reply(&reply);
                }
                Action::SendContent => {
                    let mut encoder = DataEncoder::new(0);
                    encoder.encode(content, &mut self.outgoing);
                    encoder.finish(&mut self.outgoing);
                    transaction.content_sent();
                }
                Action::Done => break,
            }
        }
        verdict(transaction.into_outcome().verdicts)
    }

    /// Ends the conversation.
    ///
    /// # Errors
    /// [`SubmissionError`]; what was sent before is safe all the same.
    pub fn quit(mut self) -> Result<(), SubmissionError> {
        self.outgoing.extend_from_slice(smtp::quit());
        self.exchange().map(drop)
    }

    fn exchange(&mut self) -> Result<Arc<Reply>, SubmissionError> {
        self.stream.write_all(&self.outgoing)?;
        self.outgoing.clear();
        let mut buffer = [0; 4096];
        loop {
            if let Some(reply) = self.replies.next_reply()? {
                return Ok(reply);
            }
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(SubmissionError::Broken(format!("{:?}", Loss::Closed)));
            }
            self.replies.feed(buffer.get(..count).unwrap_or_default());
        }
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
