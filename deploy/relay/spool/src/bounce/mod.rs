//! Notices to the sender about mail that failed or waits, as RFC 3464 wants them (RFC 6533 with SMTPUTF8).
//!
//! Pure: text in, octets out. Every line ends in CRLF and has at most 998 octets; whatever a server said
//! becomes part of one field or one paragraph, never a line of its own making (security.md B7).

mod date;
mod returned;
mod text;

use std::time::SystemTime;

use crate::diagnosis::Diagnosis;
use crate::envelope::{Envelope, Notify, Recipient, SmtpUtf8};
use crate::id::QueueId;
use crate::mark::{Cause, Success};

pub use date::rfc5322_date;
pub use returned::header_of;
use text::{Charset, Text};

/// What a notice says.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// Failure, delay or success.
    pub kind: Kind,
    /// Not the sender gets it, but this address, the postmaster's.
    pub postmaster: Option<&'a str>,
    /// `myhostname`, for Reporting-MTA, From and Message-ID.
    pub reporting_mta: &'a str,
    /// The message in question.
    pub queue_id: &'a QueueId,
    /// Its envelope; the sender is who gets the notice.
    pub envelope: &'a Envelope,
    /// The recipients in question.
    pub subjects: &'a [Subject<'a>],
    /// What is returned of the message.
    pub returned: Returned<'a>,
    /// When the notice is written, wall clock.
    pub now: SystemTime,
}

/// Action of RFC 3464 §2.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `failed`: will not be tried again.
    Failure,
    /// `delayed`: is still being tried.
    Delay {
        /// Will-Retry-Until of RFC 3464 §2.3.9.
        retry_until: SystemTime,
    },
    /// `relayed` or `delivered`: who asked for NOTIFY=SUCCESS is told.
    Success(Success),
    /// `deliverable` or `undeliverable`, by the status of each: what a probe was told.
    Probe,
}

/// One recipient of a notice.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// As in the envelope.
    pub recipient: &'a Recipient,
    /// Refused or expired; for a delay, what it will be; for success it means nothing.
    pub cause: Cause,
    /// The last thing heard.
    pub diagnosis: &'a Diagnosis,
    /// Last-Attempt-Date of RFC 3464 §2.3.7.
    pub last_attempt: Option<SystemTime>,
}

/// What a notice returns of the message.
#[derive(Debug, Clone, Copy)]
pub enum Returned<'a> {
    /// All of it.
    Full(&'a [u8]),
    /// Its header only, up to and without the empty line ([`header_of`]).
    Header(&'a [u8]),
}

/// A notice, ready to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// Header and body, CRLF line ends, not dot-stuffed.
    pub content: Vec<u8>,
    /// An octet above 127 is in it.
    pub has_8bit: bool,
    /// The notice needs SMTPUTF8 (an address or the returned header has UTF-8).
    pub smtputf8: bool,
}

/// Whether the sender is to hear of a failure. RFC 3461 §5.2.2; the null sender never is (RFC 5321 §6.1).
pub fn wants_failure(envelope: &Envelope, recipient: &Recipient) -> bool {
    !envelope.sender.is_empty()
        && matches!(recipient.notify, Notify::Unspecified | Notify::On { failure: true, .. })
}

/// Whether the sender is to hear of a delay.
pub fn wants_delay(envelope: &Envelope, recipient: &Recipient) -> bool {
    !envelope.sender.is_empty()
        && matches!(recipient.notify, Notify::Unspecified | Notify::On { delay: true, .. })
}

/// Whether the sender is to hear of success.
pub fn wants_success(envelope: &Envelope, recipient: &Recipient) -> bool {
    !envelope.sender.is_empty() && matches!(recipient.notify, Notify::On { success: true, .. })
}

/// Writes the notice.
pub fn compose(notice: &Notice<'_>) -> Composed {
    let charset = charset(notice);
    let original = returned::part(&notice.returned, charset);
    let explanation = explanation(notice, charset);
    let status = delivery_status(notice, charset);
    let boundary = boundary(notice, &original.content);
    let has_8bit = [&explanation, &status].iter().any(|part| !part.is_ascii()) || original.has_8bit();
    let global = charset == Charset::Utf8;

    let mut out = Text::new(charset);
    header(&mut out, notice, &boundary, has_8bit);
    out.line(&format!("--{boundary}"));
    out.line(&format!("Content-Type: text/plain; charset={}", if global { "utf-8" } else { "us-ascii" }));
    out.encoding(!explanation.is_ascii());
    out.line("");
    out.octets(explanation.as_bytes());
    out.line("");
    out.line(&format!("--{boundary}"));
    out.line(&format!("Content-Type: message/{}delivery-status", if global { "global-" } else { "" }));
    out.encoding(!status.is_ascii());
    out.line("");
    out.octets(status.as_bytes());
    out.line(&format!("--{boundary}"));
    out.line(&format!("Content-Type: {}", original.content_type));
    out.encoding(original.has_8bit());
    out.line("");
    out.octets(&original.content);
    out.line("");
    out.line(&format!("--{boundary}--"));
    Composed { content: out.into_octets(), has_8bit, smtputf8: global }
}

