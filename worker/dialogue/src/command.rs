//! The commands of a transaction as octets. RFC 5321 §4.1.1, RFC 1870, RFC 6152, RFC 3461, RFC 6531.

use crate::address::{AddressFault, Quoting, put_path};
use crate::ext::EhloFacts;

/// Sender and recipients as they go on the wire.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// Without `<>`; empty is the null sender.
    pub sender: String,
    /// In the order of the request.
    pub recipients: Vec<Recipient>,
    /// Octets of content, for SIZE.
    pub size: u64,
    /// What the sender declared, for BODY.
    pub body: Body,
    /// The sender asked for SMTPUTF8.
    pub smtputf8: bool,
    /// ENVID, not encoded. RFC 3461 §4.4.
    pub envid: Option<String>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// `*_quote_rfc821_envelope`.
    pub quoting: Quoting,
}

/// One recipient.
#[derive(Debug, Clone, Default)]
pub struct Recipient {
    /// Without `<>`.
    pub address: String,
    /// `type;value`, not encoded. RFC 3461 §4.2.
    pub orcpt: Option<String>,
    /// RFC 3461 §4.1.
    pub notify: Option<Notify>,
}

impl Recipient {
    /// A recipient without any DSN request.
    pub fn plain(address: impl Into<String>) -> Self {
        Self { address: address.into(), orcpt: None, notify: None }
    }
}

/// RFC 6152.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing was said.
    #[default]
    Unset,
    /// Seven bits.
    SevenBit,
    /// Octets above 127.
    EightBitMime,
}

/// RFC 3461 §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// All of the message.
    Full,
    /// Its header.
    Hdrs,
}

/// RFC 3461 §4.1; all false is NEVER.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}

/// `QUIT`.
#[must_use]
pub fn quit() -> &'static [u8] {
    b"QUIT\r\n"
}

/// Appends `MAIL FROM:<…>` with the parameters that the server offers.
///
/// # Errors
/// [`AddressFault`]; nothing was appended.
pub(crate) fn put_mail(envelope: &Envelope, facts: &EhloFacts, wire: &mut Vec<u8>) -> Result<(), AddressFault> {
    let start = wire.len();
    wire.extend_from_slice(b"MAIL FROM:");
    if let Err(fault) = put_path(&envelope.sender, envelope.quoting, wire) {
        wire.truncate(start);
        return Err(fault);
    }
    if facts.size.is_some() && envelope.size > 0 {
        wire.extend_from_slice(format!(" SIZE={}", envelope.size).as_bytes());
    }
    match envelope.body {
        Body::EightBitMime if facts.eight_bit_mime => wire.extend_from_slice(b" BODY=8BITMIME"),
        Body::SevenBit if facts.eight_bit_mime => wire.extend_from_slice(b" BODY=7BIT"),
        _ => {}
    }
    if facts.dsn {
        if let Some(envid) = envelope.envid.as_deref().and_then(xtext) {
            wire.extend_from_slice(format!(" ENVID={envid}").as_bytes());
        }
        match envelope.ret {
            Some(Ret::Full) => wire.extend_from_slice(b" RET=FULL"),
            Some(Ret::Hdrs) => wire.extend_from_slice(b" RET=HDRS"),
            None => {}
        }
    }
    if envelope.smtputf8 && facts.smtputf8 {
        wire.extend_from_slice(b" SMTPUTF8");
    }
    wire.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends `RCPT TO:<…>` with the parameters that the server offers.
///
/// # Errors
/// [`AddressFault`]; nothing was appended.
pub(crate) fn put_rcpt(
    recipient: &Recipient,
    quoting: Quoting,
    facts: &EhloFacts,
    wire: &mut Vec<u8>,
) -> Result<(), AddressFault> {
    let start = wire.len();
    wire.extend_from_slice(b"RCPT TO:");
    if let Err(fault) = put_path(&recipient.address, quoting, wire) {
        wire.truncate(start);
        return Err(fault);
    }
    if facts.dsn {
        if let Some((kind, value)) = recipient.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';'))
            && let (true, Some(value)) = (is_word(kind), xtext(value))
        {
            wire.extend_from_slice(format!(" ORCPT={kind};{value}").as_bytes());
        }
        if let Some(notify) = recipient.notify {
            wire.extend_from_slice(format!(" NOTIFY={}", notify_text(notify)).as_bytes());
        }
    }
    wire.extend_from_slice(b"\r\n");
    Ok(())
}

fn notify_text(notify: Notify) -> String {
    let Notify { success, failure, delay } = notify;
    let words = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
    let words: Vec<_> = words.into_iter().filter(|(wanted, _)| *wanted).map(|(_, word)| word).collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// RFC 3461 §4: octets outside 33..126, `+` and `=` as `+XX`. `None` when it cannot be encoded (not ASCII).
fn xtext(text: &str) -> Option<String> {
    if !text.is_ascii() || text.is_empty() {
        return None;
    }
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'+' | b'=' => encoded.push_str(&format!("+{octet:02X}")),
            33..=126 => encoded.push(char::from(octet)),
            _ => encoded.push_str(&format!("+{octet:02X}")),
        }
    }
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> EhloFacts {
        EhloFacts {
            eight_bit_mime: true,
            size: Some(crate::ext::SizeLimit::None),
            dsn: true,
            smtputf8: true,
            ..EhloFacts::default()
        }
    }

    #[test]
    fn parameters_only_where_they_are_offered() {
        let envelope = Envelope {
            sender: "a@b".into(),
            size: 5,
            body: Body::EightBitMime,
            smtputf8: true,
            envid: Some("x+1".into()),
            ret: Some(Ret::Hdrs),
            ..Envelope::default()
        };
        let mut wire = Vec::new();
        put_mail(&envelope, &everything(), &mut wire).unwrap();
        put_mail(&envelope, &EhloFacts::default(), &mut wire).unwrap();
        let want = "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME ENVID=x+2B1 RET=HDRS SMTPUTF8\r\nMAIL FROM:<a@b>\r\n";
        assert_eq!(String::from_utf8(wire).unwrap(), want);
    }

    #[test]
    fn recipients_with_dsn() {
        let recipient = Recipient {
            address: "a@b".into(),
            orcpt: Some("rfc822;a b=c@d".into()),
            notify: Some(Notify { success: true, failure: true, delay: false }),
        };
        let mut wire = Vec::new();
        put_rcpt(&recipient, Quoting::Strict, &everything(), &mut wire).unwrap();
        let never = Recipient { notify: Some(Notify::default()), orcpt: Some("rfc822;ä".into()), ..recipient };
        put_rcpt(&never, Quoting::Strict, &everything(), &mut wire).unwrap();
        let want = "RCPT TO:<a@b> ORCPT=rfc822;a+20b+3Dc@d NOTIFY=SUCCESS,FAILURE\r\nRCPT TO:<a@b> NOTIFY=NEVER\r\n";
        assert_eq!(String::from_utf8(wire).unwrap(), want);
    }

    #[test]
    fn a_refused_address_leaves_nothing_on_the_wire() {
        let mut wire = b"RSET\r\n".to_vec();
        assert!(put_rcpt(&Recipient::plain("a@b\r\nDATA"), Quoting::Never, &everything(), &mut wire).is_err());
        assert_eq!(wire, b"RSET\r\n");
    }
}
