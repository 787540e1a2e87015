//! A line to be sent during AUTH, and what of it may be shown.

use crate::base64::encode;
use crate::mechanism::Mechanism;
use std::fmt;
use zeroize::Zeroizing;

/// The longest command with its CR LF, RFC 5321 §4.5.3.1.4; RFC 4954 §4 asks to keep to it with an initial response.
const LONGEST_COMMAND: usize = 512;

/// One line without its end. Shown, by `Display` and `Debug` alike, it has `***` where the response stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    text: Zeroizing<String>,
    /// Where the response begins.
    response: usize,
}

impl Line {
    /// What goes over the wire, without CR LF.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends the line and CR LF. A buffer that lives on should be overwritten when it was sent.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// `AUTH` with the initial response, if there is something in it and the command stays within bounds.
    pub(crate) fn auth_with(mechanism: Mechanism, initial: &[u8]) -> Option<Self> {
        let encoded = encode(initial);
        let length = "AUTH ".len() + mechanism.name().len() + 1 + encoded.len();
        if initial.is_empty() || length + "\r\n".len() > LONGEST_COMMAND {
            return None;
        }
        let mut text = Zeroizing::new(String::with_capacity(length));
        for part in ["AUTH ", mechanism.name(), " ", &encoded] {
            text.push_str(part);
        }
        Some(Self { response: length - encoded.len(), text })
    }

    /// `AUTH` alone.
    pub(crate) fn auth(mechanism: Mechanism) -> Self {
        Self::open(format!("AUTH {mechanism}"))
    }

    /// The answer to a challenge; empty if there is nothing to say.
    pub(crate) fn response(message: &[u8]) -> Self {
        Self { text: encode(message), response: 0 }
    }

    /// The client does not want to go on. RFC 4954 §4.
    pub(crate) fn cancel() -> Self {
        Self::open("*".to_owned())
    }

    /// What must not be shown; may be empty.
    pub(crate) fn hidden(&self) -> &str {
        self.text.get(self.response..).unwrap_or_default()
    }

    fn open(text: String) -> Self {
        Self { response: text.len(), text: Zeroizing::new(text) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.get(..self.response).unwrap_or_default())?;
        if self.hidden().is_empty() { Ok(()) } else { f.write_str("***") }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initial_response_is_attached_while_the_command_fits() {
        // AUTH, PLAIN, two spaces, CR LF: 13 octets; 499 are left for base64, so 496 of it.
        let fits = Line::auth_with(Mechanism::Plain, &[b'x'; 372]).unwrap();
        assert_eq!(fits.as_str().len() + 2, 509);
        assert_eq!(Line::auth_with(Mechanism::Plain, &[b'x'; 373]), None);
        assert_eq!(Line::auth_with(Mechanism::Plain, b""), None);
        // EXTERNAL is three octets longer, so 496 are left: exactly 512.
        let full = Line::auth_with(Mechanism::External, &[b'x'; 372]).unwrap();
        assert_eq!(full.as_str().len() + 2, 512);
    }

    #[test]
    fn responses_are_not_shown() {
        let auth = Line::auth_with(Mechanism::Plain, b"\0user\0secret").unwrap();
        assert_eq!(
            (auth.as_str(), auth.to_string()),
            ("AUTH PLAIN AHVzZXIAc2VjcmV0", "AUTH PLAIN ***".into())
        );
        assert_eq!(format!("{auth:?}"), "Line(AUTH PLAIN ***)");
        let response = Line::response(b"secret");
        assert_eq!((response.as_str(), response.to_string()), ("c2VjcmV0", "***".into()));
        assert_eq!(Line::response(b"").to_string(), "");
        assert_eq!(
            (Line::cancel().to_string(), Line::auth(Mechanism::Login).to_string()),
            ("*".into(), "AUTH LOGIN".into())
        );
    }

    #[test]
    fn a_line_ends_with_cr_lf_on_the_wire() {
        let mut out = b"EHLO x\r\n".to_vec();
        Line::cancel().append_to(&mut out);
        assert_eq!(out, b"EHLO x\r\n*\r\n");
    }
}
