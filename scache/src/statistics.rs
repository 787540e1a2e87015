//! What the cache was good for, as lines in the log: the shape of Postfix's scache(8).

use crate::store::Peaks;
use proto::steward::Statistics;

/// What has been counted since the last report.
#[derive(Debug)]
pub(crate) struct Interval {
    start: String,
    base: Statistics,
}

impl Interval {
    /// Begins at `start`, as it stands in the log, with the counters as they are then.
    pub(crate) fn new(start: String, base: Statistics) -> Self {
        Self { start, base }
    }

    /// The lines for an interval that ends with these counters. A line without numbers is left out, an
    /// interval without anything has none.
    pub(crate) fn lines(&self, end: &Statistics, peaks: Peaks) -> Vec<String> {
        let Self { start, base } = self;
        let destinations = Lookups {
            hits: end.destination_hits - base.destination_hits,
            misses: end.destination_misses - base.destination_misses,
        };
        let endpoints = Lookups {
            hits: end.endpoint_hits - base.endpoint_hits,
            misses: end.endpoint_misses - base.endpoint_misses,
        };
        let Peaks { destinations: domains, endpoints: addresses, sessions } = peaks;
        let simultaneous = (sessions > 0).then(|| {
            format!(
                "statistics: max simultaneous domains={domains} addresses={addresses} connection={sessions}"
            )
        });
        let counts = [destinations.line("domain"), endpoints.line("address"), simultaneous];
        let mut lines: Vec<_> = counts.into_iter().flatten().collect();
        if !lines.is_empty() {
            lines.insert(0, format!("statistics: start interval {start}"));
        }
        lines
    }
}

struct Lookups {
    hits: u64,
    misses: u64,
}

impl Lookups {
    fn line(&self, kind: &str) -> Option<String> {
        let Self { hits, misses } = self;
        let percent = (hits * 100).checked_div(hits + misses)?;
        Some(format!("statistics: {kind} lookup hits={hits} miss={misses} success={percent}%"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_the_interval_only() {
        let base = Statistics { destination_hits: 100, endpoint_misses: 3, ..Statistics::default() };
        let interval = Interval::new("Nov 22 13:33:53".to_owned(), base);
        let end = Statistics { destination_hits: 125, destination_misses: 2, endpoint_misses: 5, ..base };
        let peaks = Peaks { destinations: 1, endpoints: 1, sessions: 2 };
        assert_eq!(
            interval.lines(&end, peaks),
            [
                "statistics: start interval Nov 22 13:33:53",
                "statistics: domain lookup hits=25 miss=2 success=92%",
                "statistics: address lookup hits=0 miss=2 success=0%",
                "statistics: max simultaneous domains=1 addresses=1 connection=2",
            ]
        );
        assert_eq!(interval.lines(&base, Peaks::default()), [""; 0]);
    }
}
