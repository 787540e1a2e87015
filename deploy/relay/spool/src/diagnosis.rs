//! What was said about a recipient.

use serde::{Deserialize, Serialize};

/// Why a recipient was refused or must wait; enough for the log, for `baton queue show` and for a bounce.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Enhanced status code, `4.4.1` (RFC 3463).
    pub status: String,
    /// The sentence in the log's `( )`.
    pub reason: String,
    /// Who said it: host name, for Remote-MTA (RFC 3464 §2.3.5). None if nobody was reached.
    pub remote_mta: Option<String>,
    /// The SMTP reply in one line, for Diagnostic-Code (RFC 3464 §2.3.6). None if there was none.
    pub reply: Option<String>,
}

impl Diagnosis {
    /// Short lines without control characters, whatever a server said.
    pub(crate) fn tidy(&mut self) {
        let Self { status, reason, remote_mta, reply } = self;
        for text in [Some(status), Some(reason), remote_mta.as_mut(), reply.as_mut()].into_iter().flatten() {
            tidy(text);
        }
    }
}

/// Cuts to [`MAX_TEXT`] octets, control characters become `?`.
pub(crate) fn tidy(text: &mut String) {
    let cut = (0..=text.len().min(MAX_TEXT)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(cut);
    if text.chars().any(char::is_control) {
        *text = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    }
}

/// Longest text kept of what a server said.
const MAX_TEXT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_is_cut_and_made_one_line() {
        let mut diagnosis =
            Diagnosis { reason: format!("a\r\nb\x1b{}", "é".repeat(600)), ..Diagnosis::default() };
        diagnosis.tidy();
        assert!(diagnosis.reason.starts_with("a??b?é"), "{}", diagnosis.reason);
        assert_eq!(diagnosis.reason.len(), 999, "whole characters");
    }
}
