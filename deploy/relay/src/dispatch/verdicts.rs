//! Transports that talk to nobody: `error`, `retry` and `discard` decide by their next hop, which is a text.

use proto::job::Fate;
use smtp::{Class, Status};

/// What becomes of the recipients, and in which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whose line it is in the log.
    pub(crate) service: &'static str,
    pub(crate) fate: Fate,
    /// `bounced`, `deferred`, `sent`, `SOFTBOUNCE`.
    pub(crate) word: &'static str,
    pub(crate) status: String,
    pub(crate) reason: String,
}

/// Whether a transport's next hop is a text for people.
pub(crate) fn is_text(transport: &str) -> bool {
    matches!(transport, "error" | "retry" | "discard")
}

impl Verdict {
    /// The verdict of a transport, if it is one of them. The text may begin with a status of its own (RFC 3463), and that
    /// decides between bounce and defer.
    pub(crate) fn of(transport: &str, text: &str, soft_bounce: bool) -> Option<Self> {
        let (service, usual) = match transport {
            "error" => ("error", Class::Hard),
            "retry" => ("error", Class::Soft),
            "discard" => {
                let reason = text.to_owned();
                return Some(Self {
                    service: "discard",
                    fate: Fate::Sent,
                    word: "sent",
                    status: "2.0.0".into(),
                    reason,
                });
            }
            _ => return None,
        };
        let (status, reason) = status_and_reason(text, usual);
        let (fate, word, status) = match (status.class(), soft_bounce) {
            (Class::Hard, false) if usual == Class::Hard => (Fate::Bounced, "bounced", status),
            (Class::Hard, true) if usual == Class::Hard => (Fate::Deferred, "SOFTBOUNCE", status.softened()),
            _ => (Fate::Deferred, "deferred", status.softened()),
        };
        Some(Self { service, fate, word, status: status.to_string(), reason: reason.to_owned() })
    }
}

/// `X.Y.Z reason`; where there is no status, or none of a failure, the usual one.
fn status_and_reason(text: &str, usual: Class) -> (Status, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    match Status::parse(word) {
        Some(status) if status.class() != Class::Success => (status, rest.trim_ascii_start()),
        _ => (Status::new(usual, 0, 0), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_and_without_a_status() {
        let check = |transport, text, soft, want: &str| {
            let verdict = Verdict::of(transport, text, soft);
            let shown = verdict.map(|v| format!("{} {} {} ({})", v.service, v.status, v.word, v.reason));
            assert_eq!(shown.unwrap_or_default(), want);
        };
        check("error", "5.1.2 No such domain", false, "error 5.1.2 bounced (No such domain)");
        check("error", "no mail for us", false, "error 5.0.0 bounced (no mail for us)");
        check("error", "4.3.0 later", false, "error 4.3.0 deferred (later)");
        check("error", "5.1.2 no", true, "error 4.1.2 SOFTBOUNCE (no)");
        check("error", "2.0.0 odd", false, "error 5.0.0 bounced (2.0.0 odd)");
        check("retry", "5.2.0 wait", false, "error 4.2.0 deferred (wait)");
        check("retry", "wait", true, "error 4.0.0 deferred (wait)");
        check("discard", "silently", false, "discard 2.0.0 sent (silently)");
        check("smtp", "x", false, "");
    }
}