/// UTF-8 only where the client spoke SMTPUTF8 and it is needed; else everything of ours is ASCII.
fn charset(notice: &Notice<'_>) -> Charset {
    let envelope = notice.envelope;
    let addresses =
        envelope.sender.is_ascii() && notice.subjects.iter().all(|s| s.recipient.address.is_ascii());
    let header = match notice.returned {
        Returned::Full(content) => header_of(content).is_ascii(),
        Returned::Header(header) => header.is_ascii(),
    };
    if envelope.smtputf8 != SmtpUtf8::NotAsked && !(addresses && header) {
        Charset::Utf8
    } else {
        Charset::Ascii
    }
}

fn header(out: &mut Text, notice: &Notice<'_>, boundary: &str, has_8bit: bool) {
    let host = out.word(notice.reporting_mta);
    let micros = date::micros(notice.now);
    out.line(&format!("Date: {}", rfc5322_date(notice.now)));
    out.line(&format!("From: Mail Delivery <MAILER-DAEMON@{host}>"));
    let sender = out.address(notice.postmaster.unwrap_or(&notice.envelope.sender));
    out.line(&format!("To: <{sender}>"));
    out.line(&format!(
        "Subject: {}",
        match notice.kind {
            Kind::Failure if notice.postmaster.is_some() => "Postmaster copy: mail could not be delivered",
            Kind::Failure => "Mail could not be delivered",
            Kind::Delay { .. } => "Mail is delayed (no action needed)",
            Kind::Success(Success::Relayed) => "Mail was passed on",
            Kind::Success(Success::Delivered | Success::Deliverable) => "Mail was delivered",
            Kind::Probe => "Mail Delivery Status Report",
        }
    ));
    out.line(&format!("Message-ID: <{}.{micros}@{host}>", notice.queue_id));
    out.line("Auto-Submitted: auto-replied");
    out.line("MIME-Version: 1.0");
    out.line("Content-Type: multipart/report; report-type=delivery-status;");
    out.line(&format!(" boundary=\"{boundary}\""));
    out.encoding(has_8bit);
    out.line("");
}

/// The part for people.
fn explanation(notice: &Notice<'_>, charset: Charset) -> String {
    let mut out = Text::new(charset);
    let host = out.word(notice.reporting_mta);
    if notice.postmaster.is_some() {
        out.paragraph(0, "This is for the postmaster. The sender of the message, if there is one, is told:");
        out.line("");
    }
    out.paragraph(0, &match notice.kind {
        Kind::Failure => format!(
            "The mail server {host} could not deliver your message to the recipients below and has given up. \
             The reason is given for each. The message, or its header, is attached."
        ),
        Kind::Delay { retry_until } => format!(
            "The mail server {host} has not been able to deliver your message to the recipients below. It keeps \
             trying until {}. You need not send it again.",
            rfc5322_date(retry_until)
        ),
        Kind::Success(Success::Relayed) => format!(
            "The mail server {host} has passed your message to the recipients below on to another mail server, \
             which sends no notices of delivery. Unless it fails there you will hear no more of it."
        ),
        Kind::Success(Success::Delivered | Success::Deliverable) => {
            format!("The mail server {host} has delivered your message to the recipients below.")
        }
        Kind::Probe => {
            format!("You asked the mail server {host} whether mail could be delivered. Nothing was sent.")
        }
    });
    for subject in notice.subjects {
        out.line("");
        let address = out.address(&subject.recipient.address);
        out.line(&format!("<{address}>"));
        if let Some(original) = &subject.recipient.original {
            let original = out.address(original);
            out.line(&format!("    (you wrote to <{original}>)"));
        }
        if notice.kind == Kind::Failure && subject.cause == Cause::Expired {
            out.paragraph(4, "Not delivered in time. The last thing heard was:");
        }
        out.paragraph(4, &subject.diagnosis.reason);
    }
    out.into_text()
}

