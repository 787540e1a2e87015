//! `randmap:{value, value ...}`: one of the values, whatever the key.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{OpenError, Table, TableError, TableSpec, braces};

#[derive(Debug)]
struct Random {
    values: Vec<String>,
    /// Seeded by the system.
    chance: RandomState,
    asked: AtomicU64,
}

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let values = braces::list(spec)?.into_iter().map(str::to_owned).collect();
    Ok(Box::new(Random { values, chance: RandomState::new(), asked: AtomicU64::new(0) }))
}

impl Table for Random {
    fn lookup(&self, _key: &str) -> Result<Option<String>, TableError> {
        let chance = self.chance.hash_one(self.asked.fetch_add(1, Ordering::Relaxed));
        let count = u64::try_from(self.values.len()).unwrap_or(1).max(1);
        Ok(usize::try_from(chance % count).ok().and_then(|at| self.values.get(at)).cloned())
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_up_and_no_other() {
        let table = open(&TableSpec::parse("randmap:{ [a]:25, b,{c d} }").unwrap()).unwrap();
        let mut seen: Vec<String> = (0..1000).map(|_| table.lookup("x").unwrap().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["[a]:25", "b", "{c d}"]);
    }

    #[test]
    fn a_value_must_be_there() {
        for spec in ["randmap:{}", "randmap:{ , }", "randmap:a", "randmap:{a"] {
            assert!(open(&TableSpec::parse(spec).unwrap()).is_err(), "{spec}");
        }
    }
}
