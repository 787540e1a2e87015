//! Everything that can be seen of a case afterwards, in words that both sides can have in common.

use super::diff;
use super::differences::Found;
use super::log::Log;
use super::plain::plain;
use super::stage::{Placed, Stage};
use crate::postfix::Postfix;
use crate::programs;
use std::fs;
use std::process::Command;

/// Queues in which a message can stay.
const QUEUES: [&str; 6] = ["deferred", "active", "incoming", "corrupt", "hold", "maildrop"];

/// Folders of bounce(8).
const RECORDS: [&str; 3] = ["defer", "bounce", "trace"];

/// What is seen, by section.
#[derive(Debug, Clone)]
pub struct Observation {
    /// `wire`, `log`, `besides`, `queue`, `records`, `back`, `verify`.
    pub sections: Vec<(&'static str, Vec<String>)>,
}

impl Observation {
    /// Looks everywhere; `verdicts` are verify(8)'s.
    pub(super) fn gather(
        stage: &Stage,
        one: &Placed,
        postfix: &Postfix,
        log: &Log,
        verdicts: Vec<String>,
    ) -> Self {
        let (forth, back) = log.messages(one);
        let (wire, returned) = stage.heard(one);
        let ids: Vec<String> = forth.iter().chain(&back).cloned().collect();
        let mut said: Vec<Vec<String>> = forth.iter().map(|id| log.about(id)).collect();
        // The queue manager does not take them in order.
        said.sort_by_key(|lines| lines.get(1).map(|line| plain(line, &ids)));
        let kept: Vec<String> = forth.iter().flat_map(|id| kept(postfix, id)).collect();
        let records: Vec<String> = forth.iter().flat_map(|id| records(postfix, id)).collect();
        let tidy = |lines: Vec<String>| -> Vec<String> {
            lines.iter().map(|line| one.without_names(&plain(line, &ids))).collect()
        };
        let mut returned: Vec<Vec<String>> = returned.into_iter().map(tidy).collect();
        // Notices overtake each other.
        returned.sort();
        let sections = [
            ("wire", wire),
            ("log", said.concat()),
            ("besides", log.besides(&one.tag())),
            ("queue", kept),
            ("records", records),
            ("back", returned.concat()),
            ("verify", verdicts),
        ];
        Self { sections: sections.into_iter().map(|(name, lines)| (name, tidy(lines))).collect() }
    }

    /// What only one of them has.
    pub fn compare(&self, case: &str, ours: &Self) -> Vec<Found> {
        let both = self.sections.iter().zip(&ours.sections);
        let lines = both.flat_map(|((section, stock), (_, ours))| {
            let lines = diff::differences(stock, ours).into_iter();
            lines.map(|line| Found { case: case.to_owned(), section, line })
        });
        lines.collect()
    }

    /// All of it, without the case's name.
    pub fn outcome(&self, case: &str) -> String {
        format!("{:?}", self.sections).replace(case, "CASE")
    }
}

impl std::fmt::Display for Observation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, lines) in self.sections.iter().filter(|(_, lines)| !lines.is_empty()) {
            writeln!(f, " {name}")?;
            for line in lines {
                writeln!(f, "   {line}")?;
            }
        }
        Ok(())
    }
}

/// Where a message is, and its envelope, if it is still there.
fn kept(postfix: &Postfix, id: &str) -> Vec<String> {
    for queue in QUEUES {
        let files = postfix.queue_files(queue);
        let Some(file) = files.iter().find(|file| file.file_name().is_some_and(|name| name == id)) else {
            continue;
        };
        let mut postcat = Command::new(programs::debian("postcat"));
        let shown = postcat.arg("-c").arg(postfix.configuration()).arg("-e").arg(file).output();
        let shown = String::from_utf8_lossy(&shown.expect("postcat runs").stdout).into_owned();
        let times = ["***", "message_arrival_time", "create_time", "message_size"];
        let lines = shown.lines().filter(|line| !times.iter().any(|time| line.starts_with(time)));
        return std::iter::once(format!("in {queue}")).chain(lines.map(str::to_owned)).collect();
    }
    vec!["gone".into()]
}

/// What bounce(8) noted about a message.
fn records(postfix: &Postfix, id: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for folder in RECORDS {
        let files = postfix.queue_files(folder);
        for file in files.iter().filter(|file| file.file_name().is_some_and(|name| name == id)) {
            lines.push(format!("in {folder}"));
            let text = fs::read(file).expect("a record");
            let text = String::from_utf8_lossy(&text).into_owned();
            // Where the recipient is in the file depends on how many digits a time has.
            lines.extend(text.lines().filter(|line| !line.starts_with("offset=")).map(str::to_owned));
        }
    }
    lines
}
