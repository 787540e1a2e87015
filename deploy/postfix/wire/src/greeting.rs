//! Who speaks first: from 3.6 on the server of a connection says which protocol it speaks.

use crate::attr::{AttrError, Fields, List};
use crate::text::Text;

/// What the installed Postfix does, as far as an agent must know before it hears anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 3.4 and 3.5: servers wait.
    Silent,
    /// 3.6 and later: servers announce their protocol.
    Announcing,
}

impl Release {
    /// From `mail_version`: `3.7.11`, `3.12-20260821`. `None`: that is no version, or older than 3.4.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        let mut numbers = version.trim().split(['.', '-']).map(|number| number.parse::<u32>().ok());
        match (numbers.next()??, numbers.next()??) {
            (3, 4 | 5) => Some(Self::Silent),
            (3, 6..) | (4.., _) => Some(Self::Announcing),
            _ => None,
        }
    }

    /// What a delivery agent says to qmgr before anything else. Postfix up to 3.5 closes the whole transport for a while if it
    /// hears the newer one.
    #[must_use]
    pub fn agent_greeting(self) -> Vec<u8> {
        match self {
            Self::Silent => List::new().int("status", 0).end(),
            Self::Announcing => List::new().word("protocol", "delivery_request_protocol").end(),
        }
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
            ("3.4.23", Some(Release::Silent)),
            ("3.5.0", Some(Release::Silent)),
            ("3.6.0\n", Some(Release::Announcing)),
            ("3.7.11", Some(Release::Announcing)),
            ("3.10.13", Some(Release::Announcing)),
            ("3.12-20260821", Some(Release::Announcing)),
            ("4.0.0", Some(Release::Announcing)),
            ("3.3.22", None),
            ("2.11.3", None),
            ("", None),
            ("three", None),
        ];
        for (version, want) in cases {
            assert_eq!(Release::of_version(version), want, "{version:?}");
        }
    }

    #[test]
    fn greetings_are_those_of_the_release() {
        assert_eq!(Release::Silent.agent_greeting(), b"status\x000\0\0");
        assert_eq!(Release::Announcing.agent_greeting(), b"protocol\0delivery_request_protocol\0\0");
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
