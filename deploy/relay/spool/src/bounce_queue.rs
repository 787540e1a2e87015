//! From recipients whose sender has to be told to a notice in the queue, so that nobody is forgotten.

use std::time::SystemTime;

use rustix::fs::OFlags;

use crate::bounce::{self, Composed, Kind, Notice, Returned, Subject, header_of};
use crate::diagnosis::Diagnosis;
use crate::envelope::{BodyType, Client, Envelope, Notify, Purpose, Recipient, Ret, SmtpUtf8};
use crate::error::{Damage, SpoolError};
use crate::layout::CONTENT_OFFSET;
use crate::mark::{Cause, Fact, Mark, Success};
use crate::message::{self, Message};
use crate::state::RecipientState;

/// What the operator decides about notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeSettings<'a> {
    /// `myhostname`
    pub myhostname: &'a str,
    /// `bounce_size_limit`: longer content is not returned, its header is.
    pub bounce_size_limit: u64,
    /// `double_bounce_sender`, complete: no failure of its mail is told.
    pub double_bounce_sender: &'a str,
}

/// What is told together: one notice each.
const ROUNDS: [Round; 4] =
    [Round::Probe, Round::Failures, Round::Successes(Success::Relayed), Round::Successes(Success::Delivered)];

#[derive(Debug, Clone, Copy)]
enum Round {
    /// All that came of a probe.
    Probe,
    Failures,
    Successes(Success),
}

impl Round {
    fn tells(self, how: Success) -> bool {
        match self {
            Self::Probe => true,
            Self::Failures => false,
            Self::Successes(wanted) => how == wanted,
        }
    }
}

/// Tells the sender about all recipients that have failed, else about those that succeeded where that was asked for, and
/// closes them; returns the notice to be delivered. Call it until there is none.
///
/// None: nobody is left, or nobody is to be told (null sender, NOTIFY without the event); recipients are closed then too.
/// The notice is on stable storage before the recipients are closed: a crash in between tells the sender twice.
/// Errors: no recipient of this notice was closed; try again later.
pub fn queue_notice(
    message: &mut Message,
    settings: &NoticeSettings<'_>,
    now: SystemTime,
) -> Result<Option<Message>, SpoolError> {
    for round in ROUNDS {
        let settled = settled(message, round);
        if settled.is_empty() {
            continue;
        }
        let notice = compose(message, &settled, round, settings, now)?;
        let notice = notice
            .map(|composed| submit(message, composed, String::new(), message.envelope().sender.clone(), now))
            .transpose()?;
        let recipients = settled.iter().map(|one| one.index).collect();
        let closed = Mark { recipients, at: now, fact: Fact::Closed };
        if message.mark(std::slice::from_ref(&closed)).is_err() {
            // The notice is out: this process must not send a second one for want of a mark.
            message.apply(&closed);
        }
        if notice.is_some() {
            return Ok(notice);
        }
    }
    Ok(None)
}

/// A recipient whose sender has to be told, perhaps.
struct Settled {
    index: u32,
    at: SystemTime,
    cause: Cause,
    diagnosis: Diagnosis,
}

fn settled(message: &Message, round: Round) -> Vec<Settled> {
    if (message.envelope().purpose == Purpose::Probe) != matches!(round, Round::Probe) {
        return Vec::new();
    }
    let states = (0..).zip(message.recipients());
    states
        .filter_map(|(index, state)| match (state, round) {
            (RecipientState::Failed { at, cause, diagnosis }, Round::Failures | Round::Probe) => {
                Some(Settled { index, at: *at, cause: *cause, diagnosis: diagnosis.clone() })
            }
            (RecipientState::Succeeded { at, how, diagnosis }, round) if round.tells(*how) => {
                Some(Settled { index, at: *at, cause: Cause::Refused, diagnosis: diagnosis.clone() })
            }
            _ => None,
        })
        .collect()
}

