//! What is meant to differ: `tests/postfix/differences.tsv`.
//!
//! A row has a case (`*` stands for anything), sections with `|` between them, a line that only one side has, with `-` (Postfix) or `+` (ours)
//! before it and `*` for anything in it, and the reason. Where the line is a matter of moments its case has a `?` before it,
//! and the row need not be met.

use std::fs;
use std::path::Path;

/// The rows, and how often each was met.
#[derive(Debug)]
pub struct Differences {
    rows: Vec<Row>,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    case: String,
    section: String,
    line: String,
    /// Why it is so.
    pub reason: String,
    /// Lines it explained.
    pub met: usize,
    perhaps: bool,
}

/// A line that only one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The case.
    pub case: String,
    /// The section.
    pub section: &'static str,
    /// The line, with its side's mark.
    pub line: String,
}

impl Differences {
    /// Reads the table.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("postfix/differences.tsv");
        let text = fs::read_to_string(&path).expect("differences.tsv");
        let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Row::parse);
        Self { rows: rows.collect() }
    }

    /// Whether a row explains this; it counts as met.
    pub fn explain(&mut self, found: &Found) -> bool {
        let row = self.rows.iter_mut().find(|row| row.is_about(found));
        row.map(|row| row.met += 1).is_some()
    }

    /// Rows, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        let [case, section, text, reason] = cells.as_slice() else { panic!("{line}: not four cells") };
        let own = |text: &str| text.to_owned();
        let perhaps = case.starts_with('?');
        let case = case.trim_start_matches('?');
        Self { case: own(case), section: own(section), line: own(text), reason: own(reason), met: 0, perhaps }
    }

    /// It explains nothing, and should.
    pub fn is_unused(&self) -> bool {
        self.met == 0 && !self.perhaps
    }

    fn is_about(&self, found: &Found) -> bool {
        self.section.split('|').any(|section| section == found.section)
            && like(&self.case, &found.case)
            && like(&self.line, &found.line)
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.case, self.section, self.line)
    }
}

/// `*` in the pattern stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(like("a*c*", "abcd") && like("*", "") && like("a", "a") && like("*b", "ab"));
        assert!(!like("a*c", "abcd") && !like("a", "ab") && !like("a*a", "a"));
    }
}
