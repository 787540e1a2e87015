//! How many commands of each kind a session had, for its last log line.

use std::fmt;

use crate::command::Verb;

/// Commands that were accepted, and all. `Display` has the shape of Postfix's "disconnect" line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandCounts {
    rows: [Count; NAMES.len()],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    accepted: u32,
    all: u32,
}

impl CommandCounts {
    pub(crate) fn asked(&mut self, verb: Verb) {
        self.row(verb, |count| count.all = count.all.saturating_add(1));
    }

    pub(crate) fn accepted(&mut self, verb: Verb) {
        self.row(verb, |count| count.accepted = count.accepted.saturating_add(1));
    }

    fn row(&mut self, verb: Verb, change: impl FnOnce(&mut Count)) {
        let index = match verb {
            Verb::Helo => 0,
            Verb::Ehlo => 1,
            Verb::Mail => 2,
            Verb::Rcpt => 3,
            Verb::Data => 4,
            Verb::Rset => 5,
            Verb::Noop => 6,
            Verb::Vrfy => 7,
            Verb::Help => 8,
            Verb::Quit => 9,
            Verb::NotImplemented | Verb::Chunk | Verb::Foreign | Verb::Unknown => 10,
        };
        if let Some(count) = self.rows.get_mut(index) {
            change(count);
        }
    }
}

/// `ehlo=1 mail=1 rcpt=1/2 data=1 quit=1 commands=5/6`: accepted, and all where that is more.
impl fmt::Display for CommandCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut total = Count::default();
        for (name, count) in NAMES.iter().zip(&self.rows).filter(|(_, count)| count.all > 0) {
            count.write(name, f)?;
            f.write_str(" ")?;
            total.accepted = total.accepted.saturating_add(count.accepted);
            total.all = total.all.saturating_add(count.all);
        }
        total.write("commands", f)
    }
}

impl Count {
    fn write(self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.accepted == self.all {
            return write!(f, "{name}={}", self.all);
        }
        write!(f, "{name}={}/{}", self.accepted, self.all)
    }
}

const NAMES: [&str; 11] =
    ["helo", "ehlo", "mail", "rcpt", "data", "rset", "noop", "vrfy", "help", "quit", "unknown"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_what_failed() {
        let mut counts = CommandCounts::default();
        assert_eq!(counts.to_string(), "commands=0");
        counts.asked(Verb::Ehlo);
        counts.accepted(Verb::Ehlo);
        counts.asked(Verb::Rcpt);
        counts.asked(Verb::Rcpt);
        counts.accepted(Verb::Rcpt);
        counts.asked(Verb::Chunk);
        assert_eq!(counts.to_string(), "ehlo=1 rcpt=1/2 unknown=0/1 commands=2/4");
    }
}
