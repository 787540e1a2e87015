//! A sink's record as JSON, for programs in other languages.

use super::content::hex;
use super::record::Record;
use super::tls::Secured;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn secured(secured: &Secured) -> Value {
    let Secured { protocol, suite, server_name, resumed, client_certificate } = secured;
    let fingerprint = client_certificate.as_ref().map(|der| hex(&Sha256::digest(der).into()));
    json!({
        "protocol": protocol, "suite": suite, "server_name": server_name, "resumed": resumed,
        "client_certificate_sha256": fingerprint,
    })
}

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
        "handshakes": record.handshakes,
        "resumed": record.resumed,
        "failed_handshakes": record.failed_handshakes,
        "key_updates": record.key_updates,
        "secured": record.connections.iter().map(|connection| connection.secured.as_ref().map(secured)).collect::<Vec<_>>(),
        "per_connection": record.connections.iter().map(|connection| connection.messages).collect::<Vec<_>>(),
        "violations": record.violations,
        "messages": messages,
    })
}
