//! The reference manual, made from the rows.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::deployment::Deployment;
use crate::known;
use crate::param::{Param, Protocol, Scope, Today};
use crate::params;

/// How the manual is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Plain,
    /// For man(1).
    Roff,
}

/// The whole manual: one chapter per group, one entry per row, and the names that are not built yet.
pub fn manual(format: Format) -> String {
    let mut page = Page { format, text: String::new() };
    page.start();
    for group in params::ALL {
        page.chapter(group.title, group.about.trim());
        for row in group.rows {
            page.entry(&heading(row), &body(row));
        }
    }
    page.chapter("NotBuiltYet", "Known from Postfix, without effect here or refused when set.");
    for (group, names) in not_built() {
        page.entry(group, &names.join(", "));
    }
    page.text
}

/// Names with their defaults: `smtp_x (default: 1), lmtp_x (default: 2)`.
fn heading(row: &Param) -> String {
    let mut parts: Vec<String> = Vec::new();
    for scope in
        [Scope::Protocol(Protocol::Smtp), Scope::Protocol(Protocol::Lmtp), Scope::Transport("transport")]
    {
        let Some(name) = row.name(scope) else { continue };
        let postfix = row.default(scope);
        let mut part = format!("{name} (default: {}", if postfix.is_empty() { "empty" } else { &postfix });
        if let Some(own) = Deployment::Standalone.default(&name) {
            _ = write!(part, "; standalone: {own}");
        }
        part.push(')');
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(", ")
}

fn body(row: &Param) -> String {
    let doc: Vec<&str> = row.doc.lines().map(str::trim).collect();
    let today = match row.today {
        Today::Act => String::new(),
        Today::Warn(text) => format!(" Not acted on yet: {text}."),
        Today::Refuse(text) => format!(" Refused when set: {text}."),
        Today::ByValue(_) => " Some values are not acted on yet.".into(),
    };
    format!("{} Type: {}.{today}", doc.join(" ").trim(), row.kind)
}

fn not_built() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for known in known::KNOWN {
        let open = [known.name, known.lmtp].into_iter().filter(|name| !name.is_empty());
        let open = open.filter(|name| params::find(name).is_none());
        groups.entry(known.group).or_default().extend(open);
    }
    groups.retain(|_, names| !names.is_empty());
    groups
}

struct Page {
    format: Format,
    text: String,
}

impl Page {
    fn start(&mut self) {
        if self.format == Format::Roff {
            self.text.push_str(".TH BATON-PARAMETERS 5\n");
        }
    }

    fn chapter(&mut self, title: &str, about: &str) {
        _ = match self.format {
            Format::Plain => write!(self.text, "{title}\n    {about}\n\n"),
            Format::Roff => write!(self.text, ".SH {title}\n{}\n", roff(about)),
        };
    }

    fn entry(&mut self, heading: &str, body: &str) {
        _ = match self.format {
            Format::Plain => write!(self.text, "  {heading}\n        {body}\n\n"),
            Format::Roff => write!(self.text, ".TP\n.B {}\n{}\n", roff(heading), roff(body)),
        };
    }
}

/// A line of text as roff reads it: no escapes, no requests.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_the_manual() {
        let plain = manual(Format::Plain);
        for row in params::rows() {
            for protocol in Protocol::ALL {
                if let Some(name) = row.name(Scope::Protocol(protocol)) {
                    assert!(plain.contains(&format!("{name} (default: ")), "{name}");
                }
            }
        }
        for name in known::names() {
            assert!(plain.contains(name), "{name}");
        }
        assert!(plain.contains("smtp_connect_timeout (default: 30s), lmtp_connect_timeout (default: 0s)"));
        assert!(
            plain.contains("queue_directory (default: /var/spool/postfix; standalone: /var/spool/baton)")
        );
        assert!(plain.contains("smtp_tls_connection_reuse (default: no; standalone: yes), lmtp_"));
    }

    #[test]
    fn roff_has_no_accidental_requests() {
        assert_eq!(roff(".a-b\\c"), "\\&.a\\-b\\ec");
        for line in manual(Format::Roff).lines().filter(|line| line.starts_with('.')) {
            assert!([".TH ", ".SH ", ".TP", ".B "].iter().any(|request| line.starts_with(request)), "{line}");
        }
    }
}
