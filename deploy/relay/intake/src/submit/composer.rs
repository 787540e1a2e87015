//! A text from standard input becomes an envelope and a complete message, piece by piece.

use std::collections::HashSet;

use memchr::memchr;

use super::error::SubmitError;
use super::header::{Header, LineKind, Missing, line_kind};
use super::line_ends::{LineEnds, Wanted};
use super::options::{RecipientSource, SubmitOptions};
use super::phrase::phrase;
use crate::address::{AddressError, Mailbox, ReversePath, parse_address_list};
use crate::date::{compact, rfc5322_date};
use crate::header_watch::{HeaderFacts, HeaderWatch};
use crate::param::Body;

/// Octets of header that are held until its end is known.
const MAX_HEADER: usize = 1024 * 1024;

/// Who submits, where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The login name: the sender if `-f` names none.
    pub login: String,
    /// The person's name, if the system knows it; `-F` goes before it.
    pub full_name: Option<String>,
    /// `myorigin`: for addresses without domain and for the `Message-ID`.
    pub origin: String,
    /// Seconds since the epoch.
    pub unix_seconds: i64,
    /// Minutes east of UTC that the date is written in.
    pub offset_minutes: i16,
    /// Letters and digits that no other message of this second has on this host.
    pub unique: String,
}

/// Whether more input is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// Go on reading.
    More,
    /// A lone dot ended the message; the rest of the input is not part of it.
    Ended,
}

/// Everything known of a submission before its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmittedEnvelope {
    /// Who gets the failure notice.
    pub sender: ReversePath,
    /// At least one; each mailbox once, those of the command line first.
    pub recipients: Vec<Mailbox>,
    /// What `-B` said of the text, if anything.
    pub body: Option<Body>,
}

/// A complete submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// From whom, to whom.
    pub envelope: SubmittedEnvelope,
    /// Octets written.
    pub size: u64,
    /// An octet above 127 was among them.
    pub has_8bit: bool,
    /// What the finished header says.
    pub header: HeaderFacts,
}

/// Reads a message. Nothing is written before its whole header was seen and found good.
#[derive(Debug)]
pub struct Composer {
    caller: Caller,
    from: RecipientSource,
    missing: Missing,
    sender: ReversePath,
    recipients: Vec<Mailbox>,
    body: Option<Body>,
    lines: LineEnds,
    part: Part,
    envelope: Option<SubmittedEnvelope>,
    size: u64,
    has_8bit: bool,
    watch: HeaderWatch,
}

#[derive(Debug)]
enum Part {
    /// Header so far, and how much of it is lines already judged.
    Header {
        text: Vec<u8>,
        judged: usize,
    },
    Text,
}

impl Composer {
    /// Checks sender and recipients of the command line.
    pub fn new(options: SubmitOptions, caller: Caller) -> Result<Self, SubmitError> {
        let sender = sender(options.sender.as_deref(), &caller)?;
        let mut recipients = Vec::new();
        for text in &options.recipients {
            let list = parse_address_list(text, &caller.origin)
                .and_then(|list| if list.is_empty() { Err(AddressError::EmptyRecipient) } else { Ok(list) })
                .map_err(|error| SubmitError::BadRecipient { text: text.clone(), error })?;
            recipients.extend(list);
        }
        if recipients.is_empty() && options.from == RecipientSource::Arguments {
            return Err(SubmitError::NoRecipients);
        }
        let full_name = options.full_name.as_deref().or(caller.full_name.as_deref());
        Ok(Self {
            from: options.from,
            missing: missing(&sender, full_name, &caller),
            caller,
            sender,
            recipients,
            body: options.body,
            lines: LineEnds::new(options.dot),
            part: Part::Header { text: Vec::new(), judged: 0 },
            envelope: None,
            size: 0,
            has_8bit: false,
            watch: HeaderWatch::default(),
        })
    }

