//! Outcomes counted, listed and compared.

use super::differences::meant;
use super::outcome::{Essence, Outcome};
use super::stage::Stage;
use crate::table::Table;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// Distinct outcomes, each with the cases that have it.
pub fn distinct<'a>(stage: &'a Stage, outcomes: &[Outcome]) -> BTreeMap<Essence, Vec<&'a str>> {
    let mut found: BTreeMap<Essence, Vec<&str>> = BTreeMap::new();
    for (one, outcome) in stage.placed.iter().zip(outcomes) {
        found.entry(outcome.essence()).or_default().push(&one.case.name);
    }
    found
}

/// How many outcomes are distinct when every line of the log counts, and what went over the wire.
pub fn distinct_in_all(outcomes: &[Outcome]) -> usize {
    let all: HashSet<_> =
        outcomes.iter().map(|one| (one.essence(), &one.relay, &one.remarks, &one.wire)).collect();
    all.len()
}

/// Distinct outcomes by level, as a table.
pub fn by_level(stage: &Stage, outcomes: &[Outcome]) -> Table {
    let mut levels: BTreeMap<String, (usize, BTreeMap<Essence, ()>)> = BTreeMap::new();
    for (one, outcome) in stage.placed.iter().zip(outcomes) {
        let policy = one.case.policy.as_deref().unwrap_or("(main.cf)");
        let level = policy.split([' ', ':']).next().unwrap_or_default().to_owned();
        let entry = levels.entry(level).or_default();
        entry.0 += 1;
        entry.1.insert(outcome.essence(), ());
    }
    let mut table = Table::new(&["level", "cases", "distinct outcomes"]);
    for (level, (cases, essences)) in &levels {
        table.row(&[level, cases, &essences.len()]);
    }
    table
}

/// Everything that was seen, case by case.
pub fn listing(stage: &Stage, outcomes: &[Outcome]) -> String {
    stage.placed.iter().zip(outcomes).fold(String::new(), |mut text, (one, outcome)| {
        let policy = one.case.policy.as_deref().unwrap_or("-");
        let _ = writeln!(text, "{} [{}; {}]\n    {outcome}", one.case.name, one.case.group, policy);
        text
    })
}

/// Both sides compared.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Cases with the same verdict, code, text and summary.
    pub same: usize,
    /// Cases that differ as they should, with the reason.
    pub meant: Vec<(String, &'static str)>,
    /// Cases that differ and should not, with both outcomes.
    pub unexplained: Vec<String>,
    /// Cases with a reason that do not differ.
    pub idle: Vec<String>,
    /// Cases that are the same but for other lines in the log, with both outcomes.
    pub remarks: Vec<String>,
}

/// Compares both sides, case by case.
pub fn compare(stage: &Stage, postfix: &[Outcome], baton: &[Outcome]) -> Comparison {
    let mut comparison = Comparison::default();
    for ((one, oracle), ours) in stage.placed.iter().zip(postfix).zip(baton) {
        let name = &one.case.name;
        let both = format!("{name}\n  Postfix: {oracle}\n  Baton:   {ours}");
        match (differs(oracle, ours), meant(name)) {
            (true, Some((verdict, reason))) if ours.verdict() == verdict => {
                comparison.meant.push((name.clone(), reason));
            }
            (true, _) => comparison.unexplained.push(both),
            (false, Some(_)) => comparison.idle.push(name.clone()),
            (false, None) => {
                comparison.same += 1;
                if oracle.remarks != ours.remarks {
                    comparison.remarks.push(both);
                }
            }
        }
    }
    comparison
}

fn differs(oracle: &Outcome, ours: &Outcome) -> bool {
    let compared = |one: &Outcome| Outcome { remarks: Vec::new(), ..one.clone() };
    compared(oracle) != compared(ours)
}
