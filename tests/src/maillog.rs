//! Delivery lines of the log, as the tools of operators read them.

/// A delivery line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The process that delivered.
    pub pid: u32,
    /// The recipient.
    pub to: String,
    /// `host[address]:port`, or `none`.
    pub relay: String,
    /// Which message of its connection it was, if not the first.
    pub conn_use: Option<u32>,
    /// RFC 3463.
    pub dsn: String,
    /// `sent`, `deferred`, `bounced`.
    pub status: String,
    /// What stands in brackets.
    pub reason: String,
}

impl Line {
    /// `Mmm dd hh:mm:ss host name/service[pid]: ID: to=<…>, relay=…[, conn_use=N], delay=…, delays=a/b/c/d, dsn=…,
    /// status=… (…)`, and nothing else.
    pub fn parse(line: &str) -> Option<Self> {
        let (stamp, rest) = line.split_at_checked("Nov 23 03:27:03 ".len())?;
        let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if !(shape.ends_with(" 00 00:00:00 ") || shape.ends_with("  0 00:00:00 ")) {
            return None;
        }
        let (_host, rest) = rest.split_once(' ')?;
        let (origin, rest) = rest.split_once("]: ")?;
        let (name, pid) = origin.split_once('[')?;
        let (id, rest) = rest.split_once(": to=<")?;
        let (pid, well_named) = (pid.parse().ok()?, matches!(name, "baton/smtp" | "baton/lmtp"));
        if !well_named || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        let (to, rest) = rest.split_once(">, relay=")?;
        let (relay, rest) = rest.split_once(", ")?;
        let (conn_use, rest) = match rest.strip_prefix("conn_use=") {
            Some(rest) => {
                let (uses, rest) = rest.split_once(", ")?;
                (Some(uses.parse().ok()?), rest)
            }
            None => (None, rest),
        };
        let (delay, rest) = rest.strip_prefix("delay=")?.split_once(", delays=")?;
        let (delays, rest) = rest.split_once(", dsn=")?;
        let (dsn, rest) = rest.split_once(", status=")?;
        let (status, reason) = rest.split_once(" (")?;
        let numbers: Option<Vec<f64>> =
            delays.split('/').chain([delay]).map(|number| number.parse().ok()).collect();
        (numbers?.len() == 5).then_some(Self {
            pid,
            to: to.into(),
            relay: relay.into(),
            conn_use,
            dsn: dsn.into(),
            status: status.into(),
            reason: reason.strip_suffix(')')?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Nov 23 03:27:03 mx baton/smtp[7]: ABC1: to=<a@d.test>, relay=h[192.0.2.1]:25, conn_use=2, \
        delay=0.3, delays=0.1/0/0.1/0.1, dsn=2.0.0, status=sent (250 ok (really))";

    #[test]
    fn only_the_exact_shape_is_a_delivery_line() {
        let line = Line::parse(GOOD).unwrap();
        assert_eq!((line.pid, line.conn_use, line.relay.as_str()), (7, Some(2), "h[192.0.2.1]:25"));
        assert_eq!(line.reason, "250 ok (really)");
        assert_eq!(Line::parse(&GOOD.replace(", conn_use=2", "")).unwrap().conn_use, None);
        for (from, to) in [
            ("Nov 23 ", "2026-11-23 "),
            ("smtp[7]", "smtp"),
            ("/0.1, dsn", ", dsn"),
            ("conn_use=2, ", "conn_use=x, "),
            (" (250 ok (really))", ""),
        ] {
            assert_eq!(Line::parse(&GOOD.replacen(from, to, 1)), None, "{to:?} for {from:?}");
        }
    }
}
