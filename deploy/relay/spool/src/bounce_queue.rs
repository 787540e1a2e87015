//! From failed recipients to a notice in the queue, so that no failure is forgotten.

use std::time::SystemTime;

use rustix::fs::OFlags;

use crate::bounce::{self, Composed, Kind, Notice, Returned, Subject, header_of};
use crate::envelope::{BodyType, Client, Envelope, Notify, Recipient, Ret};
use crate::error::{Damage, SpoolError};
use crate::layout::CONTENT_OFFSET;
use crate::mark::{Cause, Fact, Mark};
use crate::message::{self, Message};
use crate::record::Diagnosis;
use crate::state::RecipientState;

/// What the operator decides about notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeSettings<'a> {
    /// `myhostname`
    pub myhostname: &'a str,
    /// `bounce_size_limit`: longer content is not returned, its header is.
    pub bounce_size_limit: u64,
}

/// Tells the sender about all recipients that have failed and closes them; returns the notice to be delivered.
///
/// None: nobody failed, or nobody is to be told (null sender, NOTIFY without FAILURE); failed recipients are closed then too.
/// The notice is on stable storage before the recipients are closed: a crash in between tells the sender twice.
/// Errors: no recipient was closed; try again later.
pub fn queue_notice(
    message: &mut Message,
    settings: &NoticeSettings<'_>,
    now: SystemTime,
) -> Result<Option<Message>, SpoolError> {
    let failed = failed(message);
    if failed.is_empty() {
        return Ok(None);
    }
    let notice = compose(message, &failed, settings, now)?;
    let notice = notice.map(|composed| submit(message, composed, now)).transpose()?;
    let closed =
        Mark { recipients: failed.iter().map(|one| one.index).collect(), at: now, fact: Fact::Closed };
    if message.mark(std::slice::from_ref(&closed)).is_err() {
        // The notice is out: this process must not send a second one for want of a mark.
        message.apply(&closed);
    }
    Ok(notice)
}

struct Failed {
    index: u32,
    at: SystemTime,
    cause: Cause,
    diagnosis: Diagnosis,
}

fn failed(message: &Message) -> Vec<Failed> {
    let states = (0..).zip(message.recipients());
    states
        .filter_map(|(index, state)| match state {
            RecipientState::Failed { at, cause, diagnosis } => {
                Some(Failed { index, at: *at, cause: *cause, diagnosis: diagnosis.clone() })
            }
            _ => None,
        })
        .collect()
}

fn compose(
    message: &Message,
    failed: &[Failed],
    settings: &NoticeSettings<'_>,
    now: SystemTime,
) -> Result<Option<Composed>, SpoolError> {
    let envelope = message.envelope();
    let recipient = |index: u32| usize::try_from(index).ok().and_then(|index| envelope.recipients.get(index));
    let subjects: Vec<_> = failed
        .iter()
        .filter_map(|one| {
            let recipient = recipient(one.index)?;
            let Failed { at, cause, diagnosis, .. } = one;
            Some(Subject { recipient, cause: *cause, diagnosis, last_attempt: Some(*at) })
        })
        .filter(|subject| bounce::wants_failure(envelope, subject.recipient))
        .collect();
    if subjects.is_empty() {
        return Ok(None);
    }
    let whole = envelope.ret != Some(Ret::Headers) && envelope.size <= settings.bounce_size_limit;
    let content = if whole { message.content()? } else { message.content_start(HEADER_LIMIT)? };
    let returned = if whole { Returned::Full(&content) } else { Returned::Header(header_of(&content)) };
    Ok(Some(bounce::compose(&Notice {
        kind: Kind::Failure,
        reporting_mta: settings.myhostname,
        queue_id: message.id(),
        envelope,
        subjects: &subjects,
        returned,
        now,
    })))
}

/// The notice as a message of its own: from the null sender (RFC 5321 §6.1), NOTIFY=NEVER (RFC 3461 §6.2).
fn submit(message: &Message, composed: Composed, now: SystemTime) -> Result<Message, SpoolError> {
    let Composed { content, has_8bit, smtputf8 } = composed;
    let sender = message.envelope().sender.clone();
    let envelope = Envelope {
        sender: String::new(),
        recipients: vec![Recipient { notify: Notify::Never, ..Recipient::plain(sender) }],
        envid: None,
        ret: None,
        body: if has_8bit { BodyType::EightBitMime } else { BodyType::SevenBit },
        smtputf8,
        arrival: now,
        client: Client::default(),
        message_id: None,
        has_8bit,
        size: 0,
    };
    // Without the check of free space: a notice must not fail where a client could be asked to come back.
    let mut incoming = crate::incoming::Incoming::create(&message.spool)?;
    incoming.write(&content)?;
    incoming.commit(envelope)
}

impl Message {
    /// The whole content, compared with its checksum. For short messages; workers read for themselves.
    pub fn content(&self) -> Result<Vec<u8>, SpoolError> {
        let content = self.content_start(u64::MAX)?;
        let whole = u64::try_from(content.len()).is_ok_and(|length| length == self.preamble.content_length);
        if whole && crc32fast::hash(&content) == self.preamble.content_crc {
            return Ok(content);
        }
        Err(self.set_aside(Damage::Content))
    }

    /// The content's first octets, at most `limit`.
    pub fn content_start(&self, limit: u64) -> Result<Vec<u8>, SpoolError> {
        let file = message::open(&self.spool, &self.id, self.place, OFlags::RDONLY)?;
        let expected = self.preamble.marks_offset();
        if file.length < expected {
            return Err(self.set_aside(Damage::Truncated { expected, found: file.length }));
        }
        let length = limit.min(self.preamble.content_length);
        message::read_at(&file.fd, CONTENT_OFFSET, length).map_err(self.failed("read"))
    }
}

/// `header_size_limit` of the seed: no header is longer.
const HEADER_LIMIT: u64 = 102_400;
