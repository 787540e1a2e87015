//! Replies out of lines: the code, the enhanced status, the text.
//!
//! RFC 5321 §4.2 (replies) and §4.3.2 (what they mean); RFC 2034 §4 (enhanced status codes).

mod filter;

pub use filter::{FilterFailed, ReplyFilter, Secrecy};

use crate::line::{EndlessLine, LineReader, append_printable, quoted};
use crate::status::Status;
use std::borrow::Cow;
use std::sync::Arc;

/// How much text of a reply of many lines is kept, in octets.
pub(crate) const LONGEST_TEXT: usize = 2048;
/// How many lines a reply may have.
pub(crate) const MOST_LINES: usize = 512;
/// How many octets of replies may wait until they are asked for.
pub(crate) const MOST_UNREAD: usize = 256 * 1024;
/// How much of a line that is no reply is shown.
const SHOWN: usize = 80;

/// One complete reply of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Of the last line.
    pub code: Code,
    /// Of the last line: see [`Status`].
    pub status: Status,
    /// Every line with its code, as the server wrote it, joined by newlines; controls and invalid UTF-8 are `?`.
    pub text: String,
}

/// Three digits, `000` to `999`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

/// The first digit of a code. RFC 5321 §4.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyClass {
    /// 2yz
    Completed,
    /// 3yz
    Intermediate,
    /// 4yz
    Transient,
    /// 5yz
    Permanent,
    /// Nothing that a server may say.
    Other,
}

