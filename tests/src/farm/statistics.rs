//! What a connection cache logged of its lookups: scache(8) and ours write the same lines.

use std::fmt;

/// Lookups of one sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Those that found a session.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
}

impl Lookups {
    /// Hits of a hundred lookups.
    pub fn percent(self) -> u64 {
        (self.hits * 100).checked_div(self.hits + self.misses).unwrap_or(0)
    }

    fn add(&mut self, line: &str) {
        let number = |name: &str| -> Option<u64> {
            let (_, rest) = line.split_once(name)?;
            rest.split(' ').next()?.parse().ok()
        };
        self.hits += number(" hits=").unwrap_or(0);
        self.misses += number(" miss=").unwrap_or(0);
    }
}

impl fmt::Display for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hits + self.misses {
            0 => f.write_str("none"),
            all => write!(f, "{} of {all}: {}%", self.hits, self.percent()),
        }
    }
}

/// The sum over all intervals of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// By next hop.
    pub domain: Lookups,
    /// By host.
    pub address: Lookups,
}

impl Statistics {
    /// Adds up the lines `statistics: domain lookup hits=… miss=… success=…%` and those for addresses.
    pub fn read(log: &str) -> Self {
        let mut sum = Self::default();
        for line in log.lines().filter(|line| line.contains("/scache[")) {
            if line.contains("]: statistics: domain lookup ") {
                sum.domain.add(line);
            } else if line.contains("]: statistics: address lookup ") {
                sum.address.add(line);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_added_up() {
        let log = "Nov 1 00:00:00 h postfix/scache[7]: statistics: domain lookup hits=3 miss=1 success=75%\n\
                   Nov 1 00:00:00 h postfix/scache[7]: statistics: address lookup hits=0 miss=2 success=0%\n\
                   Nov 1 00:10:00 h postfix/scache[9]: statistics: domain lookup hits=1 miss=5 success=16%\n";
        let read = Statistics::read(log);
        assert_eq!(
            (read.domain, read.address),
            (Lookups { hits: 4, misses: 6 }, Lookups { hits: 0, misses: 2 })
        );
        assert_eq!(read.domain.to_string(), "4 of 10: 40%");
        assert_eq!(Lookups::default().to_string(), "none");
    }
}
