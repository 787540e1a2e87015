//! Answers that are still true, bounded in number.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Outcome, RecordKind, Reply};
use crate::hostname::HostName;

/// Longest that an answer is kept, whatever its TTL says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The same for "not found": RFC 2308 §5 advises one to three hours at most.
const LONGEST_NEGATIVE: Duration = Duration::from_secs(3600);
/// The same for TLSA records, there or not: a key that was replaced must not defer mail for long.
const LONGEST_TLSA: Duration = crate::tlsa::LONGEST_KEPT;

/// Name and type.
type Question = (HostName, RecordKind);

/// Answers by question. The oldest goes first when it is full.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    entries: HashMap<Question, Entry>,
    /// Every key of `entries` once, in the order of arrival.
    arrival: VecDeque<Question>,
}

#[derive(Debug)]
struct Entry {
    reply: Reply,
    expires: Instant,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new(), arrival: VecDeque::new() }
    }

    /// The answer with what is left of its TTL, if it is still true.
    pub(super) fn get(&self, name: &HostName, kind: RecordKind, now: Instant) -> Option<Reply> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = self.entries.get(&(name.clone(), kind))?;
        let left = entry.expires.checked_duration_since(now).filter(|left| !left.is_zero())?;
        Some(Reply { ttl: Some(left), ..entry.reply.clone() })
    }

    /// Keeps the answer if its TTL is known and not zero. What may pass is never kept.
    pub(super) fn put(&mut self, name: &HostName, kind: RecordKind, reply: &Reply, now: Instant) {
        let longest = match reply.outcome {
            Outcome::Found(_) | Outcome::NullMx | Outcome::NullSrv | Outcome::Invalid => LONGEST,
            Outcome::NoData | Outcome::NxDomain => LONGEST_NEGATIVE,
            Outcome::AliasLoop | Outcome::Filtered | Outcome::Temporary(_) | Outcome::Unrecoverable(_) => {
                return;
            }
        };
        let longest = if kind == RecordKind::Tlsa { longest.min(LONGEST_TLSA) } else { longest };
        let Some(ttl) = reply.ttl.filter(|ttl| !ttl.is_zero()) else { return };
        if self.most == 0 {
            return;
        }
        let question = (name.clone(), kind);
        let entry = Entry { reply: reply.clone(), expires: now + ttl.min(longest) };
        if self.entries.insert(question.clone(), entry).is_none() {
            self.arrival.push_back(question);
        }
        while self.entries.len() > self.most {
            let Some(oldest) = self.arrival.pop_front() else { break };
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Trouble;
    use crate::hostname::Utf8Names;

    fn name(text: &str) -> HostName {
        HostName::parse(text, Utf8Names::Refused).unwrap()
    }

    fn reply(outcome: Outcome, ttl: Option<u64>) -> Reply {
        Reply { ttl: ttl.map(Duration::from_secs), ..Reply::of(outcome) }
    }

    #[test]
    fn an_answer_lives_as_long_as_its_ttl() {
        let (mut cache, now) = (Cache::new(8), Instant::now());
        cache.put(&name("a.example"), RecordKind::Mx, &reply(Outcome::NullMx, Some(10)), now);
        let at = |seconds| cache.get(&name("a.example"), RecordKind::Mx, now + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(reply(Outcome::NullMx, Some(10))));
        assert_eq!(at(9), Some(reply(Outcome::NullMx, Some(1))), "the TTL shrinks");
        assert_eq!(at(10), None);
        assert_eq!(cache.get(&name("a.example"), RecordKind::A, now), None);
        assert_eq!(cache.get(&name("b.example"), RecordKind::Mx, now), None);
    }

    #[test]
    fn what_may_pass_or_has_no_ttl_is_not_kept() {
        let now = Instant::now();
        for not_kept in [
            reply(Outcome::Temporary(Trouble::Timeout), Some(10)),
            reply(Outcome::Unrecoverable(1), Some(10)),
            reply(Outcome::AliasLoop, Some(10)),
            reply(Outcome::NxDomain, None),
            reply(Outcome::NoData, Some(0)),
        ] {
            let mut cache = Cache::new(8);
            cache.put(&name("a.example"), RecordKind::A, &not_kept, now);
            assert_eq!(cache.get(&name("a.example"), RecordKind::A, now), None, "{not_kept:?}");
        }
    }

    #[test]
    fn long_ttls_are_cut() {
        let (mut cache, now) = (Cache::new(8), Instant::now());
        for (outcome, longest) in [(Outcome::NullMx, LONGEST), (Outcome::NxDomain, LONGEST_NEGATIVE)] {
            cache.put(&name("a.example"), RecordKind::A, &reply(outcome, Some(u64::from(u32::MAX))), now);
            assert_eq!(cache.get(&name("a.example"), RecordKind::A, now).unwrap().ttl, Some(longest));
        }
    }

    #[test]
    fn tlsa_answers_are_kept_for_a_hundred_seconds_at_most() {
        let (mut cache, now) = (Cache::new(8), Instant::now());
        for outcome in [Outcome::Found(Vec::new()), Outcome::Invalid, Outcome::NoData, Outcome::NxDomain] {
            for (kind, ttl, kept) in
                [(RecordKind::Tlsa, 300, 100), (RecordKind::Tlsa, 99, 99), (RecordKind::Cname, 300, 300)]
            {
                cache.put(&name("a.example"), kind, &reply(outcome.clone(), Some(ttl)), now);
                let left = cache.get(&name("a.example"), kind, now).unwrap().ttl;
                assert_eq!(left, Some(Duration::from_secs(kept)), "{kind} {outcome:?}");
            }
        }
    }

    #[test]
    fn the_oldest_goes_when_it_is_full() {
        let (mut cache, now) = (Cache::new(2), Instant::now());
        for text in ["a.example", "b.example", "a.example", "c.example"] {
            cache.put(&name(text), RecordKind::A, &reply(Outcome::NxDomain, Some(10)), now);
        }
        let known = |text| cache.get(&name(text), RecordKind::A, now).is_some();
        assert_eq!([known("a.example"), known("b.example"), known("c.example")], [false, true, true]);
        assert_eq!(cache.arrival.len(), 2);
        let mut none = Cache::new(0);
        none.put(&name("a.example"), RecordKind::A, &reply(Outcome::NxDomain, Some(10)), now);
        assert!(none.entries.is_empty() && none.arrival.is_empty());
    }
}