/// The part for programs: RFC 3464 §2.
fn delivery_status(notice: &Notice<'_>, charset: Charset) -> String {
    let mut out = Text::new(charset);
    let envelope = notice.envelope;
    if let Some(envid) = envelope.envid.as_ref().filter(|envid| !envid.is_empty()) {
        out.field("Original-Envelope-Id", "", envid);
    }
    out.field("Reporting-MTA", "dns; ", notice.reporting_mta);
    out.field("X-Baton-Queue-ID", "", notice.queue_id.as_str());
    out.address_field("X-Baton-Sender", &envelope.sender);
    out.line(&format!("Arrival-Date: {}", rfc5322_date(envelope.arrival)));
    for subject in notice.subjects {
        out.line("");
        recipient_status(&mut out, notice.kind, subject);
    }
    out.line("");
    out.into_text()
}

/// RFC 3464 §2.3.
fn recipient_status(out: &mut Text, kind: Kind, subject: &Subject<'_>) {
    let Subject { recipient, cause, diagnosis, last_attempt } = subject;
    if let Some((kind, address)) = recipient.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';')) {
        let (kind, address) = (out.word(kind), out.address(address.trim_start()));
        out.line(&format!("Original-Recipient: {kind};{address}"));
    } else if let Some(original) = &recipient.original {
        out.address_field("Original-Recipient", original);
    }
    out.address_field("Final-Recipient", &recipient.address);
    out.line(&format!(
        "Action: {}",
        match kind {
            Kind::Failure => "failed",
            Kind::Delay { .. } => "delayed",
            Kind::Success(Success::Relayed) => "relayed",
            Kind::Success(Success::Delivered | Success::Deliverable) => "delivered",
            Kind::Probe if diagnosis.status.starts_with('2') => "deliverable",
            Kind::Probe => "undeliverable",
        }
    ));
    out.line(&format!("Status: {}", status_code(kind, *cause, &diagnosis.status)));
    if let Some(host) = &diagnosis.remote_mta {
        out.field("Remote-MTA", "dns; ", host);
    }
    match &diagnosis.reply {
        Some(reply) => out.field("Diagnostic-Code", "smtp; ", reply),
        None => out.field("Diagnostic-Code", "x-baton; ", &diagnosis.reason),
    }
    if let Some(at) = last_attempt {
        out.line(&format!("Last-Attempt-Date: {}", rfc5322_date(*at)));
    }
    if let Kind::Delay { retry_until } = kind {
        out.line(&format!("Will-Retry-Until: {}", rfc5322_date(retry_until)));
    }
}

/// A code of RFC 3463 of the right class, or what fits the cause (4.4.7 is "delivery time expired").
fn status_code(kind: Kind, cause: Cause, given: &str) -> String {
    let classes = match (kind, cause) {
        (Kind::Failure, Cause::Refused) => "5",
        (Kind::Failure, Cause::Expired) => "45",
        (Kind::Delay { .. }, _) => "4",
        (Kind::Success(_), _) => "2",
        (Kind::Probe, _) => "245",
    };
    let mut parts = given.split('.');
    let class = parts.next().filter(|class| class.len() == 1 && classes.contains(class));
    let detail = |part: Option<&str>| {
        part.is_some_and(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
        })
    };
    let well_formed =
        class.is_some() && detail(parts.next()) && detail(parts.next()) && parts.next().is_none();
    match (well_formed, kind, cause) {
        (true, _, _) => given.to_owned(),
        (false, Kind::Failure, Cause::Refused) => "5.0.0".to_owned(),
        (false, Kind::Failure, Cause::Expired) => "4.4.7".to_owned(),
        (false, Kind::Delay { .. }, _) => "4.0.0".to_owned(),
        (false, Kind::Success(_), _) => "2.0.0".to_owned(),
        (false, Kind::Probe, _) => "4.0.0".to_owned(),
    }
}

/// A line that the returned message does not have.
fn boundary(notice: &Notice<'_>, content: &[u8]) -> String {
    let id: String = notice.queue_id.as_str().chars().take(24).collect();
    let base = format!("{id}.{}", date::micros(notice.now));
    let taken =
        |candidate: &str| content.windows(candidate.len()).any(|window| window == candidate.as_bytes());
    let mut boundary = base.clone();
    let mut number = 0_u32;
    while taken(&boundary) {
        number += 1;
        boundary = format!("{base}.{number}");
    }
    boundary
}

#[cfg(test)]
mod tests;
