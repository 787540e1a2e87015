//! Handing messages to the relay's own listener over SMTP, as `baton send` and the demo do.

use smtp::{
    Abort, Action, Admission, Afterwards, BadHeloName, Certainty, Class, DataEncoder, Dialect, Discard,
    EhloUse, Encryption, Envelope, Failure, Hello, HelloAction, HelloOptions, HeloName, Identification, Lost,
    MailAuth, Onward, Outcome, PixWorkarounds, Purpose, Quoting, Ready, Recipient, RefusedGreeting,
    ReplyReader, SessionEnd, TransactionOptions, Utf8, Verdict,
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
    #[error("{text}")]
    Refused {
        /// What it said.
        text: String,
        /// RFC 3463.
        status: smtp::Status,
    },
    /// Our own name cannot be said in EHLO.
    #[error("myhostname: {0}")]
    Name(#[from] BadHeloName),
    /// The message could not be read to its end.
    #[error("cannot read the message back: {0}")]
    Content(std::io::Error),
}

impl From<std::io::Error> for SubmissionError {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A message, and for whom it is.
pub struct Letter<'a> {
    /// `local@domain`; empty for the null sender.
    pub sender: &'a str,
    /// Not more than the listener takes at once (`smtpd_recipient_limit`).
    pub recipients: &'a [String],
    /// Octets in `content`.
    pub size: u64,
    /// Whether there are octets above 127.
    pub body: smtp::Body,
    /// What notices are asked for.
    pub notices: Notices<'a>,
    /// Header and text, CRLF line ends.
    pub content: &'a mut dyn Read,
}

/// RFC 3461: what the sender wants to hear, of all recipients alike.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notices<'a> {
    /// `NOTIFY`.
    pub notify: Option<smtp::Notify>,
    /// `RET`.
    pub ret: Option<smtp::Ret>,
    /// `ENVID`, not yet in xtext.
    pub envid: Option<&'a str>,
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
    /// A command of this transaction was refused.
    refused: bool,
    /// The next octet begins a reply line.
    at_line_start: bool,
}

