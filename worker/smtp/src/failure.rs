//! Why mail was not delivered, in the words of the log and with what a bounce needs.

use crate::reply::{Reply, ReplyClass, ReplyError};
use crate::stage::Stage;
use crate::status::{Class, Status};
use std::sync::Arc;

/// Why a recipient, a message or a whole session failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Class 4 or 5, RFC 3463.
    pub status: Status,
    /// One line, as it stands in the log between the brackets after `status=`.
    pub reason: String,
    /// What the server said, if it was the server's word; for `Diagnostic-Code:`.
    pub reply: Option<Arc<Reply>>,
    /// Whom it concerns.
    pub scope: Scope,
    /// Whether the server may have taken the message all the same.
    pub certainty: Certainty,
    /// Whether the conversation itself went wrong, so that the postmaster may want to know.
    pub conduct: Conduct,
}

/// How far a failure reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The server or the way to it: other mail for this destination had better wait.
    Site,
    /// This message.
    Message,
    /// This message at this server: it lacks what another one may offer.
    Server,
    /// This recipient.
    Recipient,
}

/// What is known about a message that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The final dot was not written: it was not delivered.
    NotDelivered,
    /// The final dot was written and not answered: it may have been delivered, and may be sent more than once.
    Uncertain,
}

/// Whether a server kept to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// It said no as servers do.
    Proper,
    /// See [`crate::Code::is_protocol_error`], and replies that came when none was due.
    ProtocolError,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The server or the network closed it.
    Closed,
    /// A stage took too long.
    TimedOut,
}

impl Failure {
    /// Whether it may pass when tried again.
    #[must_use]
    pub const fn is_soft(&self) -> bool {
        !matches!(self.status.class(), Class::Hard)
    }

    /// A finding of our own, before anything was asked of the server.
    pub(crate) fn own(status: Status, reason: String, scope: Scope) -> Self {
        Self {
            status,
            reason,
            reply: None,
            scope,
            certainty: Certainty::NotDelivered,
            conduct: Conduct::Proper,
        }
    }

    /// The server answered a command with something other than what was hoped for.
    pub(crate) fn said(peer: &str, reply: &Arc<Reply>, to: Stage, scope: Scope) -> Self {
        let text = format!("host {peer} said: {} (in reply to {} command)", reply.one_line(), to.command());
        let mut failure = Self::with_reply(text, reply, scope);
        if to == Stage::EndOfData && failure.answers_nothing() {
            failure.certainty = Certainty::Uncertain;
        }
        failure
    }

    /// The server did not want to talk at all.
    pub(crate) fn refused_to_talk(peer: &str, reply: &Arc<Reply>) -> Self {
        Self::with_reply(
            format!("host {peer} refused to talk to me: {}", reply.one_line()),
            reply,
            Scope::Site,
        )
    }

    /// STARTTLS was refused where there must be TLS.
    pub(crate) fn tls_refused(peer: &str, reply: &Arc<Reply>) -> Self {
        let text = format!("TLS is required, but host {peer} refused to start TLS: {}", reply.one_line());
        Self::with_reply(text, reply, Scope::Site)
    }

    /// There is no STARTTLS where there must be TLS.
    pub(crate) fn tls_not_offered(peer: &str) -> Self {
        let text = format!("TLS is required, but was not offered by host {peer}");
        Self::own(Status::new(Class::Soft, 7, 4), text, Scope::Site)
    }

    /// Octets in the clear where the handshake should begin.
    pub(crate) fn injected(peer: &str) -> Self {
        let text = format!("Cannot start TLS: host {peer} sent plaintext after its reply to STARTTLS");
        let conduct = Conduct::ProtocolError;
        Self { conduct, ..Self::own(Status::new(Class::Soft, 7, 5), text, Scope::Site) }
    }

    /// The connection ended in the middle.
    pub(crate) fn lost(peer: &str, how: Lost, stage: Stage) -> Self {
        let reason = match how {
            Lost::Closed => format!("lost connection with {peer} while {}", stage.doing()),
            Lost::TimedOut => format!("conversation with {peer} timed out while {}", stage.doing()),
        };
        Self { certainty: certainty(stage), ..Self::own(Status::new(Class::Soft, 4, 2), reason, Scope::Site) }
    }

    /// What the server said cannot be understood, or cannot be matched to a command.
    pub(crate) fn desynchronised(peer: &str, what: &str, stage: Stage) -> Self {
        let reason = format!("Protocol error: host {peer} sent {what} while {}", stage.doing());
        Self {
            certainty: certainty(stage),
            conduct: Conduct::ProtocolError,
            ..Self::own(Status::new(Class::Soft, 5, 0), reason, Scope::Site)
        }
    }

