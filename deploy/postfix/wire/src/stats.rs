//! MSG_STATS: the times of a message, as the memory of a C structure in base64.

use std::time::Duration;

/// Octets of the structure where pointers and times have 64 bits.
const LP64: usize = 88;
/// Octets where both have 32.
const ILP32: usize = 44;

/// Times since the epoch; zero is "not yet".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// The message arrived in the queue.
    pub incoming_arrival: Duration,
    /// It entered the active queue.
    pub active_arrival: Duration,
    /// The agent got it.
    pub agent_handoff: Duration,
    /// The connection stood.
    pub conn_setup_done: Duration,
    /// The last reply came.
    pub deliver_done: Duration,
    /// How many messages the connection had carried before.
    pub reuse_count: i32,
}

impl Stats {
    /// From the octets; `None` if they are of no size that is known.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let words = match octets.len() {
            LP64 => Words { octets, width: 8 },
            ILP32 => Words { octets, width: 4 },
            _ => return None,
        };
        Some(Self {
            incoming_arrival: words.time(0)?,
            active_arrival: words.time(1)?,
            agent_handoff: words.time(2)?,
            conn_setup_done: words.time(3)?,
            deliver_done: words.time(4)?,
            reuse_count: i32::from_ne_bytes(octets.get(10 * words.width..)?.get(..4)?.try_into().ok()?),
        })
    }

    /// To octets, as a 64-bit system has them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            incoming_arrival,
            active_arrival,
            agent_handoff,
            conn_setup_done,
            deliver_done,
            reuse_count,
        } = self;
        let mut octets = Vec::with_capacity(LP64);
        for time in [incoming_arrival, active_arrival, agent_handoff, conn_setup_done, deliver_done] {
            octets.extend_from_slice(&time.as_secs().to_ne_bytes());
            octets.extend_from_slice(&u64::from(time.subsec_micros()).to_ne_bytes());
        }
        octets.extend_from_slice(&reuse_count.to_ne_bytes());
        octets.resize(LP64, 0);
        octets
    }
}

/// Pairs of seconds and microseconds.
struct Words<'a> {
    octets: &'a [u8],
    width: usize,
}

impl Words<'_> {
    /// Times before the epoch, and microseconds that are none, come out as near as possible.
    fn time(&self, number: usize) -> Option<Duration> {
        let (seconds, micros) = (self.word(2 * number)?, self.word(2 * number + 1)?);
        let micros = u32::try_from(micros.clamp(0, 999_999)).unwrap_or_default();
        Some(Duration::new(u64::try_from(seconds).unwrap_or_default(), micros * 1000))
    }

    fn word(&self, number: usize) -> Option<i64> {
        let octets = self.octets.get(number * self.width..)?.get(..self.width)?;
        match self.width {
            8 => Some(i64::from_ne_bytes(octets.try_into().ok()?)),
            _ => Some(i64::from(i32::from_ne_bytes(octets.try_into().ok()?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_comes_back_as_it_went() {
        let stats = Stats {
            incoming_arrival: Duration::new(1_795_354_237, 123_456_000),
            active_arrival: Duration::new(1_795_354_238, 1000),
            reuse_count: 3,
            ..Stats::default()
        };
        assert_eq!(stats.encode().len(), LP64);
        assert_eq!(Stats::decode(&stats.encode()), Some(stats));
    }

    #[test]
    fn a_32_bit_system_has_half_of_it() {
        let mut octets = Vec::new();
        for word in [10i32, 20, 30, 40, 0, 0, 0, 0, 0, 0, 7] {
            octets.extend_from_slice(&word.to_ne_bytes());
        }
        let stats = Stats::decode(&octets).unwrap();
        assert_eq!(stats.incoming_arrival, Duration::new(10, 20_000));
        assert_eq!((stats.active_arrival.as_secs(), stats.reuse_count), (30, 7));
    }

    #[test]
    fn other_sizes_are_nothing() {
        assert_eq!(Stats::decode(&[0; 87]), None);
        assert_eq!(Stats::decode(&[]), None);
    }
}
