//! A request of the queue manager as the delivery path knows it.

use postfix_wire::request::{self, Flags, SendOptions};
use postfix_wire::stats::Stats;
use postfix_wire::text::Text;
use proto::job::{
    Body, CacheUse, Client, ClientSource, Notify, Purpose, Recipient, Request, Ret, SmtpUtf8, Times,
};
use queuefile::content::Content;
use queuefile::file::QueueFile;
use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use worker::wire::{Message, Reader};

/// It names something that the delivery path cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// An address in no character set that SMTP has.
    #[error("{0} is neither ASCII nor UTF-8")]
    NotUtf8(&'static str),
    /// An offset or size below zero.
    #[error("{0} is out of range")]
    Range(&'static str),
}

/// The common part. `now` is when the request came, in microseconds since the epoch.
///
/// # Errors
/// [`OrderError`]: the request is to be deferred.
pub fn request(from: &request::Request, now: u64) -> Result<Request, OrderError> {
    let unsigned = |name, value: i64| u64::try_from(value).map_err(|_| OrderError::Range(name));
    Ok(Request {
        job: 0,
        purpose: if from.flags.is_probe() { Purpose::Probe } else { Purpose::Delivery },
        queue_id: text("queue_id", &from.queue_id)?,
        nexthop: text("nexthop", &from.nexthop)?,
        sender: text("sender", &from.sender)?,
        envid: Some(decoded(&text("envelope_id", &from.envelope_id)?)).filter(|envid| !envid.is_empty()),
        ret: match from.ret {
            1 => Some(Ret::Full),
            2 => Some(Ret::Hdrs),
            _ => None,
        },
        body: match from.encoding.as_bytes() {
            b"7bit" => Body::SevenBit,
            b"8bit" => Body::EightBitMime,
            _ => Body::Unset,
        },
        smtputf8: match from.options {
            options if options.needs_smtputf8() => SmtpUtf8::Needed,
            options if options.any(SendOptions::SMTPUTF8) => SmtpUtf8::Asked,
            _ => SmtpUtf8::NotAsked,
        },
        client: Box::new(client(from)),
        content_offset: unsigned("offset", from.offset)?,
        content_length: unsigned("size", from.size)?,
        cache: CacheUse { load: from.flags.has(Flags::CONN_LOAD), store: from.flags.has(Flags::CONN_STORE) },
        times: times(&from.stats, now),
        recipient_count: u32::try_from(from.recipient_count).unwrap_or_default(),
        recipients: Vec::new(),
    })
}

/// For XFORWARD, which is information only: what is no UTF-8 may be shown as it can be.
fn client(from: &request::Request) -> Client {
    let request::Client { name, address, port, protocol, helo, ident, .. } = &from.client;
    let text = |text: &Text| text.lossy().into_owned();
    Client {
        name: text(name),
        address: text(address),
        port: text(port),
        helo: text(helo),
        protocol: text(protocol),
        ident: text(ident),
        source: match from.rewrite_context.as_bytes() {
            b"local" => ClientSource::Local,
            _ => ClientSource::Remote,
        },
    }
}

/// Why a message must not leave: it waits, since another agent might do it, and in the end its sender is told why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// RFC 3463.
    pub status: &'static str,
    /// One line.
    pub why: String,
}

/// [`request`], and what is against delivering it. Where its sender cannot be expressed, it has none.
///
/// # Errors
/// [`OrderError`]: there is nothing that recipients could be told.
pub fn or_obstacle(from: &request::Request, now: u64) -> Result<(Request, Option<Obstacle>), OrderError> {
    match request(from, now) {
        Err(why @ OrderError::NotUtf8("sender")) => {
            let without = request::Request { sender: Text::default(), ..from.clone() };
            Ok((request(&without, now)?, Some(Obstacle { status: "4.1.7", why: why.to_string() })))
        }
        known => Ok((known?, unmet(from.options))),
    }
}

