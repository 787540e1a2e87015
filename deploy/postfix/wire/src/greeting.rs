//! The releases that are known, and who speaks first: from 3.6 on the server of a connection says which protocol it
//! speaks.

use crate::attr::{AttrError, Fields, List};
use crate::text::Text;

/// The installed Postfix: 3.4 to 3.12, whose internal protocols were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    minor: u32,
}

impl Release {
    /// The releases that are known, as the operator reads them.
    pub const KNOWN: &'static str = "3.4 to 3.12";

    /// From `mail_version`: `3.7.11`, `3.12-20260821`. `None`: that is no version, or one whose protocols nobody has
    /// looked at: mail might be lost by a misunderstanding.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        let mut numbers = version.trim().split(['.', '-']).map(|number| number.parse::<u32>().ok());
        match (numbers.next()??, numbers.next()??) {
            (3, minor @ 4..=12) => Some(Self { minor }),
            _ => None,
        }
    }

    /// Whether servers announce their protocol. Those of 3.4 and 3.5 wait.
    #[must_use]
    pub const fn announces(self) -> bool {
        self.minor >= 6
    }

    /// What a delivery agent says to qmgr before anything else. Postfix up to 3.5 closes the whole transport for a while if it
    /// hears the newer one.
    #[must_use]
    pub fn agent_greeting(self) -> Vec<u8> {
        if self.announces() {
            List::new().word("protocol", "delivery_request_protocol").end()
        } else {
            List::new().int("status", 0).end()
        }
    }

    /// What a delivery request calls the sender's demands.
    #[must_use]
    pub const fn options_name(self) -> &'static str {
        if self.minor >= 10 { "sendopts" } else { "smtputf8" }
    }

    /// Whether proxymap(8) wants, and tells, a table's flags each time.
    pub(crate) const fn repeats_table_flags(self) -> bool {
        self.minor >= 11
    }
}

/// Servers of Postfix that an agent talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// bounce, defer and trace: one program.
    DeliveryStatus,
    /// verify
    Verify,
    /// flush
    Flush,
    /// proxymap
    Proxymap,
    /// Another delivery agent.
    Agent,
}

impl Server {
    /// The word it announces.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::DeliveryStatus => "delivery_status_protocol",
            // Postfix's own spelling.
            Self::Verify => "address_verification_prrotocol",
            Self::Flush => "queue_flush_protocol",
            Self::Proxymap => "proxymap_protocol",
            Self::Agent => "delivery_request_protocol",
        }
    }

    /// Where its socket is, below the queue's root.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Flush => "public",
            Self::DeliveryStatus | Self::Verify | Self::Proxymap | Self::Agent => "private",
        }
    }

    /// Whether this is its announcement.
    ///
    /// # Errors
    /// It is that of somebody else, or something else.
    pub fn check(self, mut greeting: Fields) -> Result<(), AttrError> {
        let value = greeting.text("protocol")?;
        greeting.end()?;
        let expected = value == Text::from(self.protocol());
        if expected { Ok(()) } else { Err(AttrError::Malformed { name: "protocol", value }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attr::Incoming;

    #[test]
    fn versions_of_every_kind_are_told_apart() {
        let cases = [
            ("3.4.23", 4),
            ("3.5.0", 5),
            ("3.6.0\n", 6),
            ("3.7.11", 7),
            ("3.10.13", 10),
            ("3.12-20260821", 12),
        ];
        for (version, minor) in cases {
            assert_eq!(Release::of_version(version), Some(Release { minor }), "{version:?}");
        }
        for version in ["3.3.22", "3.13.0", "4.0.0", "2.11.3", "13.7", "3", "3.x", "", "three"] {
            assert_eq!(Release::of_version(version), None, "{version:?}");
        }
    }

    #[test]
    fn greetings_are_those_of_the_release() {
        let release = |version| Release::of_version(version).unwrap();
        assert_eq!(release("3.5").agent_greeting(), b"status\x000\0\0");
        assert_eq!(release("3.6").agent_greeting(), b"protocol\0delivery_request_protocol\0\0");
        let names = ["3.9", "3.10"].map(|version| release(version).options_name());
        assert_eq!(names, ["smtputf8", "sendopts"]);
    }

    #[test]
    fn a_server_that_is_another_one_is_noticed() {
        let greeting = |octets: &[u8]| {
            let mut incoming = Incoming::default();
            incoming.feed(octets);
            incoming.next_list().unwrap().unwrap()
        };
        let verify = b"protocol\0address_verification_prrotocol\0\0";
        assert_eq!(Server::Verify.check(greeting(verify)), Ok(()));
        assert!(Server::Flush.check(greeting(verify)).is_err());
        assert!(Server::Flush.check(greeting(b"status\x000\0\0")).is_err());
    }
}
