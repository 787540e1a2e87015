//! Watches the first header block of a message stream by: what logs and limits need, nothing kept beyond that.

use memchr::memchr;

/// Octets of a `Message-ID` that are kept for the log.
const MESSAGE_ID_KEPT: usize = 998;
/// The longest field name that means something here, and one more.
const NAME_KEPT: usize = 11;

/// What the header of a message said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFacts {
    /// The first `Message-ID`, unfolded, printable ASCII (`?` for anything else), with its brackets.
    pub message_id: Option<String>,
    /// `Received:` fields, each one hop.
    pub received: u32,
    /// A `From:` field exists.
    pub from: bool,
    /// A `Date:` field exists.
    pub date: bool,
    /// An octet above 127 is in it, which only SMTPUTF8 allows (RFC 6532).
    pub utf8: bool,
}

/// Reads text in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct HeaderWatch {
    state: State,
    name: Vec<u8>,
    field: Option<Field>,
    field_size: usize,
    longest: usize,
    message_id: Vec<u8>,
    facts: HeaderFacts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    LineStart,
    Name,
    /// Blanks between name and colon, which RFC 5322 §4.5 still asks to understand.
    NameEnd,
    Value,
    /// Behind a CR at the start of a line.
    LastLine,
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    MessageId,
    Other,
}

impl HeaderWatch {
    /// Looks at the next octets of the text.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while self.state != State::Body && !bytes.is_empty() {
            let used = if self.state == State::Value { self.value(bytes) } else { self.octet(bytes) };
            self.field_size = self.field_size.saturating_add(used);
            self.longest = self.longest.max(self.field_size);
            let (seen, rest) = bytes.split_at_checked(used).unwrap_or((bytes, &[]));
            self.facts.utf8 |= !seen.is_ascii();
            bytes = rest;
        }
    }

    /// `Received:` fields so far.
    pub(crate) fn received(&self) -> u32 {
        self.facts.received
    }

    /// Octets of the longest field so far, continuation lines and line ends included.
    pub(crate) fn longest_field(&self) -> usize {
        self.longest
    }

    /// What was found in all.
    pub(crate) fn finish(mut self) -> HeaderFacts {
        let id = std::mem::take(&mut self.message_id);
        let clean: String =
            id.iter().map(|&b| if matches!(b, b' '..=b'~') { b as char } else { '?' }).collect();
        self.facts.message_id = Some(clean.trim().to_owned()).filter(|id| !id.is_empty());
        self.facts
    }

    fn octet(&mut self, bytes: &[u8]) -> usize {
        let Some(&byte) = bytes.first() else { return 0 };
        self.state = match (self.state, byte) {
            (State::LineStart, b' ' | b'\t') if self.field.is_some() => {
                self.capture(b" ");
                State::Value
            }
            (State::LineStart, b'\r') => State::LastLine,
            (State::LineStart, b'!'..=b'9' | b';'..=b'~') => {
                self.name.clear();
                self.field_size = 0;
                self.name_octet(byte)
            }
            (State::Name, b'!'..=b'9' | b';'..=b'~') => self.name_octet(byte),
            (State::Name | State::NameEnd, b' ' | b'\t') => State::NameEnd,
            (State::Name | State::NameEnd, b':') => self.begin_value(),
            _ => State::Body,
        };
        1
    }

    fn name_octet(&mut self, byte: u8) -> State {
        if self.name.len() < NAME_KEPT {
            self.name.push(byte.to_ascii_lowercase());
        }
        State::Name
    }

    fn begin_value(&mut self) -> State {
        self.field = Some(Field::Other);
        match self.name.as_slice() {
            b"received" => self.facts.received = self.facts.received.saturating_add(1),
            b"from" => self.facts.from = true,
            b"date" => self.facts.date = true,
            b"message-id" if self.message_id.is_empty() => self.field = Some(Field::MessageId),
            _ => {}
        }
        State::Value
    }

    /// Up to the end of the line, or of what there is of it.
    fn value(&mut self, bytes: &[u8]) -> usize {
        let (text, used) = match memchr(b'\n', bytes) {
            Some(end) => {
                self.state = State::LineStart;
                (bytes.get(..end).unwrap_or_default(), end + 1)
            }
            None => (bytes, bytes.len()),
        };
        self.capture(text);
        used
    }

    fn capture(&mut self, text: &[u8]) {
        if self.field == Some(Field::MessageId) {
            let room = MESSAGE_ID_KEPT.saturating_sub(self.message_id.len());
            self.message_id.extend(text.iter().copied().filter(|&byte| byte != b'\r').take(room));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn watch(text: &str) -> HeaderFacts {
        let facts = |step: usize| {
            let mut watch = HeaderWatch::default();
            text.as_bytes().chunks(step).for_each(|chunk| watch.push(chunk));
            (watch.longest_field(), watch.finish())
        };
        let whole = facts(text.len());
        for step in 1..text.len() {
            assert_eq!(facts(step), whole, "in pieces of {step}");
        }
        whole.1
    }

    #[test]
    fn the_header_ends_at_the_empty_line() {
        let facts = watch("Received: a\r\nreceived : b\r\nDate: x\r\n\r\nReceived: c\r\nFrom: y\r\n");
        assert_eq!(facts, HeaderFacts { received: 2, date: true, ..HeaderFacts::default() });
    }

    #[test]
    fn the_header_ends_at_a_line_that_is_none() {
        assert_eq!(watch("Hello world\r\nReceived: a\r\n"), HeaderFacts::default());
        assert_eq!(watch(" Received: a\r\nReceived: a\r\n"), HeaderFacts::default());
        assert_eq!(watch(": a\r\nReceived: a\r\n"), HeaderFacts::default());
    }

    #[test]
    fn a_message_id_is_unfolded_and_clean() {
        let id = |text| watch(text).message_id;
        assert_eq!(id("Message-ID: <a@b>\r\n\r\n").as_deref(), Some("<a@b>"));
        assert_eq!(id("MESSAGE-ID:\r\n <a@b>\r\nX: y\r\n").as_deref(), Some("<a@b>"));
        assert_eq!(id("Message-Id: <a\x1b@\u{e9}>\r\n\r\n").as_deref(), Some("<a?@??>"));
        assert_eq!(id("Message-Id: <1@b>\r\nMessage-Id: <2@b>\r\n\r\n").as_deref(), Some("<1@b>"));
        assert_eq!(id("Message-Idx: <a@b>\r\nMessage-I: c\r\n\r\n"), None);
        assert_eq!(id("Message-Id: \r\n\r\n"), None);
        assert_eq!(id(&format!("Message-Id: <{}>\r\n\r\n", "x".repeat(5000))).map(|id| id.len()), Some(997));
    }

    #[test]
    fn the_longest_field_counts_its_continuation_lines() {
        let mut watch = HeaderWatch::default();
        watch.push(b"A: b\r\nLong: 1\r\n 2\r\nC: d\r\n\r\nbody that is much longer than that\r\n");
        assert_eq!(watch.longest_field(), "Long: 1\r\n 2\r\n".len());
    }
}
