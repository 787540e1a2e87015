//! Enhanced status codes: `class.subject.detail`, RFC 3463 and RFC 2034.

use std::fmt;

/// `class.subject.detail`; the class is 2, 4 or 5, the others have up to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status {
    class: Class,
    subject: u16,
    detail: u16,
}

/// The first number of a status: what became of the mail. RFC 3463 §3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 2: done.
    Success,
    /// 4: may pass when tried again.
    Soft,
    /// 5: will not pass as it is.
    Hard,
}

impl Status {
    /// 5.5.0, for replies whose code belongs to no class of RFC 3463.
    pub(crate) const PROTOCOL_ERROR: Self = Self::new(Class::Hard, 5, 0);

    /// A status of our own.
    #[must_use]
    pub const fn new(class: Class, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// The first number.
    #[must_use]
    pub const fn class(self) -> Class {
        self.class
    }

    /// The same subject and detail with class 4 in place of 5.
    #[must_use]
    pub const fn softened(self) -> Self {
        match self.class {
            Class::Hard => Self { class: Class::Soft, ..self },
            Class::Success | Class::Soft => self,
        }
    }

    /// `D.ddd.ddd` and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::leading(text.as_bytes()).filter(|_| !text.contains(' '))
    }

    /// The status of a reply: the enhanced code that begins `text` if it has the class of the reply's `code`,
    /// else `D.0.0`; 5.5.0 for a code that begins with neither 2, 4 nor 5.
    pub(crate) fn of_reply(code: u16, text: &[u8]) -> Self {
        let Some(class) = Class::from_digit(code / 100) else { return Self::PROTOCOL_ERROR };
        match Self::leading(text.trim_ascii_start()) {
            Some(status) if status.class == class => status,
            _ => Self::new(class, 0, 0),
        }
    }

    /// `D.ddd.ddd` at the beginning, followed by a space or the end.
    fn leading(text: &[u8]) -> Option<Self> {
        let word = text.split(|octet| *octet == b' ').next()?;
        let mut parts = word.split(|octet| *octet == b'.');
        let class = Class::from_digit(number(parts.next()?)?)?;
        let (subject, detail) = (number(parts.next()?)?, number(parts.next()?)?);
        parts.next().is_none().then_some(Self { class, subject, detail })
    }
}

impl Class {
    const fn from_digit(digit: u16) -> Option<Self> {
        match digit {
            2 => Some(Self::Success),
            4 => Some(Self::Soft),
            5 => Some(Self::Hard),
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            Class::Success => 2,
            Class::Soft => 4,
            Class::Hard => 5,
        };
        write!(f, "{class}.{}.{}", self.subject, self.detail)
    }
}

/// One to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u16, text: &str, want: &str) {
        assert_eq!(Status::of_reply(code, text.as_bytes()).to_string(), want, "{code} {text}");
    }

    #[test]
    fn the_enhanced_code_counts_if_its_class_is_the_replys() {
        check(250, "2.1.5 ok", "2.1.5");
        check(550, "5.1.1 no such user", "5.1.1");
        check(550, "  5.1.1 after spaces", "5.1.1");
        check(450, "4.2.0", "4.2.0");
        check(550, "5.123.999 wide", "5.123.999");
        check(550, "4.1.1 other class", "5.0.0");
        check(421, "2.0.0 other class", "4.0.0");
    }

    #[test]
    fn anything_else_is_not_an_enhanced_code() {
        let odd =
            ["", "5", "5.", "5.1", "5.1.", "5.1.1.1 x", "5.1.1x", "5.1234.1 x", "5..1 x", "x.1.1", "5.1.1-"];
        for text in odd {
            check(550, text, "5.0.0");
        }
    }

    #[test]
    fn codes_outside_the_classes_are_protocol_errors() {
        for code in [0, 1, 99, 100, 199, 300, 334, 354, 399, 600, 999] {
            check(code, "2.0.0 ok", "5.5.0");
        }
    }

    #[test]
    fn softening_changes_only_permanent_errors() {
        let soft = |class| Status::new(class, 7, 1).softened().to_string();
        assert_eq!([soft(Class::Hard), soft(Class::Soft), soft(Class::Success)], ["4.7.1", "4.7.1", "2.7.1"]);
    }
}