    /// Takes the next octets of the input and appends to `out` what of the message is ready.
    ///
    /// After an error the submission is void.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Fed, SubmitError> {
        let start = out.len();
        let wanted = match &mut self.part {
            Part::Header { text, .. } => self.lines.feed(input, text),
            Part::Text => self.lines.feed(input, out),
        };
        self.judge(out)?;
        self.measure(out.get(start..).unwrap_or_default());
        Ok(match wanted {
            Wanted::More => Fed::More,
            Wanted::Nothing => Fed::Ended,
        })
    }

    /// The input is over: appends the rest.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Submitted, SubmitError> {
        let start = out.len();
        match &mut self.part {
            Part::Header { text, .. } => self.lines.finish(text),
            Part::Text => self.lines.finish(out),
        }
        self.judge(out)?;
        if let Part::Header { text, .. } = &self.part {
            let header_size = text.len();
            self.end_header(header_size, header_size, out)?;
        }
        self.measure(out.get(start..).unwrap_or_default());
        let Self { envelope, size, has_8bit, watch, .. } = self;
        let envelope = envelope.ok_or(SubmitError::NoRecipients)?;
        Ok(Submitted { envelope, size, has_8bit, header: watch.finish() })
    }

    /// From whom and to whom, as soon as the header is complete.
    pub fn envelope(&self) -> Option<&SubmittedEnvelope> {
        self.envelope.as_ref()
    }

    /// Looks for the end of the header in what came.
    fn judge(&mut self, out: &mut Vec<u8>) -> Result<(), SubmitError> {
        loop {
            let Part::Header { text, judged } = &mut self.part else { return Ok(()) };
            let line = text.get(*judged..).unwrap_or_default();
            let whole = memchr(b'\n', line).map(|end| end + 1);
            let start = *judged;
            match (line_kind(line), whole) {
                (LineKind::Separator, Some(size)) => return self.end_header(start, start + size, out),
                (LineKind::Envelope, Some(size)) if start == 0 => drop(text.drain(..size)),
                (LineKind::Field, Some(size)) => *judged += size,
                (LineKind::Continuation, Some(size)) if start > 0 => *judged += size,
                (LineKind::Continuation, _) if start == 0 => return self.end_header(start, start, out),
                (LineKind::Envelope, _) if start > 0 => return self.end_header(start, start, out),
                (LineKind::Text, _) => return self.end_header(start, start, out),
                _ if text.len() > MAX_HEADER => return Err(SubmitError::LongHeader { limit: MAX_HEADER }),
                _ => return Ok(()),
            }
        }
    }

    /// `header` octets of what is held are header, the text begins behind `until`.
    fn end_header(&mut self, header: usize, until: usize, out: &mut Vec<u8>) -> Result<(), SubmitError> {
        let Part::Header { text, .. } = std::mem::replace(&mut self.part, Part::Text) else { return Ok(()) };
        if header > MAX_HEADER {
            return Err(SubmitError::LongHeader { limit: MAX_HEADER });
        }
        let parsed = Header::parse(text.get(..header).unwrap_or_default());
        let mut recipients = std::mem::take(&mut self.recipients);
        if self.from == RecipientSource::Header {
            recipients.extend(parsed.recipients(&self.caller.origin)?);
        }
        let mut known = HashSet::new();
        recipients.retain(|recipient| known.insert(recipient.folded()));
        if recipients.is_empty() {
            return Err(SubmitError::NoRecipientsInHeader);
        }
        self.envelope = Some(SubmittedEnvelope { sender: self.sender.clone(), recipients, body: self.body });
        parsed.write(&self.missing, out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(text.get(until..).unwrap_or_default());
        Ok(())
    }

    fn measure(&mut self, written: &[u8]) {
        self.size = self.size.saturating_add(u64::try_from(written.len()).unwrap_or(u64::MAX));
        self.has_8bit = self.has_8bit || !written.is_ascii();
        self.watch.push(written);
    }
}

fn sender(option: Option<&str>, caller: &Caller) -> Result<ReversePath, SubmitError> {
    let text = option.unwrap_or(&caller.login);
    let bad = |error| SubmitError::BadSender { text: text.into(), error };
    if option.is_some_and(|text| matches!(text.trim(), "" | "<>")) {
        return Ok(ReversePath::Null);
    }
    if option.is_none() {
        // A login name is no address syntax; whatever it holds is the local part.
        return Mailbox::new(text, &caller.origin).map(ReversePath::Mailbox).map_err(bad);
    }
    let mut list = parse_address_list(text, &caller.origin).map_err(bad)?;
    match (list.pop(), list.is_empty()) {
        (Some(mailbox), true) => Ok(ReversePath::Mailbox(mailbox)),
        _ => Err(bad(AddressError::NotAnAddress(text.into()))),
    }
}

fn missing(sender: &ReversePath, full_name: Option<&str>, caller: &Caller) -> Missing {
    let address = match sender {
        ReversePath::Null => format!("MAILER-DAEMON@{}", caller.origin),
        ReversePath::Mailbox(mailbox) => mailbox.to_string(),
    };
    let from = match full_name.and_then(phrase) {
        Some(name) => format!("{name} <{address}>"),
        None => address,
    };
    let stamp = compact(caller.unix_seconds);
    Missing {
        date: rfc5322_date(caller.unix_seconds, caller.offset_minutes),
        from,
        message_id: format!("<{stamp}.{}@{}>", caller.unique, caller.origin),
    }
}

#[cfg(test)]
mod tests;
