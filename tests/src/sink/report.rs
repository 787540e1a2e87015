//! A sink's record as JSON, for programs in other languages.

use super::content::hex;
use super::record::Record;
use serde_json::{Value, json};

/// One object: counters, connections by number of messages, every message with its identity.
pub fn json(record: &Record) -> Value {
    let messages: Vec<Value> = record
        .messages
        .iter()
        .map(|message| {
            json!({
                "connection": message.connection, "nth": message.nth,
                "sender": message.sender, "recipients": message.recipients,
                "message_id": message.message_id, "size": message.size,
                "body_sha256": hex(&message.body), "original_sha256": hex(&message.original),
                "answered": message.answered,
            })
        })
        .collect();
    json!({
        "received": record.messages.len(),
        "connections": record.connections.len(),
        "most_open": record.most_open,
        "longest": record.longest(),
        "per_connection": record.connections.iter().map(|connection| connection.messages).collect::<Vec<_>>(),
        "violations": record.violations,
        "messages": messages,
    })
}
