//! What a client asks for in notices: RET, ENVID, NOTIFY and ORCPT, RFC 3461 §4.

use crate::address::Mailbox;
use std::fmt;

/// RFC 3461 §4.3: how much of the message a notice of failure returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// `RET=FULL`.
    Full,
    /// `RET=HDRS`.
    Headers,
}

/// RFC 3461 §4.1: when the sender wants to hear about a recipient. All false is `NOTIFY=NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}

/// What `RCPT` carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Where the mail goes.
    pub mailbox: Mailbox,
    /// What its sender wants to hear; `None` if nothing was said.
    pub notify: Option<Notify>,
    /// RFC 3461 §4.2: `type;address`, decoded, without control characters.
    pub orcpt: Option<String>,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mailbox.fmt(f)
    }
}

impl From<Mailbox> for Recipient {
    fn from(mailbox: Mailbox) -> Self {
        Self { mailbox, notify: None, orcpt: None }
    }
}

/// RFC 3461 §4.4: octets of ENVID as sent.
const LONGEST_ENVID: usize = 100;
/// RFC 3461 §4.2: octets of ORCPT as sent.
const LONGEST_ORCPT: usize = 500;

/// `FULL` or `HDRS`.
pub(crate) fn ret(value: &str) -> Option<Ret> {
    match value {
        _ if value.eq_ignore_ascii_case("FULL") => Some(Ret::Full),
        _ if value.eq_ignore_ascii_case("HDRS") => Some(Ret::Headers),
        _ => None,
    }
}

/// xtext of printable ASCII, blanks among it.
pub(crate) fn envid(value: &str) -> Option<String> {
    Some(value).filter(|value| (1..=LONGEST_ENVID).contains(&value.len())).and_then(xtext)
}

/// Whether a text can be sent as ENVID: xtext takes up to three octets for one.
pub(crate) fn is_envid(text: &str) -> bool {
    let printable = |c: char| c.is_ascii_graphic() || c == ' ';
    let length: usize = text.bytes().map(|octet| if b"+= ".contains(&octet) { 3 } else { 1 }).sum();
    (1..=LONGEST_ENVID).contains(&length) && text.chars().all(printable)
}

/// `NEVER`, or a list of the others.
pub(crate) fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::default());
    }
    let mut notify = Notify::default();
    for word in value.split(',') {
        let slot = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return None,
        };
        *slot = true;
    }
    Some(notify)
}

/// A type, and an address in xtext; in type `utf-8` as RFC 6533 §3 writes it for ASCII.
pub(crate) fn orcpt(value: &str) -> Option<String> {
    let (kind, address) = value.split_once(';').filter(|_| value.len() <= LONGEST_ORCPT)?;
    let is_atom = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    if kind.is_empty() || address.is_empty() || !kind.bytes().all(is_atom) {
        return None;
    }
    let address = if kind.eq_ignore_ascii_case("utf-8") { unicode(address) } else { xtext(address) };
    Some(format!("{kind};{}", address?))
}

/// RFC 3461 §4: `+XX` is an octet, anything else but `+` and `=` that is visible itself.
fn xtext(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (decoded, length) = match c {
            '+' => (char::from(u8::from_str_radix(digits(rest.get(1..3)?)?, 16).ok()?), 3),
            c if c.is_ascii_graphic() && c != '=' => (c, 1),
            _ => return None,
        };
        plain.push(Some(decoded).filter(|c| c.is_ascii_graphic() || *c == ' ')?);
        rest = rest.get(length..)?;
    }
    Some(plain)
}

/// RFC 6533 §3: `\x{XXXX}` is a character.
fn unicode(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let (point, after) = rest.strip_prefix("\\x{")?.split_once('}')?;
            let point = char::from_u32(u32::from_str_radix(digits(point)?, 16).ok()?)?;
            plain.push(Some(point).filter(|point| !point.is_control())?);
            rest = after;
        } else {
            plain.push(Some(c).filter(|c| c.is_ascii_graphic() && !matches!(c, '+' | '='))?);
            rest = rest.get(1..)?;
        }
    }
    Some(plain)
}

/// Hexadecimal digits without a sign.
fn digits(text: &str) -> Option<&str> {
    let fits = (1..=6).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn xtext_is_decoded_and_nothing_else_is_accepted() {
        assert_eq!(envid("QQ314159").as_deref(), Some("QQ314159"));
        assert_eq!(envid("a+20b+2B+3d").as_deref(), Some("a b+="));
        for bad in ["", "a+", "a+2", "a+2g", "a++1", "a+0A", "a+7F", "a+C3", "a=b", &"x".repeat(101)] {
            assert_eq!(envid(bad), None, "{bad:?}");
        }
        assert_eq!(envid(&"x".repeat(100)).map(|envid| envid.len()), Some(100));
    }

    #[test]
    fn original_recipients_have_a_type() {
        assert_eq!(orcpt("rfc822;a+2Bb@x").as_deref(), Some("rfc822;a+b@x"));
        assert_eq!(orcpt("X-400;c=d").as_deref(), None);
        assert_eq!(orcpt("utf-8;\\x{E9}\\x{20AC}@x").as_deref(), Some("utf-8;é€@x"));
        let long = format!("rfc822;{}", "x".repeat(494));
        for bad in [
            "",
            "a@x",
            ";a@x",
            "rfc822;",
            "r c;a",
            "utf-8;+41",
            "utf-8;\\x{0A}",
            "utf-8;\\x{D800}",
            "utf-8;\\x41",
            &long,
        ] {
            assert_eq!(orcpt(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn never_stands_alone() {
        let on = |success, failure, delay| Some(Notify { success, failure, delay });
        assert_eq!(notify("never"), on(false, false, false));
        assert_eq!(notify("SUCCESS,delay"), on(true, false, true));
        assert_eq!(notify("FAILURE,FAILURE"), on(false, true, false));
        for bad in ["", "NEVER,FAILURE", "SUCCESS,", ",SUCCESS", "SUCCESS;DELAY", "ALWAYS"] {
            assert_eq!(notify(bad), None, "{bad:?}");
        }
        assert_eq!((ret("Full"), ret("HDRS"), ret("BODY")), (Some(Ret::Full), Some(Ret::Headers), None));
    }

    proptest! {
        #[test]
        fn nothing_that_is_decoded_has_control_characters(text in "\\PC{0,40}|[ -~+]{0,40}|([\\\\]x[{][0-9A-F]{0,7}[}]){0,4}") {
            for decoded in [xtext(&text), unicode(&text)].into_iter().flatten() {
                prop_assert!(!decoded.chars().any(char::is_control));
            }
        }
    }
}
