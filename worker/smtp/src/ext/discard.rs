//! Extensions to treat as if they were not offered: `smtp_discard_ehlo_keywords`.

use super::set::{Extension, Extensions};

/// A parsed discard list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Discard {
    extensions: Extensions,
    mention: Mention,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mention {
    #[default]
    Logged,
    Silent,
}

impl Discard {
    /// Names separated by commas or blanks, in any case. `silent-discard` keeps the log quiet; a name that means
    /// nothing is ignored.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let mut discard = Self::default();
        for name in list.split([',', ' ', '\t', '\r', '\n']) {
            let named =
                Extension::ALL.iter().find(|extension| extension.keyword().eq_ignore_ascii_case(name));
            match named {
                Some(extension) => discard.extensions.insert(*extension),
                None if name.eq_ignore_ascii_case("silent-discard") => discard.mention = Mention::Silent,
                None => {}
            }
        }
        discard
    }

    /// What goes after `discarding EHLO keywords: ` in the log, if anything does.
    #[must_use]
    pub fn to_log(&self) -> Option<String> {
        (self.mention == Mention::Logged && !self.extensions.is_empty()).then(|| self.extensions.to_string())
    }

    /// What is ignored.
    #[must_use]
    pub const fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// The same list with more in it.
    pub(crate) fn and(mut self, more: &[Extension]) -> Self {
        more.iter().for_each(|extension| self.extensions.insert(*extension));
        self
    }

    pub(crate) const fn contains(&self, extension: Extension) -> bool {
        self.extensions.contains(extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, names: &str, log: Option<&str>) {
        let discard = Discard::parse(list);
        assert_eq!(discard.extensions.to_string(), names);
        assert_eq!(discard.to_log().as_deref(), log);
    }

    #[test]
    fn lists() {
        check("", "", None);
        check("dsn, Size", "SIZE DSN", Some("SIZE DSN"));
        check("starttls pipelining,silent-discard", "PIPELINING STARTTLS", None);
        check("unknown,\n 8bitmime", "8BITMIME", Some("8BITMIME"));
        check("silent-discard", "", None);
    }
}
