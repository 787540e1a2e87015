//! What becomes of a recipient, told to bounce, defer or trace: one request of theirs, APPEND, is all that an agent uses.

use crate::attr::{AttrError, Fields, List};
use crate::request::{Flags, Recipient};
use crate::text::Text;

/// The fields of a delivery status notification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dsn {
    /// RFC 3463.
    pub status: Text,
    /// `smtp` where a server replied.
    pub diag_type: Text,
    /// Its reply, one line.
    pub diag_text: Text,
    /// `dns` where a server replied.
    pub mta_type: Text,
    /// Its name.
    pub mta_mname: Text,
    /// RFC 3464 §2.3.3, and Postfix's words for probes.
    pub action: Text,
    /// For people, one line.
    pub reason: Text,
}

impl Dsn {
    pub(crate) fn put(&self, list: List) -> List {
        let Self { status, diag_type, diag_text, mta_type, mta_mname, action, reason } = self;
        list.text("status", status)
            .text("diag_type", diag_type)
            .text("diag_text", diag_text)
            .text("mta_type", mta_type)
            .text("mta_mname", mta_mname)
            .text("action", action)
            .text("reason", reason)
    }

    pub(crate) fn take(fields: &mut Fields) -> Result<Self, AttrError> {
        Ok(Self {
            status: fields.text("status")?,
            diag_type: fields.text("diag_type")?,
            diag_text: fields.text("diag_text")?,
            mta_type: fields.text("mta_type")?,
            mta_mname: fields.text("mta_mname")?,
            action: fields.text("action")?,
            reason: fields.text("reason")?,
        })
    }
}

/// A record for the log of a message that bounce, defer or trace keeps.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// Of the request; what is for tracing goes along, and nothing else: bit 0 means something else to bounce(8).
    pub flags: Flags,
    /// Whose log.
    pub queue_id: &'a Text,
    /// Of whom.
    pub recipient: &'a Recipient,
    /// What.
    pub dsn: &'a Dsn,
}

impl Append<'_> {
    /// The list. The answer is a status.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let list = List::new()
            .int("nrequest", 0)
            .int("flags", self.flags.for_trace())
            .text("queue_id", self.queue_id);
        self.dsn.put(self.recipient.put(list)).end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_is_the_one_that_was_seen_on_a_real_system() {
        let recipient = Recipient {
            original: "bad@drop.example".into(),
            address: "bad@drop.example".into(),
            offset: 729,
            orcpt: "rfc822;bad@drop.example".into(),
            notify: 6,
        };
        let dsn = Dsn {
            status: "5.1.1".into(),
            diag_type: "smtp".into(),
            diag_text: "550 5.1.1 no such user".into(),
            mta_type: "dns".into(),
            mta_mname: "HOST".into(),
            action: "failed".into(),
            reason: "host HOST said: no".into(),
        };
        let queue_id = "049A79AE25E".into();
        let append = Append { flags: Flags(0x1803), queue_id: &queue_id, recipient: &recipient, dsn: &dsn };
        let want = "nrequest|0|flags|0|queue_id|049A79AE25E|original_recipient|bad@drop.example|\
                    recipient|bad@drop.example|offset|729|dsn_orig_rcpt|rfc822;bad@drop.example|notify_flags|6|\
                    status|5.1.1|diag_type|smtp|diag_text|550 5.1.1 no such user|mta_type|dns|mta_mname|HOST|\
                    action|failed|reason|host HOST said: no||";
        assert_eq!(String::from_utf8(append.encode()).unwrap().replace('\0', "|"), want);
    }
}