/// What the message demands and this version cannot honour. RFC 8689 §4.2.1 has the code.
fn unmet(options: SendOptions) -> Option<Obstacle> {
    let why = "REQUIRETLS was asked for, which this delivery agent cannot do yet";
    options.any(SendOptions::REQUIRETLS).then(|| Obstacle { status: "4.7.30", why: why.to_owned() })
}

/// One recipient; its index is its place in the request.
///
/// # Errors
/// [`OrderError`].
pub fn recipient(index: usize, from: &request::Recipient) -> Result<Recipient, OrderError> {
    let orcpt = text("dsn_orig_rcpt", &from.orcpt)?;
    Ok(Recipient {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        address: text("recipient", &from.address)?,
        original: text("original_recipient", &from.original)?,
        orcpt: orcpt.split_once(';').map(|(kind, value)| format!("{kind};{}", decoded(value))),
        notify: (from.notify != 0).then_some(Notify {
            success: from.notify & SUCCESS != 0,
            failure: from.notify & FAILURE != 0,
            delay: from.notify & DELAY != 0,
        }),
    })
}

/// Those that can be delivered to, and the others as well as they can be shown: one of them holds up nobody else.
#[must_use]
pub fn recipients(from: &[request::Recipient]) -> (Vec<Recipient>, Vec<(Recipient, OrderError)>) {
    let (mut good, mut bad) = (Vec::with_capacity(from.len()), Vec::new());
    for (index, one) in from.iter().enumerate() {
        match recipient(index, one) {
            Ok(recipient) => good.push(recipient),
            Err(error) => bad.push((shown(index, one), error)),
        }
    }
    (good, bad)
}

fn shown(index: usize, from: &request::Recipient) -> Recipient {
    Recipient {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        address: from.address.lossy().into_owned(),
        original: from.original.lossy().into_owned(),
        orcpt: None,
        notify: None,
    }
}

/// NOTIFY=SUCCESS in Postfix's number.
pub const SUCCESS: i32 = 2;
const FAILURE: i32 = 4;
/// NOTIFY=DELAY.
pub const DELAY: i32 = 8;

fn text(name: &'static str, from: &Text) -> Result<String, OrderError> {
    from.to_str().map(str::to_owned).ok_or(OrderError::NotUtf8(name))
}

fn times(stats: &Stats, now: u64) -> Times {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or_default();
    let handed = micros(stats.agent_handoff);
    Times {
        arrival: micros(stats.incoming_arrival),
        active: micros(stats.active_arrival),
        handed: if handed == 0 { now } else { handed },
    }
}

/// xtext (RFC 3461 §4) undone; what is none stays as it is.
fn decoded(xtext: &str) -> String {
    let mut octets = Vec::with_capacity(xtext.len());
    let mut rest = xtext.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| octet == b'+');
        octets.push(coded.unwrap_or(octet));
        rest = if coded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(octets).unwrap_or_else(|_| xtext.to_owned())
}

/// The message in a queue file.
#[derive(Debug)]
pub struct QueuedMail<'a> {
    file: &'a QueueFile,
    offset: u64,
    size: u64,
    damaged: Cell<bool>,
}

impl<'a> QueuedMail<'a> {
    /// Whose content begins there and has so many octets by the queue's account.
    #[must_use]
    pub fn new(file: &'a QueueFile, offset: u64, size: u64) -> Self {
        Self { file, offset, size, damaged: Cell::new(false) }
    }

    /// Whether it could not be read to its end.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damaged.get()
    }
}

impl Message for QueuedMail<'_> {
    fn length(&self) -> u64 {
        self.size
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(Pass { mail: self, content: self.file.content(self.offset, self.size) })
    }
}

#[derive(Debug)]
struct Pass<'a> {
    mail: &'a QueuedMail<'a>,
    content: Content<&'a OwnedFd>,
}