    /// A [`ReplyError`]: garbage, or a reply without bounds.
    pub(crate) fn unreadable(peer: &str, error: &ReplyError, stage: Stage) -> Self {
        match error {
            ReplyError::Filter(_) => Self::local(peer, stage),
            _ => Self::desynchronised(peer, &error.to_string(), stage),
        }
    }

    /// A table of ours has no answer, and without it the conversation cannot go on.
    pub(crate) fn local(peer: &str, stage: Stage) -> Self {
        let reason = format!("local data error while talking to {peer}");
        Self { certainty: certainty(stage), ..Self::own(Status::new(Class::Soft, 3, 0), reason, Scope::Site) }
    }

    /// The class of the status decides what happens to the mail; a status that is neither 4 nor 5 cannot.
    pub(crate) fn with_reply(text: String, reply: &Arc<Reply>, scope: Scope) -> Self {
        let (status, reason) = match reply.status.class() {
            Class::Soft | Class::Hard => (reply.status, text),
            Class::Success => (Status::PROTOCOL_ERROR, format!("Protocol error: {text}")),
        };
        let conduct = if reply.code.is_protocol_error() { Conduct::ProtocolError } else { Conduct::Proper };
        Self { reply: Some(Arc::clone(reply)), conduct, ..Self::own(status, reason, scope) }
    }

    fn answers_nothing(&self) -> bool {
        self.reply
            .as_ref()
            .is_some_and(|reply| !matches!(reply.code.class(), ReplyClass::Transient | ReplyClass::Permanent))
    }
}

const fn certainty(stage: Stage) -> Certainty {
    match stage {
        Stage::EndOfData => Certainty::Uncertain,
        _ => Certainty::NotDelivered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "mx.example[192.0.2.1]";

    #[track_caller]
    fn check(failure: &Failure, status: &str, reason: &str) {
        assert_eq!((failure.status.to_string().as_str(), failure.reason.as_str()), (status, reason));
    }

    fn said(text: &str, to: Stage) -> Failure {
        Failure::said(PEER, &Reply::parse(text).unwrap(), to, Scope::Message)
    }

    #[test]
    fn what_the_server_said() {
        check(
            &said("550-5.1.1 no\n550 5.1.1 such user", Stage::Rcpt),
            "5.1.1",
            "host mx.example[192.0.2.1] said: 550-5.1.1 no 550 5.1.1 such user (in reply to RCPT TO command)",
        );
        check(
            &said("250 2.0.0 what", Stage::Data),
            "5.5.0",
            "Protocol error: host mx.example[192.0.2.1] said: 250 2.0.0 what (in reply to DATA command)",
        );
        check(
            &said("354 go", Stage::Mail),
            "5.5.0",
            "host mx.example[192.0.2.1] said: 354 go (in reply to MAIL FROM command)",
        );
        assert_eq!(said("354 go", Stage::EndOfData).certainty, Certainty::Uncertain);
        assert_eq!(said("550 no", Stage::EndOfData).certainty, Certainty::NotDelivered);
        assert_eq!(said("503 what", Stage::Data).conduct, Conduct::ProtocolError);
        assert_eq!(said("550 no", Stage::Data).conduct, Conduct::Proper);
    }

    #[test]
    fn lost_connections_in_the_logs_words() {
        let lost = |how, stage| Failure::lost(PEER, how, stage).reason;
        let texts = [
            (Stage::Greeting, "receiving the initial server greeting"),
            (Stage::Ehlo, "performing the EHLO handshake"),
            (Stage::Helo, "performing the HELO handshake"),
            (Stage::Lhlo, "performing the LHLO handshake"),
            (Stage::StartTls, "receiving the STARTTLS response"),
            (Stage::Auth, "performing the EHLO handshake"),
            (Stage::Mail, "sending MAIL FROM"),
            (Stage::Rcpt, "sending RCPT TO"),
            (Stage::Data, "sending DATA command"),
            (Stage::Content, "sending message body"),
            (Stage::EndOfData, "sending end of data -- message may be sent more than once"),
            (Stage::Rset, "sending final RSET"),
            (Stage::Quit, "sending QUIT"),
        ];
        for (stage, doing) in texts {
            assert_eq!(lost(Lost::Closed, stage), format!("lost connection with {PEER} while {doing}"));
            assert_eq!(
                lost(Lost::TimedOut, stage),
                format!("conversation with {PEER} timed out while {doing}")
            );
        }
        let after_dot = Failure::lost(PEER, Lost::Closed, Stage::EndOfData);
        assert_eq!(
            (after_dot.status.to_string().as_str(), after_dot.certainty),
            ("4.4.2", Certainty::Uncertain)
        );
    }
}
