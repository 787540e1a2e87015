//! What came of a case, with everything taken out that differs from run to run.

mod lines;

pub use lines::{Log, Pending};

use super::stage::Placed;
use crate::tls_server::{Seen, Server};
use lines::{Entry, Kind};
use std::fmt;

/// What a log and the servers say of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `sent`, `deferred`, `bounced`; empty if there is none.
    pub status: String,
    /// RFC 3463.
    pub dsn: String,
    /// `HOST[ADDRESS]:25`, or `none`.
    pub relay: String,
    /// What stands in brackets.
    pub text: String,
    /// The lines that sum up a handshake, with protocol and cipher.
    pub summaries: Vec<String>,
    /// What else was logged of it.
    pub remarks: Vec<String>,
    /// How the message went over the wire: `clear`, `encrypted`, or `nothing`; and the name that TLS was asked for.
    pub wire: String,
}

/// The four things that make an outcome a distinct one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Essence {
    /// `status=`.
    pub status: String,
    /// `dsn=`.
    pub dsn: String,
    /// The text in brackets.
    pub text: String,
    /// Trust and protocol of each handshake, without ciphers.
    pub summaries: Vec<String>,
}

impl Outcome {
    /// Gathers it from a log in which each process made one delivery.
    pub fn gather(log: &Log<'_>, one: &Placed, server: &Server) -> Self {
        let mut outcome = Self { wire: wire(one, server), ..Self::default() };
        for Entry { kind, text } in log.about(&one.recipient()) {
            let text = normal(&text, one);
            match kind {
                Kind::Delivery { relay, dsn, status } if outcome.status.is_empty() => {
                    (outcome.status, outcome.dsn, outcome.text) = (status, dsn, text);
                    outcome.relay = normal(&relay, one);
                }
                Kind::Delivery { .. } => outcome.remarks.push(format!("a second verdict: {text}")),
                Kind::Summary => outcome.summaries.push(text),
                Kind::Remark => outcome.remarks.push(text),
            }
        }
        outcome
    }

    /// `deferred 4.7.5`, or `sent 2.0.0 encrypted`.
    pub fn verdict(&self) -> String {
        let how = self.wire.split(',').next().filter(|_| self.status == "sent");
        [&*self.status, &*self.dsn].into_iter().chain(how).collect::<Vec<_>>().join(" ")
    }

    /// What makes it distinct.
    pub fn essence(&self) -> Essence {
        let short = |line: &String| line.split(" with cipher").next().unwrap_or_default().to_owned();
        Essence {
            status: self.status.clone(),
            dsn: self.dsn.clone(),
            text: self.text.clone(),
            summaries: self.summaries.iter().map(short).collect(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} relay={} ({})", self.status, self.dsn, self.relay, self.text)?;
        for line in self.summaries.iter().chain(&self.remarks) {
            writeln!(f, "    {line}")?;
        }
        write!(f, "    wire: {}", self.wire)
    }
}

fn wire(one: &Placed, server: &Server) -> String {
    let seen: Vec<Seen> = one.hosts.iter().map(|host| server.seen(host.peer)).collect();
    let count = |what: fn(&Seen) -> usize| seen.iter().map(what).sum::<usize>();
    let message = match (count(|seen| seen.in_the_clear), count(|seen| seen.encrypted)) {
        (0, 0) => "nothing",
        (_, 0) => "clear",
        (0, _) => "encrypted",
        (_, _) => "clear and encrypted",
    };
    let names: Vec<String> =
        seen.iter().filter_map(|seen| seen.sni.as_ref()).map(|name| normal(name, one)).collect();
    let quit = seen.iter().filter(|seen| seen.commands.last().is_some_and(|verb| verb == "QUIT")).count();
    let mut text =
        format!("{message}, {quit} of {} connections ended with QUIT", count(|seen| seen.connections));
    if !names.is_empty() {
        text.push_str(&format!(", SNI {}", names.join(" ")));
    }
    text
}

/// Names, addresses and digests of the case replaced by what they are.
fn normal(text: &str, one: &Placed) -> String {
    let mut text = text.to_owned();
    for (number, host) in one.hosts.iter().enumerate() {
        let rank = if number == 0 { String::new() } else { (number + 1).to_string() };
        if host.name != one.domain {
            text = text.replace(&host.name, &format!("HOST{rank}"));
        }
        text = text.replace(&host.address.to_string(), &format!("ADDRESS{rank}"));
    }
    let text = text.replace(&one.domain, "DOMAIN").replace(&one.case.name, "CASE");
    let text = text.replace(&one.folder, "STAGE");
    lines::without_details(&text)
}
