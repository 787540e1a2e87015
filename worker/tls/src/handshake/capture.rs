//! The two traffic secrets of TLS 1.3, which rustls tells only to a key log: one log per connection, in memory.

use crate::records::Secret;
use rustls::KeyLog;
use std::sync::{Mutex, PoisonError};

/// Labels of the NSS key log format.
const CLIENT: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER: &str = "SERVER_TRAFFIC_SECRET_0";

/// What rustls told about one connection.
#[derive(Debug, Default)]
pub(super) struct Capture(Mutex<Secrets>);

/// Both secrets; taken out, they are gone from the log.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    pub(super) client: Option<Secret>,
    pub(super) server: Option<Secret>,
}

impl Capture {
    pub(super) fn take(&self) -> Secrets {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyLog for Capture {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match label {
            CLIENT => secrets.client = Secret::of(&[secret]),
            SERVER => secrets.server = Secret::of(&[secret]),
            _ => {}
        }
    }

    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT | SERVER)
    }
}
