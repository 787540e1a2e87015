//! The header of a submitted message: where it ends, whom it names, what it lacks.

use memchr::memchr;

use super::error::SubmitError;
use crate::address::{Mailbox, parse_address_list};

/// A name longer than this is no field name; as long as the longest line, RFC 5322 §2.1.1.
const MAX_NAME: usize = 998;

/// What one line, perhaps not yet complete, can be in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Cannot be told before more of it is there.
    Open,
    /// The first line of a field.
    Field,
    /// More of the field before it.
    Continuation,
    /// The empty line.
    Separator,
    /// `From ` of a mailbox file.
    Envelope,
    /// The first line of a text without an empty line before it.
    Text,
}

/// Judges the start of a line with CRLF line end.
pub(super) fn line_kind(line: &[u8]) -> LineKind {
    match line {
        [] | b"\r" => return LineKind::Open,
        [b' ' | b'\t', ..] => return LineKind::Continuation,
        [b'\r', ..] => return LineKind::Separator,
        _ => {}
    }
    let end = line.iter().position(|&byte| !(b'!'..=b'~').contains(&byte) || byte == b':');
    let behind = end.and_then(|end| line.get(end..)).unwrap_or_default();
    let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match behind.get(blanks) {
        Some(b':') if end > Some(0) => LineKind::Field,
        Some(_) if line.starts_with(b"From ") => LineKind::Envelope,
        Some(_) => LineKind::Text,
        None if line.len() > MAX_NAME => LineKind::Text,
        // A colon can still come.
        None => LineKind::Open,
    }
}

/// One field with its continuation lines and line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'h> {
    raw: &'h [u8],
}

impl<'h> Field<'h> {
    fn split(self) -> (&'h [u8], &'h [u8]) {
        let colon = memchr(b':', self.raw).unwrap_or(self.raw.len());
        let (name, value) = self.raw.split_at_checked(colon).unwrap_or((self.raw, &[]));
        (name.trim_ascii_end(), value.get(1..).unwrap_or_default())
    }

    fn is_one_of(self, names: &[&str]) -> bool {
        let (name, _) = self.split();
        names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    }

    fn is_resent(self) -> bool {
        let prefix = self.raw.get(..RESENT.len());
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESENT.as_bytes()))
    }
}

/// The fields of a header that consists of whole lines, the first of which begins a field.
fn fields(mut header: &[u8]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    while !header.is_empty() {
        let mut end = 0;
        loop {
            let ahead = header.get(end..).unwrap_or_default();
            end += memchr(b'\n', ahead).map_or(ahead.len(), |line_end| line_end + 1);
            if !matches!(header.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (raw, rest) = header.split_at_checked(end).unwrap_or((header, &[]));
        found.push(Field { raw });
        header = rest;
    }
    found
}

/// A header taken apart.
#[derive(Debug)]
pub(super) struct Header<'h> {
    fields: Vec<Field<'h>>,
    /// A message that is sent on: RFC 5322 §3.6.6. Its `Resent-` fields speak, the others are history.
    resent: bool,
}

impl<'h> Header<'h> {
    pub(super) fn parse(header: &'h [u8]) -> Self {
        let fields = fields(header);
        let resent = fields.iter().any(|field| field.is_resent());
        Self { fields, resent }
    }

    /// Everybody in `To`, `Cc` and `Bcc`, or in their `Resent-` forms if the message is resent.
    pub(super) fn recipients(&self, origin: &str) -> Result<Vec<Mailbox>, SubmitError> {
        let names = if self.resent { RESENT_RECIPIENTS } else { RECIPIENTS };
        let mut recipients = Vec::new();
        for field in self.fields.iter().filter(|field| field.is_one_of(names)) {
            let (name, value) = field.split();
            let list = parse_address_list(&String::from_utf8_lossy(value), origin).map_err(|error| {
                SubmitError::BadField { field: String::from_utf8_lossy(name).into_owned(), error }
            })?;
            recipients.extend(list);
        }
        Ok(recipients)
    }

    /// Appends the complete header: what is missing first, then all that may leave this host.
    pub(super) fn write(&self, missing: &Missing, out: &mut Vec<u8>) {
        let prefix = if self.resent { RESENT } else { "" };
        for (name, value) in
            [("Date", &missing.date), ("From", &missing.from), ("Message-ID", &missing.message_id)]
        {
            let full = format!("{prefix}{name}");
            if !self.fields.iter().any(|field| field.is_one_of(&[&full])) {
                out.extend_from_slice(format!("{full}: {value}\r\n").as_bytes());
            }
        }
        for field in self.fields.iter().filter(|field| !field.is_one_of(DROPPED)) {
            out.extend_from_slice(field.raw);
        }
    }
}

/// Values for fields that every message must or should have (RFC 5322 §3.6), used where the message has none.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) date: String,
    pub(super) from: String,
    pub(super) message_id: String,
}

const RESENT: &str = "Resent-";
const RECIPIENTS: &[&str] = &["To", "Cc", "Bcc"];
const RESENT_RECIPIENTS: &[&str] = &["Resent-To", "Resent-Cc", "Resent-Bcc"];
/// Postfix: `message_drop_headers`.
const DROPPED: &[&str] = &["Bcc", "Content-Length", "Resent-Bcc", "Return-Path"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_is() {
        use LineKind::*;
        for (line, want) in [
            ("", Open),
            ("\r", Open),
            ("\r\n", Separator),
            (" x", Continuation),
            ("Sub", Open),
            ("Subject:", Field),
            ("Subject :", Field),
            ("Subject ", Open),
            ("Subject x", Text),
            ("Subject\r\n", Text),
            ("Subject \r\n", Text),
            (":", Text),
            ("S\u{fc}bject:", Text),
            ("From ", Open),
            ("From a", Envelope),
            ("From \r", Envelope),
            ("From: a", Field),
            ("From : a", Field),
            ("a\r\n :", Text),
        ] {
            assert_eq!(line_kind(line.as_bytes()), want, "{line:?}");
        }
        assert_eq!(line_kind(&[b'a'; 999]), Text);
        assert_eq!(line_kind(&[b'a'; 998]), Open);
    }

    #[test]
    fn fields_keep_their_continuation_lines() {
        let all = fields(b"A: b\r\n c\r\n\td\r\nE: f\r\n");
        assert_eq!(
            all.iter().map(|field| field.raw).collect::<Vec<_>>(),
            [&b"A: b\r\n c\r\n\td\r\n"[..], b"E: f\r\n"]
        );
    }
}