/// The server does not speak SMTP, or not within bounds. Nothing it says after that can be matched to a command:
/// close the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line that begins with no reply code; shown quoted.
    #[error("a line that is no reply: {0}")]
    Garbage(String),
    /// A line without end.
    #[error(transparent)]
    Line(#[from] EndlessLine),
    /// A reply without end.
    #[error("a reply of more than {MOST_LINES} lines")]
    Lines,
    /// Octets without end that nobody asked for.
    #[error("more than {MOST_UNREAD} octets that nobody asked for")]
    Flood,
    /// What the server said is to be reworded, and nobody knows how.
    #[error(transparent)]
    Filter(#[from] FilterFailed),
}

/// Collects replies out of octets; everything it holds is bounded.
#[derive(Debug, Default)]
pub struct ReplyReader {
    lines: LineReader,
    /// Lines of the reply that is not complete yet.
    begun: Begun,
    /// What [`ReplyReader::has_reply`] found.
    complete: Option<Arc<Reply>>,
    /// After an error there are no more replies.
    failed: Option<ReplyError>,
    /// Replies that were read, where somebody wants them for the log.
    heard: Option<Vec<Arc<Reply>>>,
    filter: Option<Box<dyn ReplyFilter>>,
    secrecy: Secrecy,
}

#[derive(Debug, Default)]
struct Begun {
    text: String,
    lines: usize,
    /// A line was left out of the text.
    cut: bool,
}

impl ReplyReader {
    /// A reader whose lines pass a filter first.
    #[must_use]
    pub fn filtered(filter: Option<Box<dyn ReplyFilter>>) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Whether the filter may show the lines that follow.
    pub fn set_secrecy(&mut self, secrecy: Secrecy) {
        self.secrecy = secrecy;
    }

    /// Takes octets as they came from the network.
    pub fn feed(&mut self, octets: &[u8]) {
        if self.lines.unread() + octets.len() > MOST_UNREAD {
            self.failed.get_or_insert(ReplyError::Flood);
        }
        if self.failed.is_none() {
            self.lines.feed(octets);
        }
    }

    /// From now on replies are kept for [`ReplyReader::take_heard`].
    pub fn keep_heard(&mut self) {
        self.heard.get_or_insert_default();
    }

    /// The replies that were read since the last call, for the log.
    pub fn take_heard(&mut self) -> Vec<Arc<Reply>> {
        self.heard.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The oldest reply that is complete.
    ///
    /// # Errors
    /// [`ReplyError`], again and again: the connection cannot be used any more.
    pub fn next_reply(&mut self) -> Result<Option<Arc<Reply>>, ReplyError> {
        if let Some(reply) = self.complete.take() {
            return Ok(Some(reply));
        }
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.read().map_err(|error| self.failed.insert(error).clone())
    }

    /// Whether [`ReplyReader::next_reply`] has something to say: a reply or an error. The shell reads from the
    /// network until it has, or until the stage's time is up.
    pub fn has_reply(&mut self) -> bool {
        match self.next_reply() {
            Ok(reply) => {
                self.complete = reply;
                self.complete.is_some()
            }
            Err(_) => true,
        }
    }

    /// Whether anything is here that was not given out: octets, lines of an unfinished reply, a reply, an error.
    #[must_use]
    pub fn has_leftover(&self) -> bool {
        self.complete.is_some() || self.begun.lines > 0 || self.lines.has_leftover() || self.failed.is_some()
    }

    fn read(&mut self) -> Result<Option<Arc<Reply>>, ReplyError> {
        while let Some(line) = self.lines.next_line()? {
            let other = match &mut self.filter {
                Some(filter) => filter.reword(&shown(line), self.secrecy)?,
                None => None,
            };
            let line = other.as_ref().map_or(line, |other| other.as_bytes());
            let Some((code, place)) = split(line) else {
                return Err(ReplyError::Garbage(quoted(line, SHOWN)));
            };
            self.begun.take(line)?;
            if place == Place::Last {
                let status = Status::of_reply(code.0, line.get(4..).unwrap_or_default());
                let text = std::mem::take(&mut self.begun).text;
                let reply = Arc::new(Reply { code, status, text });
                if let Some(heard) = &mut self.heard {
                    heard.push(Arc::clone(&reply));
                }
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }
}

impl Begun {
    /// Keeps the line if there is room for it. A part of a line could be misread, so it is all or nothing from the
    /// second line on.
    fn take(&mut self, line: &[u8]) -> Result<(), ReplyError> {
        self.lines += 1;
        if self.lines > MOST_LINES {
            return Err(ReplyError::Lines);
        }
        if self.lines > 1 {
            if self.cut || self.text.len() + 1 + line.len() > LONGEST_TEXT {
                self.cut = true;
                return Ok(());
            }
            self.text.push('\n');
        }
        append_printable(&mut self.text, line);
        Ok(())
    }
}

impl Reply {
    /// A reply of one or more lines, each with its code; for tests and for replies that were stored as text.
    ///
    /// # Errors
    /// [`ReplyError`] if the text is not one complete reply.
    pub fn parse(text: &str) -> Result<Arc<Self>, ReplyError> {
        let mut reader = ReplyReader::default();
        reader.feed(text.as_bytes());
        reader.feed(b"\n");
        reader.next_reply()?.ok_or_else(|| ReplyError::Garbage(quoted(text.as_bytes(), SHOWN)))
    }

    /// The text in one line, as the log shows it.
    #[must_use]
    pub fn one_line(&self) -> Cow<'_, str> {
        if self.text.contains('\n') { self.text.replace('\n', " ").into() } else { (&*self.text).into() }
    }

    /// The first line without its code.
    pub(crate) fn first_line(&self) -> &str {
        self.lines().next().unwrap_or_default()
    }

    /// The lines without their codes.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(|line| line.get(4..).unwrap_or_default())
    }
}

impl Code {
    /// 421: the server closes the channel. RFC 5321 §3.8.
    pub const CLOSING: Self = Self(421);
    /// 221: the answer to QUIT, and to nothing else.
    pub const BYE: Self = Self(221);

    /// As a number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// What its first digit says.
    #[must_use]
    pub const fn class(self) -> ReplyClass {
        match self.0 / 100 {
            2 => ReplyClass::Completed,
            3 => ReplyClass::Intermediate,
            4 => ReplyClass::Transient,
            5 => ReplyClass::Permanent,
            _ => ReplyClass::Other,
        }
    }

    /// Whether a failure with this code says that the conversation itself went wrong: below 400, above 599,
    /// 500 to 509 (syntax, sequence) and 555 (parameters not recognised).
    #[must_use]
    pub const fn is_protocol_error(self) -> bool {
        matches!(self.0, ..400 | 600.. | 500..=509 | 555)
    }
}

/// A line as people, and filters, see it.
fn shown(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    append_printable(&mut text, line);
    text
}

#[derive(PartialEq, Eq)]
enum Place {
    Last,
    More,
}

/// `250-text`, `250 text`, and the bare `250` that a client accepts too, RFC 5321 §4.2.
fn split(line: &[u8]) -> Option<(Code, Place)> {
    let digits = line.get(..3)?;
    let value =
        digits.iter().try_fold(0, |sum, d| d.is_ascii_digit().then(|| sum * 10 + u16::from(d - b'0')))?;
    let place = match line.get(3) {
        // A NUL ends the text.
        None | Some(b' ' | 0) => Place::Last,
        Some(b'-') => Place::More,
        Some(_) => return None,
    };
    Some((Code(value), place))
}

#[cfg(test)]
mod tests;