impl Reader for Pass<'_> {
    fn is_at_end(&self) -> bool {
        self.content.is_at_end()
    }

    fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        self.content.next_piece().map_err(|error| {
            self.mail.damaged.set(true);
            io::Error::other(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_an_order() {
        let from = request::Request {
            flags: Flags(0x1803),
            queue_id: "ABC".into(),
            envelope_id: "a+2Bb".into(),
            ret: 2,
            encoding: "8bit".into(),
            options: SendOptions(1),
            stats: Stats { incoming_arrival: Duration::from_secs(5), ..Stats::default() },
            ..request::Request::default()
        };
        let order = request(&from, 77).unwrap();
        assert_eq!(
            (order.envid.as_deref(), order.ret, order.body),
            (Some("a+b"), Some(Ret::Hdrs), Body::EightBitMime)
        );
        assert_eq!(
            (order.times.arrival, order.times.handed, order.smtputf8),
            (5_000_000, 77, SmtpUtf8::Asked)
        );
        for (bits, want) in [(0x1, SmtpUtf8::Asked), (0x6, SmtpUtf8::NotAsked), (0x9, SmtpUtf8::Needed)] {
            let options = SendOptions(bits);
            assert_eq!(request(&request::Request { options, ..from.clone() }, 0).unwrap().smtputf8, want);
        }
        assert!(order.cache.load && order.cache.store);
        let below = request::Request { size: -1, ..from };
        assert_eq!(request(&below, 0), Err(OrderError::Range("size")));
    }

    #[test]
    fn a_recipient_keeps_what_the_sender_asked_for() {
        let from = request::Recipient {
            address: "a@x".into(),
            orcpt: "rfc822;a+3D@x".into(),
            notify: 10,
            ..request::Recipient::default()
        };
        let to = recipient(3, &from).unwrap();
        let notify = Notify { success: true, failure: false, delay: true };
        assert_eq!((to.index, to.orcpt.as_deref(), to.notify), (3, Some("rfc822;a=@x"), Some(notify)));
        let odd = request::Recipient { address: Text::new(vec![0xe9]), ..from };
        assert_eq!(recipient(0, &odd), Err(OrderError::NotUtf8("recipient")));
    }

    #[test]
    fn a_sender_that_cannot_be_expressed_is_an_obstacle() {
        let from = request::Request { sender: Text::new(*b"\xe9@x"), ..request::Request::default() };
        let (order, obstacle) = or_obstacle(&from, 0).unwrap();
        assert_eq!((order.sender.as_str(), obstacle.unwrap().status), ("", "4.1.7"));
        let from = request::Request { sender: "a@x".into(), ..from };
        assert_eq!(or_obstacle(&from, 0).unwrap().1, None);
    }

    #[test]
    fn a_recipient_that_cannot_be_served_holds_up_nobody_else() {
        let to = |address: &[u8]| request::Recipient { address: Text::new(address), ..Default::default() };
        let (good, bad) = recipients(&[to(b"a@x"), to(b"\xe9@x"), to(b"c@x")]);
        let good: Vec<_> = good.iter().map(|to| (to.index, to.address.as_str())).collect();
        assert_eq!(good, [(0, "a@x"), (2, "c@x")]);
        let bad: Vec<_> = bad.iter().map(|(to, why)| (to.index, to.address.as_str(), *why)).collect();
        assert_eq!(bad, [(1, "\u{fffd}@x", OrderError::NotUtf8("recipient"))]);
    }

    #[test]
    fn text_that_is_no_xtext_stays() {
        assert_eq!(decoded("a+b+2"), "a+b+2");
        assert_eq!(decoded("+41+zz"), "A+zz");
        assert_eq!(decoded("a++4"), "a++4");
    }

    #[test]
    fn what_must_not_be_ignored_is_named() {
        assert!(unmet(SendOptions(SendOptions::REQUIRETLS)).is_some());
        assert!(unmet(SendOptions(0x1f)).is_none());
    }
}
