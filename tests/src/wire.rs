//! What a server saw of a round of mail, in a form in which rounds can be compared.

use crate::sink::{Connection, Received, Record};
use std::collections::BTreeSet;

/// Everything that may not depend on whose program delivers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wire {
    /// Envelope and content of each message, without the number of octets and our own Received.
    pub messages: BTreeSet<String>,
    /// Greeting, TLS and login of connections.
    pub sessions: BTreeSet<String>,
    /// Commands, but for those that belong to one message.
    pub commands: BTreeSet<String>,
    /// Connections.
    pub connections: usize,
}

/// The round whose Message-IDs begin so.
pub fn of_round(record: &Record, round: char) -> Wire {
    let start = format!("{round}.");
    let messages: Vec<_> = record
        .messages
        .iter()
        .filter(|one| one.message_id.trim_start_matches('<').starts_with(&start))
        .collect();
    let numbers: BTreeSet<u32> = messages.iter().map(|one| one.connection).collect();
    let connections: Vec<_> =
        numbers.iter().map(|number| &record.connections[*number as usize - 1]).collect();
    Wire {
        messages: messages.into_iter().map(message).collect(),
        sessions: connections.iter().map(|one| session(one)).collect(),
        commands: connections.iter().flat_map(|one| &one.commands).filter_map(|line| command(line)).collect(),
        connections: connections.len(),
    }
}

fn message(message: &Received) -> String {
    let text = String::from_utf8_lossy(&message.content).into_owned();
    let mut own = text.starts_with("Received:");
    let mut kept = String::new();
    for line in text.split_inclusive("\r\n") {
        own = own && (line.starts_with("Received:") || line.starts_with([' ', '\t']));
        if line.starts_with("Message-ID: <") {
            kept.push_str("Message-ID: <_");
            kept.push_str(line.get(14..).unwrap_or_default());
        } else if !own {
            kept.push_str(line);
        }
    }
    let parameters = sizeless(&message.mail_parameters);
    format!("{} {parameters} -> {:?}\n{kept}", message.sender, message.recipients)
}

fn sizeless(parameters: &str) -> String {
    parameters.split(' ').filter(|word| !word.starts_with("SIZE=")).collect::<Vec<_>>().join(" ")
}

fn session(connection: &Connection) -> String {
    let secured = connection.secured.as_ref();
    let secured = secured.map(|tls| format!("{} {} {:?}", tls.protocol, tls.suite, tls.server_name));
    format!("{} at {}, {secured:?}, {:?}", connection.hello, connection.local, connection.logins)
}

/// RSET comes only where a session is used again, and QUIT where it is not kept.
fn command(line: &str) -> Option<String> {
    let word = line.split(' ').next()?;
    (!matches!(word, "RSET" | "QUIT")).then(|| sizeless(line))
}
