//! Copies for the postmaster of what cannot be delivered (`notify_classes`): best effort, beside the notice to the sender.

use std::time::SystemTime;

use crate::bounce::{self, Kind, Notice, Returned, Subject, header_of};
use crate::bounce_queue::{HEADER_LIMIT, submit};
use crate::error::SpoolError;
use crate::message::Message;
use crate::state::RecipientState;

/// Who hears of failures, and from whom. Addresses are complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Postmaster {
    /// `bounce_notice_recipient`, where `notify_classes` has `bounce`.
    pub bounce: Option<String>,
    /// `2bounce_notice_recipient`, where it has `2bounce`.
    pub double_bounce: Option<String>,
    /// `double_bounce_sender`: no failure of mail from there is told to anybody.
    pub sender: String,
}

/// Queues a copy about all recipients that have failed and whose sender was not told. To be called before
/// [`crate::queue_notice`], which closes them. None: nobody failed, or nobody is to hear of it.
///
/// Errors: nothing has changed.
pub fn queue_postmaster_copy(
    message: &Message,
    postmaster: &Postmaster,
    myhostname: &str,
    now: SystemTime,
) -> Result<Option<Message>, SpoolError> {
    let envelope = message.envelope();
    if envelope.sender.eq_ignore_ascii_case(&postmaster.sender) {
        return Ok(None);
    }
    let to = if envelope.sender.is_empty() { &postmaster.double_bounce } else { &postmaster.bounce };
    let Some(to) = to else { return Ok(None) };
    let states = message.recipients().iter().zip(&envelope.recipients);
    let subjects: Vec<_> = states
        .filter_map(|(state, recipient)| match state {
            RecipientState::Failed { at, cause, diagnosis } => {
                Some(Subject { recipient, cause: *cause, diagnosis, last_attempt: Some(*at) })
            }
            _ => None,
        })
        .collect();
    if subjects.is_empty() {
        return Ok(None);
    }
    // Other people's mail: its header says what the postmaster needs.
    let content = message.content_start(HEADER_LIMIT)?;
    let composed = bounce::compose(&Notice {
        kind: Kind::Failure,
        postmaster: Some(to),
        reporting_mta: myhostname,
        queue_id: message.id(),
        envelope,
        subjects: &subjects,
        returned: Returned::Header(header_of(&content)),
        now,
    });
    submit(message, composed, postmaster.sender.clone(), to.clone(), now).map(Some)
}
