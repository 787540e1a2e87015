//! Our agents beside Postfix's own under one Postfix: every case run by both, and all that can be seen compared.

use super::Verdict;
use crate::parity::{self, Case, Differences, Found, Stage};
use crate::policy::namespace;
use crate::sandbox::Sandbox;
use std::collections::HashSet;
use std::time::Instant;

/// Fewer distinct outcomes than this, and cases have become empty.
const DISTINCT: usize = 120;

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Only cases whose name holds this.
    pub only: Option<String>,
    /// Everything that was seen is listed.
    pub list: bool,
}

/// Runs everything; to be called inside a namespace of its own.
pub fn show(plan: &Plan) -> Verdict {
    let sandbox = Sandbox::new("parity");
    namespace::enter(&sandbox);
    let wanted = |case: &Case| plan.only.as_ref().is_none_or(|part| case.name.contains(part));
    let stage = Stage::set(&sandbox, parity::all().into_iter().filter(wanted).collect());
    let began = Instant::now();
    let seen = parity::run(&sandbox, &stage);
    let mut differences = Differences::read();
    let (mut unexplained, mut outcomes) = (0, HashSet::new());
    for (placed, both) in stage.placed.chunks(2).zip(seen.chunks(2)) {
        let [stock, ours] = both else { continue };
        let name = placed.first().map_or("", |one| &one.case.name);
        outcomes.insert(stock.outcome(name));
        let found = stock.compare(name, ours);
        let odd: Vec<&Found> = found.iter().filter(|one| !differences.explain(one)).collect();
        unexplained += odd.len();
        if plan.list || !odd.is_empty() {
            print!("== {name}\n{stock}");
        }
        for one in odd {
            println!("UNEXPLAINED {name} {} {}", one.section, one.line);
        }
    }
    let cases = seen.len() / 2;
    println!(
        "both sides of {cases} cases in {:.1} s: {} distinct outcomes",
        began.elapsed().as_secs_f64(),
        outcomes.len()
    );
    let unused = plan.only.is_none() && report(&differences);
    println!("{cases} cases, {unexplained} unexplained differences");
    (unexplained == 0 && !unused && (plan.only.is_some() || outcomes.len() >= DISTINCT)).into()
}

/// The differences that are meant, and how often each was met; says whether one was not.
fn report(differences: &Differences) -> bool {
    for row in differences.rows() {
        println!("{:>4} times meant: {row}\n           {}", row.met, row.reason);
    }
    let unused: Vec<_> = differences.rows().iter().filter(|row| row.is_unused()).collect();
    for row in &unused {
        println!("UNUSED {row}");
    }
    !unused.is_empty()
}
