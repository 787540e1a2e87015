//! Workarounds for firewalls that hide a server's greeting and stumble over ESMTP: `smtp_pix_workarounds`.

use crate::reply::Reply;
use std::fmt;

/// Which of them are to be used where a greeting is hidden.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PixWorkarounds {
    helo: Chosen,
    late_dot: Chosen,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Chosen {
    #[default]
    No,
    Yes,
}

const DISABLE_ESMTP: &str = "disable_esmtp";
const DELAY_DOTCRLF: &str = "delay_dotcrlf";

impl PixWorkarounds {
    /// Names separated by commas or blanks, in any case; a name that means nothing is ignored.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let named = |word: &str| {
            let mut names = list.split([',', ' ', '\t', '\r', '\n']);
            if names.any(|name| name.eq_ignore_ascii_case(word)) { Chosen::Yes } else { Chosen::No }
        };
        Self { helo: named(DISABLE_ESMTP), late_dot: named(DELAY_DOTCRLF) }
    }

    /// Those for mail that is too young to be kept waiting (`smtp_pix_workaround_threshold_time`).
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { late_dot: Chosen::No, ..self }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// EHLO is not said.
    pub(crate) fn says_helo(self) -> bool {
        self.helo == Chosen::Yes
    }

    /// The final dot is written some time after the text, in a segment of its own.
    pub(crate) fn delays_dot(self) -> bool {
        self.late_dot == Chosen::Yes
    }
}

/// As the log names them.
impl fmt::Display for PixWorkarounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(self.helo, DISABLE_ESMTP), (self.late_dot, DELAY_DOTCRLF)];
        let chosen: Vec<_> =
            names.into_iter().filter(|(chosen, _)| *chosen == Chosen::Yes).map(|(_, name)| name).collect();
        f.write_str(&chosen.join(" "))
    }
}

/// Whether nothing of the greeting's text is left but asterisks, and the digits that such firewalls let through.
pub(super) fn is_hidden(greeting: &Reply) -> bool {
    greeting.lines().all(|text| text.chars().all(|c| matches!(c, '2' | '0' | ' ' | '*' | '\t')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_their_names() {
        let both = PixWorkarounds::parse("DELAY_dotcrlf unknown,disable_esmtp");
        assert_eq!(both.to_string(), "disable_esmtp delay_dotcrlf");
        assert_eq!(both.at_once().to_string(), "disable_esmtp");
        assert!(PixWorkarounds::parse("delay_dotcrlf").at_once().is_empty());
        assert!(PixWorkarounds::parse(" , other").is_empty());
    }

    #[test]
    fn greetings_of_nothing_but_asterisks() {
        let hidden = |text| is_hidden(&Reply::parse(text).unwrap());
        assert!(hidden("220 ****************2******0*0"));
        assert!(hidden("220-***\n220 **0"));
        assert!(!hidden("220 ***** ESMTP"));
        assert!(!hidden("220-mx.example\n220 ***"));
    }
}
