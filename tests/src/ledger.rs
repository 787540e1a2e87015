//! What was sent against what arrived.

use crate::mail::Sent;
use crate::sink::Received;
use std::collections::HashMap;
use std::fmt;

/// The balance. Each message counts once in one of the first four.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// Arrived once, as sent.
    pub good: usize,
    /// Never arrived: their Message-IDs.
    pub lost: Vec<String>,
    /// Arrived more than once.
    pub duplicated: Vec<String>,
    /// Arrived once, with another body or header.
    pub changed: Vec<String>,
    /// Arrived and was never sent.
    pub unknown: Vec<String>,
}

impl Balance {
    /// How many messages are not as they should be.
    pub fn faults(&self) -> usize {
        self.lost.len() + self.duplicated.len() + self.changed.len() + self.unknown.len()
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} arrived once and unchanged, {} lost, {} duplicated, {} changed, {} unknown",
            self.good,
            self.lost.len(),
            self.duplicated.len(),
            self.changed.len(),
            self.unknown.len()
        )
    }
}

/// Compares by Message-ID, for messages that reach the sink in one transaction each.
pub fn compare(sent: &[Sent], received: &[Received]) -> Balance {
    let sent = sent.iter().map(|message| (message.message_id.clone(), message));
    balance(sent, received.iter().map(|message| (message.message_id.clone(), message)))
}

/// Compares by Message-ID and recipient, for messages whose recipients are served apart, or twice.
pub fn compare_copies(sent: &[Sent], received: &[Received]) -> Balance {
    let name = |id: &str, recipient: &str| format!("{id} to {recipient}");
    let sent = sent.iter().flat_map(|message| {
        message.recipients.iter().map(move |to| (name(&message.message_id, to), message))
    });
    let received = received.iter().flat_map(|message| {
        message.recipients.iter().map(move |to| (name(&message.message_id, to), message))
    });
    balance(sent, received)
}

fn balance<'a>(
    sent: impl Iterator<Item = (String, &'a Sent)>,
    received: impl Iterator<Item = (String, &'a Received)>,
) -> Balance {
    let mut arrived: HashMap<String, Vec<&Received>> = HashMap::new();
    for (name, message) in received {
        arrived.entry(name).or_default().push(message);
    }
    let mut balance = Balance::default();
    for (name, message) in sent {
        match arrived.remove(&name).as_deref() {
            None => balance.lost.push(name),
            Some([one]) if one.body == message.body && one.original == message.original => balance.good += 1,
            Some([_]) => balance.changed.push(name),
            Some(_) => balance.duplicated.push(name),
        }
    }
    balance.unknown = arrived.into_keys().collect();
    balance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Mail;
    use std::time::Instant;

    fn arrival(mail: &Mail) -> Received {
        let Sent { message_id, body, original, recipients } = mail.sent();
        Received {
            connection: 1,
            nth: 1,
            sender: mail.sender.clone(),
            recipients,
            mail_parameters: String::new(),
            message_id,
            body,
            original,
            size: 0,
            dot_at: Instant::now(),
            answered: true,
            content: Vec::new(),
        }
    }

    #[test]
    fn every_kind_of_fault_is_told_apart() {
        let mail = |id: &str, body: &str| Mail::new("r@d.test", id, body.as_bytes());
        let (good, lost, twice, changed) =
            (mail("1@t", "a"), mail("2@t", "b"), mail("3@t", "c"), mail("4@t", "d"));
        let sent = [&good, &lost, &twice, &changed].map(Mail::sent);
        let received = [&good, &twice, &twice, &mail("4@t", "D"), &mail("5@t", "e")].map(arrival);
        let balance = compare(&sent, &received);
        assert_eq!(balance.good, 1);
        assert_eq!(balance.lost, ["<2@t>"]);
        assert_eq!(balance.duplicated, ["<3@t>"]);
        assert_eq!(balance.changed, ["<4@t>"]);
        assert_eq!(balance.unknown, ["<5@t>"]);
        assert_eq!(balance.faults(), 4);
    }

    #[test]
    fn each_recipient_has_a_copy_of_its_own() {
        let mail = |to: &[&str]| {
            // The same header for all: it is one message.
            let mut mail = Mail::new("a@d.test", "1@t", b"a");
            mail.recipients = to.iter().map(|&to| to.to_owned()).collect();
            mail
        };
        let sent = [mail(&["a@d.test", "b@d.test", "c@e.test", "d@e.test"]).sent()];
        let received = [mail(&["a@d.test", "b@d.test"]), mail(&["b@d.test"]), mail(&["c@e.test"])];
        let balance = compare_copies(&sent, &received.map(|mail| arrival(&mail)));
        assert_eq!((balance.good, balance.faults()), (2, 2));
        assert_eq!((&*balance.duplicated[0], &*balance.lost[0]), ("<1@t> to b@d.test", "<1@t> to d@e.test"));
    }
}