/// Content is written in pieces of about this size.
const PIECE: usize = 64 * 1024;
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
        let mut line = Line {
            stream,
            replies: ReplyReader::default(),
            outgoing: Vec::new(),
            refused: false,
            at_line_start: true,
        };
        let ready = Some(line.greet(name)?);
        Ok(Self { line, ready })
    }

    /// Hands one message in, whole and in memory: as [`Self::hand_in`].
    ///
    /// # Errors
    /// [`SubmissionError`].
    pub fn send(
        &mut self,
        sender: &str,
        recipients: &[String],
        mut content: &[u8],
    ) -> Result<(), SubmissionError> {
        let body = if content.is_ascii() { smtp::Body::Undeclared } else { smtp::Body::EightBitMime };
        let size = content.len() as u64;
        let notices = Notices::default();
        self.hand_in(Letter { sender, recipients, size, body, notices, content: &mut content })
    }

    /// Hands one message in; it is on the relay's disk when this returns.
    ///
    /// # Errors
    /// [`SubmissionError`]; then nobody gets the message, also if only some recipients were refused. Only after
    /// [`SubmissionError::Broken`] it is possible that they do.
    pub fn hand_in(&mut self, letter: Letter<'_>) -> Result<(), SubmissionError> {
        let Letter { sender, recipients, size, body, notices, content } = letter;
        let Notices { notify, ret, envid } = notices;
        let over = || SubmissionError::Broken("the conversation is over".into());
        let ready = self.ready.take().ok_or_else(over)?;
        let to: Vec<_> =
            recipients.iter().map(|address| Recipient { address, notify, ..Recipient::default() }).collect();
        let (utf8, auth) = (Utf8::NotAsked, MailAuth::Unsaid);
        let envelope = Envelope { sender, size, body, utf8, envid, ret, auth, client: None, recipients: &to };
        let options = TransactionOptions {
            quoting: Quoting::Rfc5321,
            purpose: Purpose::Delivery,
            afterwards: Afterwards::Keep,
        };
        let mut transaction = ready.transaction(PEER, &envelope, options);
        self.line.refused = false;
        let carried = self.line.carry(&mut transaction, content, size);
        match transaction.into_outcome() {
            Outcome::Settled(settled) => {
                if let SessionEnd::Ready(ready) = settled.session {
                    self.ready = Some(ready);
                }
                carried?;
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
            pix: PixWorkarounds::default(),
        };
        let mut hello = Hello::new(Dialect::SMTP, PEER, &options);
        while let HelloAction::Await(_) = hello.next_action(&mut self.replies, &mut self.outgoing) {
            if let Err(how) = self.exchange() {
                hello.on_lost(&mut self.replies, how);
            }
        }
        let entrance = match hello.finish().and_then(|greeted| greeted.onward(Encryption::Never)) {
            Ok(Onward::Plaintext(entrance)) => entrance,
            Ok(Onward::StartTls(_)) => return Err(SubmissionError::Broken("STARTTLS".into())),
            Err(failed) => return Err(failure(failed.failure)),
        };
        match entrance.onward(Identification::Nobody) {
            Ok(Admission::Mail(ready)) => Ok(ready),
            Ok(Admission::LogIn(_)) => Err(SubmissionError::Broken("AUTH".into())),
            Err(failed) => Err(failure(failed.failure)),
        }
    }

    fn carry(
        &mut self,
        transaction: &mut smtp::Transaction<'_>,
        content: &mut dyn Read,
        size: u64,
    ) -> Result<(), SubmissionError> {
        loop {
            let passed = match transaction.next_action(&mut self.replies, &mut self.outgoing) {
                Action::Await(_) => self.exchange(),
                Action::SendContent if self.refused => {
                    // All or nobody: the connection is closed without the final dot.
                    transaction.on_abort(Abort::LocalData);
                    return Ok(());
                }
                Action::SendContent => match self.write_content(content, size) {
                    Ok(passed) => {
                        transaction.on_content_written();
                        passed
                    }
                    Err(error) => {
                        transaction.on_abort(Abort::UnreadableContent);
                        return Err(SubmissionError::Content(error));
                    }
                },
                Action::Flush => self.write(),
                Action::Done => return Ok(()),
            };
            if let Err(how) = passed {
                // How much was written is not known: taken as nothing, so that no dot counts that may not have left.
                let unwritten = self.outgoing.len();
                transaction.on_lost(&mut self.replies, how, unwritten);
            }
        }
    }

    /// The last piece stays in the buffer and goes with the final dot. The outer error is the content's.
    fn write_content(&mut self, content: &mut dyn Read, size: u64) -> std::io::Result<Result<(), Lost>> {
        let mut encoder = DataEncoder::new(0);
        let mut piece = vec![0; PIECE];
        let mut length = 0;
        loop {
            let count = content.read(&mut piece)?;
            if count == 0 {
                break;
            }
            length += count as u64;
            encoder.encode(piece.get(..count).unwrap_or_default(), &mut self.outgoing);
            if self.outgoing.len() > PIECE
                && let Err(how) = self.write()
            {
                return Ok(Err(how));
            }
        }
        if length != size {
            return Err(std::io::Error::other(format!("{length} octets instead of {size}")));
        }
        encoder.finish(&mut self.outgoing);
        Ok(Ok(()))
    }

    fn exchange(&mut self) -> Result<(), Lost> {
        self.write()?;
        let mut buffer = [0; 4096];
        while !self.replies.has_reply() {
            let count = self.stream.read(&mut buffer).map_err(|error| lost(&error))?;
            if count == 0 {
                return Err(Lost::Closed);
            }
            let octets = buffer.get(..count).unwrap_or_default();
            self.look_for_refusal(octets);
            self.replies.feed(octets);
        }
        Ok(())
    }

    fn look_for_refusal(&mut self, octets: &[u8]) {
        for octet in octets {
            self.refused |= self.at_line_start && matches!(octet, b'4' | b'5');
            self.at_line_start = *octet == b'\n';
        }
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

/// The first thing that the relay has against the message.
fn verdict(verdicts: Vec<Verdict>) -> Result<(), SubmissionError> {
    let failed = |verdict| match verdict {
        Verdict::Failed(failure) => Some(failure),
        Verdict::Sent(_) | Verdict::Deliverable(_) => None,
    };
    let mut failures: Vec<_> = verdicts.into_iter().filter_map(failed).collect();
    // What it said goes before what followed from that.
    failures.sort_by_key(|failure| failure.reply.is_none());
    failures.into_iter().next().map_or(Ok(()), |one| Err(failure(one)))
}

fn failure(failure: Failure) -> SubmissionError {
    let Failure { status, reason: text, certainty, .. } = failure;
    match (certainty, status.class()) {
        (Certainty::Uncertain, _) => SubmissionError::Broken(text),
        (_, Class::Hard) => SubmissionError::Refused { text, status },
        _ => SubmissionError::Later(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    /// A listener that answers each command with the next of `replies`; gives the commands, and the text if
    /// it got to its final dot.
    fn answer(replies: &'static [&'static str]) -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let (mut stream, mut seen) = (stream, Vec::new());
            for reply in replies {
                write!(stream, "{reply}\r\n").unwrap();
                if reply.starts_with("354") {
                    seen.extend(lines.by_ref().take_while(|line| line != "."));
                    continue;
                }
                seen.extend(lines.next());
            }
            seen
        });
        (address, serving)
    }

    fn submit(replies: &'static [&'static str]) -> (Result<(), SubmissionError>, Vec<String>) {
        let (address, serving) = answer(replies);
        let mut submission = Submission::connect(address, "me.example").unwrap();
        let to = ["a@x.example".to_owned(), "b@x.example".to_owned()];
        let result = submission.send("s@x.example", &to, b"Subject: x\r\n\r\n.dot\r\n");
        drop(submission);
        (result, serving.join().unwrap())
    }

    #[test]
    fn a_message_goes_to_all() {
        let (result, seen) =
            submit(&["220 x ESMTP", "250 x", "250 ok", "250 ok", "250 ok", "354 go", "250 ok"]);
        result.unwrap();
        assert_eq!(seen.get(4..), Some(&["DATA", "Subject: x", "", "..dot"].map(str::to_owned)[..]));
    }

    #[test]
    fn one_refused_recipient_keeps_the_message_from_all() {
        let (result, seen) =
            submit(&["220 x ESMTP", "250 x", "250 ok", "250 ok", "550 5.1.1 who?", "354 go"]);
        let Err(SubmissionError::Refused { text, status }) = result else { panic!("{result:?}") };
        assert!(text.contains("5.1.1 who?"), "{text}");
        assert_eq!(status, smtp::Status::new(Class::Hard, 1, 1));
        assert_eq!(seen.last().map(String::as_str), Some("DATA"), "no text followed");
    }

    #[test]
    fn a_message_that_is_shorter_than_announced_is_not_sent() {
        let (address, serving) = answer(&["220 x ESMTP", "250 x", "250 ok", "250 ok", "354 go"]);
        let mut submission = Submission::connect(address, "me.example").unwrap();
        let (to, mut content) = (["a@x.example".to_owned()], &b"short\r\n"[..]);
        let body = smtp::Body::Undeclared;
        let notices = Notices::default();
        let letter = Letter { sender: "", recipients: &to, size: 100, body, notices, content: &mut content };
        assert!(matches!(submission.hand_in(letter), Err(SubmissionError::Content(_))));
        drop(submission);
        assert_eq!(serving.join().unwrap().last().map(String::as_str), Some("DATA"));
    }
}
