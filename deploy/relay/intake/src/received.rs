//! The `Received:` field that is put before a message, RFC 5321 §4.4.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::address::Alphabet;
use crate::date::rfc5322_date;
use crate::dsn::Recipient;
use crate::session::{Hello, HelloKind};

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A client of the listener.
    Smtp {
        /// What it called itself; `None` where it never said.
        hello: Option<&'a Hello>,
        /// Its verified host name, if one was looked up.
        name: Option<&'a str>,
        /// Its address.
        address: IpAddr,
    },
    /// `baton send`.
    Local {
        /// The user id it ran under.
        uid: u32,
    },
}

/// What the field tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Where from.
    pub source: Source<'a>,
    /// `myhostname`.
    pub by: &'a str,
    /// The queue id.
    pub queue_id: &'a str,
    /// The recipients; named only if there is one, so that no other learns of it.
    pub recipients: &'a [Recipient],
    /// [`Alphabet::Utf8`] where it came with SMTPUTF8.
    pub alphabet: Alphabet,
    /// Seconds since the epoch.
    pub unix_seconds: i64,
    /// Minutes east of UTC that the date is written in.
    pub offset_minutes: i16,
}

/// The field with CRLF line ends, the last one included, in the shape of Postfix's.
pub fn received_header(received: &Received<'_>) -> String {
    let mut field = String::from("Received: ");
    let id = clean(received.queue_id);
    let by = clean(received.by);
    let recipient = match received.recipients {
        [only] => format!("\r\n\tfor <{only}>"),
        _ => String::new(),
    };
    // Writing into a String cannot fail.
    let _ = match received.source {
        Source::Smtp { hello, name, address } => {
            let said = hello.map_or_else(|| "unknown".into(), |hello| clean(&hello.name));
            let name = clean(name.unwrap_or("unknown"));
            let address = literal(address);
            let with = hello.map_or("SMTP", |hello| protocol(hello.kind, received.alphabet));
            write!(
                field,
                "from {said} ({name} [{address}])\r\n\tby {by} (Baton) with {with} id {id}{recipient}"
            )
        }
        Source::Local { uid } => {
            write!(field, "by {by} (Baton, from userid {uid})\r\n\tid {id}{recipient}")
        }
    };
    let date = rfc5322_date(received.unix_seconds, received.offset_minutes);
    field + "; " + &date + "\r\n"
}

/// RFC 3848; RFC 6531 §4.3.
fn protocol(kind: HelloKind, alphabet: Alphabet) -> &'static str {
    match (kind, alphabet) {
        (HelloKind::Helo, _) => "SMTP",
        (HelloKind::Ehlo, Alphabet::Ascii) => "ESMTP",
        (HelloKind::Ehlo, Alphabet::Utf8) => "UTF8SMTP",
    }
}

fn literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("IPv6:{address}"),
    }
}

/// Only what names and ids consist of: nothing said by a client can open a comment or a new field.
fn clean(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    let clean: String = text.chars().take(255).map(|c| if allowed(c) { c } else { '?' }).collect();
    if clean.is_empty() { "unknown".into() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Mailbox;

    fn received<'a>(source: Source<'a>, recipients: &'a [Recipient]) -> Received<'a> {
        let (by, queue_id) = ("relay.example", "4Q1");
        Received {
            source,
            by,
            queue_id,
            recipients,
            alphabet: Alphabet::Ascii,
            unix_seconds: 1_763_867_580,
            offset_minutes: 0,
        }
    }

    #[test]
    fn a_message_for_one_names_it() {
        let hello = Hello { kind: HelloKind::Ehlo, name: "client.example".into() };
        let source = Source::Smtp { hello: Some(&hello), name: None, address: [127, 0, 0, 1].into() };
        let one = [Mailbox::new("a", "b.c").unwrap().into()];
        assert_eq!(
            received_header(&received(source, &one)),
            "Received: from client.example (unknown [127.0.0.1])\r\n\
             \tby relay.example (Baton) with ESMTP id 4Q1\r\n\
             \tfor <a@b.c>; Sun, 23 Nov 2025 03:13:00 +0000\r\n"
        );
    }

    #[test]
    fn a_message_for_several_names_none() {
        let two = [Mailbox::new("a", "b.c").unwrap().into(), Mailbox::new("d", "b.c").unwrap().into()];
        assert_eq!(
            received_header(&received(Source::Local { uid: 1000 }, &two)),
            "Received: by relay.example (Baton, from userid 1000)\r\n\
             \tid 4Q1; Sun, 23 Nov 2025 03:13:00 +0000\r\n"
        );
    }

    #[test]
    fn a_client_cannot_write_into_the_header() {
        let hello = Hello { kind: HelloKind::Helo, name: "x) by evil\r\nBcc: a@b (é".into() };
        let address = "::ffff:192.0.2.1".parse().unwrap();
        let source = Source::Smtp { hello: Some(&hello), name: Some("(x"), address };
        let field = received_header(&received(source, &[]));
        let first = field.lines().next().unwrap();
        assert_eq!(first, "Received: from x??by?evil??Bcc:?a?b??? (?x [192.0.2.1])");
        assert_eq!(field.lines().count(), 2);
    }
}
