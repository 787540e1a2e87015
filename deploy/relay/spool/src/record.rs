//! Result records: how a worker that lost its supervisor leaves its verdicts to the next one.
//!
//! Needs nothing else of this crate, so that the worker's side can use it alone.
//!
//! A record in the file, integers little-endian:
//! `"BRS1"`, u32 length of the payload, u32 CRC-32 of the payload, payload (postcard). A reader that meets damage looks for the
//! next place where a whole record begins.

use std::fs::File;
use std::io::{self, Write};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Why a recipient was refused or must wait; enough for the log, for `baton queue show` and for a bounce.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Enhanced status code, `4.4.1` (RFC 3463).
    pub status: String,
    /// The sentence in the log's `( )`.
    pub reason: String,
    /// Who said it: host name, for Remote-MTA (RFC 3464 §2.3.5). None if nobody was reached.
    pub remote_mta: Option<String>,
    /// The SMTP reply in one line, for Diagnostic-Code (RFC 3464 §2.3.6). None if there was none.
    pub reply: Option<String>,
}

/// What became of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server took the responsibility.
    Delivered,
    /// Refused for good.
    Bounced,
    /// To be tried again.
    Deferred,
}

/// One recipient's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedVerdict {
    /// What became of it.
    pub outcome: Outcome,
    /// With which words.
    pub diagnosis: Diagnosis,
    /// When, wall clock. Two records of the same deferral have the same time: it counts once.
    pub at: SystemTime,
}

/// The verdicts of one delivery request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRecord {
    /// The message.
    pub queue_id: String,
    /// Recipients by their index in the envelope.
    pub verdicts: Vec<(u32, RecordedVerdict)>,
}

/// Appends the verdicts in a single write and waits until they are on stable storage.
///
/// `file` must have been opened with `O_APPEND`; call this *before* closing the message's descriptor, because a
/// message that nobody holds may be delivered again.
/// Errors: as from the file. The record may then be missing or unfinished; readers skip what is unfinished.
pub fn append(file: &File, record: &ResultRecord) -> io::Result<()> {
    let bytes = encode(record)?;
    // A short write (disk full) leaves an unfinished record. Its rest would land behind somebody else's, so the
    // whole is written again, once.
    if write_once(file, &bytes)? < bytes.len() && write_once(file, &bytes)? < bytes.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    file.sync_data()
}

fn write_once(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The octets of a record. Many verdicts become several records in a row.
///
/// Texts are cut to [`MAX_TEXT`] octets and freed of control characters.
pub fn encode(record: &ResultRecord) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    for verdicts in record.verdicts.chunks(VERDICTS_PER_RECORD) {
        let mut part = ResultRecord { queue_id: record.queue_id.clone(), verdicts: verdicts.to_vec() };
        part.verdicts.iter_mut().for_each(|(_, verdict)| verdict.diagnosis.tidy());
        let payload = postcard::to_stdvec(&part).map_err(io::Error::other)?;
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
    }
    Ok(bytes)
}

/// What a piece of a result file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The whole records, in order.
    pub records: Vec<ResultRecord>,
    /// Octets up to and including the last whole record; what follows may still be growing.
    pub consumed: usize,
    /// Octets before that which belong to no whole record.
    pub skipped: usize,
}

/// Finds every whole record.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut found = Decoded::default();
    let mut position = 0;
    while let Some(rest) = bytes.get(position..).filter(|rest| rest.len() >= HEADER) {
        if let Some((record, length)) = decode_one(rest) {
            found.skipped += position - found.consumed;
            position += length;
            found.consumed = position;
            found.records.push(record);
        } else {
            position += 1;
        }
    }
    found
}

fn decode_one(bytes: &[u8]) -> Option<(ResultRecord, usize)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let payload = rest.get(..length)?;
    if length > MAX_PAYLOAD || crc32fast::hash(payload) != u32::from_le_bytes(*sum) {
        return None;
    }
    Some((postcard::from_bytes(payload).ok()?, HEADER + length))
}

impl Diagnosis {
    /// Short lines without control characters, whatever a server said.
    pub fn tidy(&mut self) {
        let Self { status, reason, remote_mta, reply } = self;
        for text in [Some(status), Some(reason), remote_mta.as_mut(), reply.as_mut()].into_iter().flatten() {
            tidy(text);
        }
    }
}

/// Cuts to [`MAX_TEXT`] octets, control characters become `?`.
pub(crate) fn tidy(text: &mut String) {
    let cut = (0..=text.len().min(MAX_TEXT)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(cut);
    if text.chars().any(char::is_control) {
        *text = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    }
}

/// Longest text kept of what a server said.
pub const MAX_TEXT: usize = 1000;
const MAGIC: &[u8; 4] = b"BRS1";
const HEADER: usize = 12;
const VERDICTS_PER_RECORD: usize = 256;
/// 256 verdicts with four texts of 1000 octets stay below.
const MAX_PAYLOAD: usize = 4 << 20;

#[cfg(test)]
mod tests;