fn compose(
    message: &Message,
    settled: &[Settled],
    round: Round,
    settings: &NoticeSettings<'_>,
    now: SystemTime,
) -> Result<Option<Composed>, SpoolError> {
    let envelope = message.envelope();
    let recipient = |index: u32| usize::try_from(index).ok().and_then(|index| envelope.recipients.get(index));
    let wanted = |subject: &Subject<'_>| match round {
        Round::Probe => !envelope.sender.is_empty(),
        Round::Failures => {
            bounce::wants_failure(envelope, subject.recipient)
                && !envelope.sender.eq_ignore_ascii_case(settings.double_bounce_sender)
        }
        Round::Successes(_) => bounce::wants_success(envelope, subject.recipient),
    };
    let subjects: Vec<_> = settled
        .iter()
        .filter_map(|one| {
            let recipient = recipient(one.index)?;
            let Settled { at, cause, diagnosis, .. } = one;
            Some(Subject { recipient, cause: *cause, diagnosis, last_attempt: Some(*at) })
        })
        .filter(wanted)
        .collect();
    if subjects.is_empty() {
        return Ok(None);
    }
    let kind = match round {
        Round::Probe => Kind::Probe,
        Round::Failures => Kind::Failure,
        Round::Successes(how) => Kind::Success(how),
    };
    // RFC 3461 §4.3: RET is about failures; what succeeded is not returned in full.
    let whole = kind == Kind::Failure
        && envelope.ret != Some(Ret::Headers)
        && envelope.size <= settings.bounce_size_limit;
    let content = if whole { message.content()? } else { message.content_start(HEADER_LIMIT)? };
    let returned = if whole { Returned::Full(&content) } else { Returned::Header(header_of(&content)) };
    Ok(Some(bounce::compose(&Notice {
        kind,
        postmaster: None,
        reporting_mta: settings.myhostname,
        queue_id: message.id(),
        envelope,
        subjects: &subjects,
        returned,
        now,
    })))
}

