//! What the demo saw, as a table or as JSON, and whether that is what had to come.

use super::receiver::{Receiver, Seen};
use super::{DOMAINS, DemoArguments, DemoError, Folder};
use proto::control::RelayStatistics;
use serde_json::{Value, json};

/// What happened.
pub(super) struct Outcome {
    messages: u64,
    missing: u64,
    repeated: u64,
    connections: u64,
    /// `None` where no server offered TLS.
    handshakes: Option<u64>,
    seconds: f64,
    statistics: RelayStatistics,
}

impl Outcome {
    pub(super) fn new(
        arguments: &DemoArguments,
        hosts: &[Receiver],
        statistics: &RelayStatistics,
        seconds: f64,
    ) -> Self {
        let sum = |count: fn(&Seen) -> u64| hosts.iter().map(|host| host.seen(count)).sum::<u64>();
        let messages = arguments.messages;
        Self {
            messages,
            missing: messages.saturating_sub(sum(|seen| seen.messages.len() as u64)),
            repeated: sum(|seen| seen.messages.values().filter(|times| **times > 1).count() as u64),
            connections: sum(|seen| seen.connections),
            handshakes: arguments.tls.then(|| sum(|seen| seen.handshakes)),
            seconds,
            statistics: statistics.clone(),
        }
    }

    fn delivered(&self) -> u64 {
        self.messages - self.missing
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn rate(&self) -> f64 {
        self.delivered() as f64 / self.seconds.max(f64::EPSILON)
    }

    fn json(&self) -> Value {
        let Self { messages, missing: _, repeated: _, connections, handshakes, seconds, statistics } = self;
        let RelayStatistics { handovers, workers, longest_chain, .. } = statistics;
        let mut object = json!({
            "messages": messages, "delivered": self.delivered(), "connections": connections,
            "handovers": handovers, "workers": workers, "longest_chain": longest_chain,
            "seconds": seconds, "deliveries_per_second": self.rate(),
        });
        if let (Some(number), Some(fields)) = (handshakes, object.as_object_mut()) {
            fields.insert("handshakes".into(), Value::from(*number));
        }
        object
    }

    pub(super) fn print_json(&self) {
        println!("{}", self.json());
    }

    pub(super) fn print(&self) {
        let Self { messages, missing: _, repeated: _, connections, handshakes, seconds, statistics } = self;
        let RelayStatistics { handovers, workers, longest_chain, .. } = statistics;
        println!("{messages:>8} messages to {DOMAINS} domains on 2 hosts");
        println!("{:>8} delivered, each exactly once", self.delivered());
        println!("{connections:>8} connections, as the servers counted");
        if let Some(handshakes) = handshakes {
            println!("{handshakes:>8} TLS handshakes, as the servers counted");
        }
        println!(
            "{handovers:>8} sessions handed over (taken by another process than the one that parked it)"
        );
        println!("{workers:>8} worker processes took part");
        println!("{longest_chain:>8} processes shared the session that changed hands most");
        println!("{:>8.0} deliveries/s ({seconds:.2} s)", self.rate());
    }

    /// An error where a message did not arrive exactly once; the folder stays then.
    pub(super) fn verdict(&self, folder: Folder) -> Result<(), DemoError> {
        let Self { messages, missing, repeated, .. } = *self;
        if missing == 0 && repeated == 0 {
            return Ok(());
        }
        let log = folder.keep().join("log");
        Err(DemoError::Incomplete { expected: messages, missing, repeated, log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(handshakes: Option<u64>) -> Outcome {
        let statistics = RelayStatistics::default();
        Outcome { messages: 9, missing: 1, repeated: 0, connections: 3, handshakes, seconds: 2.0, statistics }
    }

    #[test]
    fn handshakes_are_told_where_tls_was_offered_and_only_there() {
        assert_eq!(outcome(Some(0)).json().get("handshakes"), Some(&Value::from(0)));
        let plain = outcome(None).json();
        assert_eq!(plain.get("handshakes"), None);
        assert_eq!(
            (&plain["delivered"], &plain["deliveries_per_second"]),
            (&Value::from(8), &Value::from(4.0))
        );
    }
}
