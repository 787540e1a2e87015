//! The delivery line: the only place that writes `status=`.

use proto::job::{Recipient, Times};
use std::fmt;

/// Microseconds since the epoch at the two points of an attempt that the line shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamps {
    /// The session was set up: MAIL is about to be sent.
    pub ready: Option<u64>,
    /// The last reply of the transaction came.
    pub done: Option<u64>,
}

/// What the line says of the server.
#[derive(Debug, Clone, Default)]
pub struct Relay {
    /// `host[address]:port`, `host[path]`, or empty when there was none.
    pub name: String,
    /// Which message of the session this was, from 1.
    pub uses: u32,
}

/// What the line says at its end.
#[derive(Debug, Clone, Copy)]
pub struct Result<'a> {
    /// RFC 3463.
    pub dsn: &'a str,
    /// `sent`, `deferred`, `bounced`, `SOFTBOUNCE`; of a probe `deliverable`, `undeliverable`.
    pub status: &'a str,
    /// One line.
    pub reason: &'a str,
}

/// Logs one recipient for `service`: `ID: to=<…>, relay=…, delay=…, delays=a/b/c/d, dsn=…, status=… (…)`.
pub fn line(
    service: &str,
    queue_id: &str,
    recipient: &Recipient,
    relay: &Relay,
    delays: &Delays,
    result: Result<'_>,
) {
    let Result { dsn, status, reason } = result;
    tracing::info!(
        service,
        "{queue_id}: to=<{}>{}, relay={}, {delays}, dsn={dsn}, status={status} ({reason})",
        external(&recipient.address),
        Original(recipient),
        Used(relay),
    );
}

/// As it is written on the wire, which is what `info_log_address_format` is by default.
fn external(address: &str) -> String {
    if address.is_empty() { String::new() } else { mime::with_quotes(address) }
}

struct Original<'a>(&'a Recipient);

impl fmt::Display for Original<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recipient { address, original, .. } = self.0;
        if original.is_empty() || original.eq_ignore_ascii_case(address) {
            return Ok(());
        }
        write!(f, ", orig_to=<{}>", external(original))
    }
}

struct Used<'a>(&'a Relay);

impl fmt::Display for Used<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Relay { name, uses } = self.0;
        match (name.as_str(), uses) {
            ("", _) => f.write_str("none"),
            (name, 0 | 1) => f.write_str(name),
            (name, uses) => write!(f, "{name}, conn_use={uses}"),
        }
    }
}

/// `delay=T, delays=a/b/c/d`: queue before active, active before the agent, set-up, transaction.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    total: u64,
    parts: [u64; 4],
    /// `delay_logging_resolution_limit`: the most digits behind the point.
    resolution: u8,
}

impl Delays {
    /// From the request's times and the attempt's. `now` closes the phase that was still running.
    #[must_use]
    pub fn new(times: &Times, stamps: Stamps, now: u64, resolution: u8) -> Self {
        let Times { arrival, active, handed } = *times;
        let done = stamps.done.unwrap_or(now);
        let (setup, transaction) = match stamps.ready {
            Some(ready) => (ready.saturating_sub(handed), done.saturating_sub(ready)),
            None => (done.saturating_sub(handed), 0),
        };
        let parts = [active.saturating_sub(arrival), handed.saturating_sub(active), setup, transaction];
        Self { total: done.saturating_sub(arrival), parts, resolution }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.parts.map(|micros| Seconds(micros, self.resolution));
        write!(f, "delay={}, delays={a}/{b}/{c}/{d}", Seconds(self.total, self.resolution))
    }
}

/// Two significant digits, at most so many behind the point, no trailing zeros: 0, 0.03, 1.2, 12, 345.
struct Seconds(u64, u8);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(micros, resolution) = *self;
        let digits = match micros {
            10_000_000.. => 0,
            1_000_000.. => 1,
            100_000.. => 2,
            10_000.. => 3,
            1_000.. => 4,
            100.. => 5,
            _ => 6,
        }
        .min(resolution.min(6));
        let unit = 10u64.pow(u32::from(6 - digits));
        let rounded = micros.saturating_add(unit / 2) / unit;
        let scale = 10u64.pow(u32::from(digits));
        let (whole, fraction) = (rounded / scale, rounded % scale);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let text = format!("{fraction:0width$}", width = usize::from(digits));
        write!(f, "{whole}.{}", text.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_two_significant_digits() {
        let shown = |micros, resolution| Seconds(micros, resolution).to_string();
        let cases = [
            (0, "0"),
            (4_000, "0"),
            (5_000, "0.01"),
            (30_000, "0.03"),
            (154_000, "0.15"),
            (999_999, "1"),
            (1_200_000, "1.2"),
            (1_000_000, "1"),
            (12_300_000, "12"),
            (345_600_000, "346"),
        ];
        for (micros, want) in cases {
            assert_eq!(shown(micros, 2), want, "{micros} µs");
        }
        assert_eq!(shown(1_234, 6), "0.0012");
        assert_eq!(shown(1_999_999, 0), "2");
    }

    #[test]
    fn the_running_clock_closes_the_open_phase() {
        let times = Times { arrival: 1_000_000, active: 1_100_000, handed: 1_300_000 };
        let never_ready = Delays::new(&times, Stamps::default(), 4_300_000, 2);
        assert_eq!(never_ready.to_string(), "delay=3.3, delays=0.1/0.2/3/0");
        let stamps = Stamps { ready: Some(1_800_000), done: Some(2_000_000) };
        assert_eq!(Delays::new(&times, stamps, 9_000_000, 2).to_string(), "delay=1, delays=0.1/0.2/0.5/0.2");
    }

    #[test]
    fn clocks_that_went_back_show_as_zero() {
        let times = Times { arrival: 9, active: 5, handed: 1 };
        assert_eq!(Delays::new(&times, Stamps::default(), 0, 2).to_string(), "delay=0, delays=0/0/0/0");
    }
}