/// The notice as a message of its own: from the null sender (RFC 5321 §6.1), or to the postmaster; NOTIFY=NEVER (RFC 3461 §6.2).
pub(crate) fn submit(
    message: &Message,
    composed: Composed,
    sender: String,
    recipient: String,
    now: SystemTime,
) -> Result<Message, SpoolError> {
    let Composed { content, has_8bit, smtputf8 } = composed;
    let envelope = Envelope {
        sender,
        recipients: vec![Recipient { notify: Notify::Never, ..Recipient::plain(recipient) }],
        envid: None,
        ret: None,
        body: if has_8bit { BodyType::EightBitMime } else { BodyType::SevenBit },
        smtputf8: if smtputf8 { SmtpUtf8::Needed } else { SmtpUtf8::NotAsked },
        arrival: now,
        client: Client::default(),
        message_id: None,
        has_8bit,
        size: 0,
        purpose: Purpose::Delivery,
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
pub(crate) const HEADER_LIMIT: u64 = 102_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::sample;
    use crate::testing::{Home, at, deferred, delivered, deposit, refused};

    const SETTINGS: NoticeSettings<'_> = NoticeSettings {
        myhostname: "relay.example",
        bounce_size_limit: 50_000,
        double_bounce_sender: "double-bounce@x",
    };
    const CONTENT: &[u8] = b"Subject: x\r\n\r\nthe body\r\n";

    fn queued(home: &Home, envelope: Envelope, content: &[u8]) -> (Message, crate::Spool) {
        let spool = home.start();
        let mut incoming = spool.receive(None).unwrap();
        incoming.write(content).unwrap();
        (incoming.commit(envelope).unwrap(), spool)
    }

    fn text(message: &Message) -> String {
        String::from_utf8(message.content().unwrap()).unwrap()
    }

    #[test]
    fn one_notice_for_all_that_failed_and_none_twice() {
        let home = Home::new();
        let (mut message, spool) = queued(&home, sample(&["a@x", "b@x", "c@x", "d@x"]), CONTENT);
        message.mark(&[refused(0, 1), delivered(1, 1), deferred(2, 1, 1), refused(3, 2)]).unwrap();
        let notice = queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap();
        let envelope = notice.envelope();
        assert_eq!((envelope.sender.as_str(), envelope.recipients.len()), ("", 1));
        assert_eq!(envelope.recipients[0].address, "sender@example.org");
        assert_eq!(envelope.recipients[0].notify, Notify::Never);
        let text = text(&notice);
        assert!(
            text.contains("Final-Recipient: rfc822; a@x") && text.contains("Final-Recipient: rfc822; d@x")
        );
        assert!(!text.contains("b@x") && !text.contains("c@x") && text.contains("the body"));
        assert!(queue_notice(&mut message, &SETTINGS, at(10)).unwrap().is_none());
        assert_eq!(spool.get(message.id()).unwrap().recipients(), message.recipients());
        assert_eq!(message.pending().map(|(index, _)| index).collect::<Vec<_>>(), [2]);
        assert_eq!(spool.messages().count(), 2);
    }

    #[test]
    fn success_is_told_to_whom_asked_with_the_header_only() {
        let home = Home::new();
        let mut envelope = sample(&["a@x", "b@x", "c@x", "d@x"]);
        for at in [0, 1, 3] {
            envelope.recipients[at].notify = Notify::On { success: true, failure: false, delay: false };
        }
        envelope.recipients[0].orcpt = Some("rfc822;orig@x".into());
        envelope.envid = Some("id 7".into());
        let (mut message, spool) = queued(&home, envelope, CONTENT);
        let succeeded = |index, how| {
            let diagnosis = Diagnosis {
                status: "2.1.5".into(),
                reason: "250 2.1.5 taken".into(),
                remote_mta: Some("mx.x".into()),
                reply: Some("250 2.1.5 taken".into()),
            };
            Mark::one(index, at(1), Fact::Succeeded { how, diagnosis })
        };
        message.mark(&[succeeded(0, Success::Relayed), succeeded(1, Success::Delivered)]).unwrap();
        message.mark(&[succeeded(2, Success::Relayed), refused(3, 1)]).unwrap();
        assert!(!message.is_finished());
        // As after a crash: what is to be told is in the file.
        let mut message = spool.get(message.id()).unwrap();
        let relayed = text(&queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap());
        for want in [
            "Original-Envelope-Id: id 7\r\n",
            "Original-Recipient: rfc822;orig@x\r\nFinal-Recipient: rfc822; a@x\r\nAction: relayed\r\nStatus: 2.1.5\r\n",
            "Content-Type: text/rfc822-headers",
        ] {
            assert!(relayed.contains(want), "{want}\n{relayed}");
        }
        assert!(!relayed.contains("b@x") && !relayed.contains("c@x") && !relayed.contains("the body"));
        let delivered = text(&queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap());
        assert!(delivered.contains("Final-Recipient: rfc822; b@x\r\nAction: delivered\r\n"));
        assert!(queue_notice(&mut message, &SETTINGS, at(9)).unwrap().is_none());
        assert!(message.is_finished());
    }

    #[test]
    fn a_probe_has_one_report_of_everything_and_no_other_notice() {
        let home = Home::new();
        let mut envelope = sample(&["a@x", "b@x"]);
        envelope.purpose = Purpose::Probe;
        let (mut message, spool) = queued(&home, envelope, CONTENT);
        let diagnosis = Diagnosis {
            status: "2.1.5".into(),
            reason: "250 2.1.5 yes".into(),
            remote_mta: Some("mx.x".into()),
            reply: Some("250 2.1.5 yes".into()),
        };
        let how = Success::Deliverable;
        message.mark(&[Mark::one(0, at(1), Fact::Succeeded { how, diagnosis }), refused(1, 2)]).unwrap();
        // As after a crash.
        let mut message = spool.get(message.id()).unwrap();
        assert_eq!(message.envelope().purpose, Purpose::Probe);
        let report = text(&queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap());
        for want in [
            "Subject: Mail Delivery Status Report\r\n",
            "Final-Recipient: rfc822; a@x\r\nAction: deliverable\r\nStatus: 2.1.5\r\n",
            "Final-Recipient: rfc822; b@x\r\nAction: undeliverable\r\nStatus: 5.1.1\r\n",
        ] {
            assert!(report.contains(want), "{want}\n{report}");
        }
        assert!(queue_notice(&mut message, &SETTINGS, at(9)).unwrap().is_none());
        assert!(message.is_finished());
    }

    #[test]
    fn nobody_is_told_but_the_recipients_are_closed() {
        let mut null = sample(&["a@x"]);
        null.sender = String::new();
        let mut never = sample(&["a@x"]);
        never.recipients[0].notify = Notify::Never;
        for envelope in [null, never] {
            let home = Home::new();
            let (mut message, spool) = queued(&home, envelope, CONTENT);
            message.mark(&[refused(0, 1)]).unwrap();
            assert!(queue_notice(&mut message, &SETTINGS, at(9)).unwrap().is_none());
            assert!(message.is_finished());
            assert_eq!(spool.messages().count(), 1);
        }
    }

    #[test]
    fn a_notice_is_never_answered_with_a_notice() {
        let home = Home::new();
        let (mut message, spool) = queued(&home, sample(&["a@x"]), CONTENT);
        message.mark(&[refused(0, 1)]).unwrap();
        let mut notice = queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap();
        notice.mark(&[refused(0, 10)]).unwrap();
        assert!(queue_notice(&mut notice, &SETTINGS, at(11)).unwrap().is_none());
        assert_eq!(spool.messages().count(), 2);
    }

    #[test]
    fn long_content_and_ret_hdrs_return_the_header_only() {
        let long = [b"Subject: kept\r\n\r\n".as_slice(), &b"the body\r\n".repeat(20_000)].concat();
        let mut headers = sample(&["a@x"]);
        headers.ret = Some(Ret::Headers);
        for (envelope, content) in
            [(sample(&["a@x"]), long.as_slice()), (headers, b"Subject: kept\r\n\r\nthe body\r\n")]
        {
            let home = Home::new();
            let (mut message, _spool) = queued(&home, envelope, content);
            message.mark(&[refused(0, 1)]).unwrap();
            let text = text(&queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap());
            assert!(text.contains("text/rfc822-headers") && text.contains("Subject: kept"));
            assert!(!text.contains("the body"));
        }
    }

    #[test]
    fn a_failure_survives_a_crash_before_its_notice() {
        let home = Home::new();
        let spool = home.start();
        let mut message = deposit(&spool, &["a@x"], CONTENT);
        message.mark(&[refused(0, 1)]).unwrap();
        drop((message, spool));
        let spool = home.start();
        let Some(Ok(crate::Found::Ready(mut message))) = spool.recover().unwrap().next() else { panic!() };
        assert!(
            text(&queue_notice(&mut message, &SETTINGS, at(9)).unwrap().unwrap())
                .contains("550 5.1.1 no such user")
        );
        assert!(message.is_finished());
    }

    #[test]
    fn damaged_content_is_not_returned() {
        let home = Home::new();
        let (mut message, spool) = queued(&home, sample(&["a@x"]), CONTENT);
        message.mark(&[refused(0, 1)]).unwrap();
        let mut bytes = std::fs::read(home.file(&message)).unwrap();
        bytes[70] ^= 1;
        std::fs::write(home.file(&message), bytes).unwrap();
        let error = queue_notice(&mut message, &SETTINGS, at(9)).unwrap_err();
        assert!(matches!(error, SpoolError::Damaged { damage: Damage::Content, .. }), "{error}");
        assert_eq!(spool.messages().count(), 0);
    }
}
