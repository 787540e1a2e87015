//! TLS policy beside Postfix 3.7: every case run by both, outcomes counted and compared.

use super::Verdict;
use crate::policy::report::{self, Comparison};
use crate::policy::stage::Stage;
use crate::policy::{baton, case::Case, cases, differences, namespace, oracle};
use crate::sandbox::Sandbox;
use std::time::Instant;

/// Fewer distinct outcomes of Postfix than this, and cases have become empty.
const DISTINCT: usize = 70;

/// Who runs the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Postfix alone: what there is to be compared with.
    Postfix,
    /// Both.
    Both,
}

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who runs it.
    pub sides: Sides,
    /// Only cases whose name holds this.
    pub only: Option<String>,
    /// Every outcome is listed, not only counted.
    pub list: bool,
}

/// Runs everything; to be called inside the namespace ([`namespace::command`]).
pub fn show(plan: &Plan) -> Verdict {
    let sandbox = Sandbox::new("policy");
    namespace::enter(&sandbox);
    let wanted = |case: &Case| plan.only.as_ref().is_none_or(|part| case.name.contains(part));
    let stage = Stage::set(&sandbox, cases::all().into_iter().filter(wanted).collect());
    let began = Instant::now();
    let postfix = oracle::run(&sandbox, &stage);
    println!("Postfix: {} cases in {:.1} s", postfix.len(), began.elapsed().as_secs_f64());
    if plan.list {
        print!("{}", report::listing(&stage, &postfix));
    }
    print!("{}", report::by_level(&stage, &postfix));
    let distinct = report::distinct(&stage, &postfix);
    println!(
        "{} cases, {} distinct outcomes (verdict, code, text, summary); {} with other log lines and the wire",
        postfix.len(),
        distinct.len(),
        report::distinct_in_all(&postfix)
    );
    if plan.only.is_none() && distinct.len() < DISTINCT {
        println!("the lab has lost outcomes: there were at least {DISTINCT}");
        return Verdict::Fails;
    }
    if plan.sides == Sides::Postfix {
        return Verdict::Holds;
    }
    let began = Instant::now();
    let ours = baton::run(&stage);
    println!("Baton: {} cases in {:.1} s", ours.len(), began.elapsed().as_secs_f64());
    settle(plan, &report::compare(&stage, &postfix, &ours))
}

fn settle(plan: &Plan, comparison: &Comparison) -> Verdict {
    for (case, reason) in &comparison.meant {
        println!("differs: {case}: {reason}");
    }
    let idle =
        comparison.idle.iter().filter(|case| !differences::depends_on_the_moment(case)).collect::<Vec<_>>();
    for case in &idle {
        println!("IDLE {case}: it has a reason to differ and does not");
    }
    for both in &comparison.unexplained {
        println!("UNEXPLAINED {both}");
    }
    for both in comparison.remarks.iter().filter(|_| plan.list) {
        println!("other log lines: {both}");
    }
    println!(
        "{} the same ({} with other log lines beside), {} differ with a reason, {} unexplained",
        comparison.same,
        comparison.remarks.len(),
        comparison.meant.len(),
        comparison.unexplained.len()
    );
    (idle.is_empty() && comparison.unexplained.is_empty()).into()
}
