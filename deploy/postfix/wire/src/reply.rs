//! What an agent says at the end of a request, and what servers answer.

use crate::attr::{AttrError, Fields, List};
use crate::report::Dsn;

/// The end of a request, for qmgr.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Final {
    /// Why the whole site is not to be had; all empty where that is not so.
    pub hop: Dsn,
    /// Whether anybody was deferred. If nobody was, in all requests of the message, qmgr removes the file without a look
    /// at the marks in it.
    pub outcome: Outcome,
}

/// What became of the recipients, taken together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody is done with, and marked.
    Settled,
    /// Somebody is to be tried again.
    #[default]
    Deferred,
}

impl Final {
    /// The list.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let status = match self.outcome {
            Outcome::Settled => 0,
            Outcome::Deferred => -1,
        };
        self.hop.put(List::new()).int("status", status).end()
    }

    /// Reads it, as qmgr does.
    ///
    /// # Errors
    /// [`AttrError`].
    pub fn decode(mut fields: Fields) -> Result<Self, AttrError> {
        let hop = Dsn::take(&mut fields)?;
        let outcome = match fields.int("status")? {
            0 => Outcome::Settled,
            _ => Outcome::Deferred,
        };
        fields.end()?;
        Ok(Self { hop, outcome })
    }
}

/// The one number that most servers answer; 0 is success.
///
/// # Errors
/// The answer is something else.
pub fn status(mut answer: Fields) -> Result<i32, AttrError> {
    let status = answer.int("status")?;
    answer.end()?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attr::Incoming;

    #[test]
    fn success_is_seven_empty_strings_and_a_zero() {
        let success = Final { outcome: Outcome::Settled, ..Final::default() }.encode();
        let names = ["status", "diag_type", "diag_text", "mta_type", "mta_mname", "action", "reason"];
        let want = names.map(|name| format!("{name}\0\0")).concat() + "status\x000\0\0";
        assert_eq!(String::from_utf8(success.clone()).unwrap(), want);
        assert_eq!(success.len(), 77, "as traced");
    }

    #[test]
    fn a_deferral_is_minus_one() {
        let reply = Final { hop: Dsn { reason: "gone".into(), ..Dsn::default() }, ..Final::default() };
        let octets = reply.encode();
        assert!(octets.ends_with(b"reason\0gone\0status\x004294967295\0\0"));
        let mut incoming = Incoming::default();
        incoming.feed(&octets);
        assert_eq!(Final::decode(incoming.next_list().unwrap().unwrap()), Ok(reply));
    }
}
