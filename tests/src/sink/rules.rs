//! Deviations of a sink: at which point of which connections it does what.

use std::time::Duration;

/// A point of the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The client has connected.
    Greeting,
    /// EHLO, HELO or LHLO came.
    Hello,
    /// STARTTLS came.
    Starttls,
    /// The reply to STARTTLS was written; the client's handshake is next.
    Handshake,
    /// AUTH came.
    Auth,
    /// MAIL came.
    Mail,
    /// RCPT came.
    Rcpt,
    /// DATA came.
    Data,
    /// The first octets of the content came.
    Content,
    /// The final dot came. What is done here is done before the message counts as accepted.
    Dot,
    /// RSET came.
    Rset,
    /// QUIT came.
    Quit,
}

/// What is done instead of the usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// This reply, without line end; after a 421 the connection is closed. At [`Stage::Dot`] a 2xx reply accepts.
    Reply(String),
    /// The connection is closed in order.
    Close,
    /// The connection is reset (on a Unix socket: closed).
    Reset,
    /// Nothing is said any more; what comes is thrown away until the client goes.
    Silence,
    /// The usual, so much later.
    Delay(Duration),
}

/// One deviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    stage: Stage,
    act: Act,
    connections: (u32, u32),
    after: u32,
    text: String,
}

impl Rule {
    /// At this stage of every connection the connection is closed; refine it with the other functions.
    pub fn at(stage: Stage) -> Self {
        Self { stage, act: Act::Close, connections: (1, u32::MAX), after: 0, text: String::new() }
    }

    /// What is done.
    #[must_use]
    pub fn act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }

    /// Answers so.
    #[must_use]
    pub fn reply(self, text: &str) -> Self {
        self.act(Act::Reply(text.to_owned()))
    }

    /// Only on the connections from `first` to `last`, counted from 1.
    #[must_use]
    pub fn connections(mut self, first: u32, last: u32) -> Self {
        self.connections = (first, last);
        self
    }

    /// Only when the connection has carried this many messages.
    #[must_use]
    pub fn after(mut self, messages: u32) -> Self {
        self.after = messages;
        self
    }

    /// Only when the command line holds this text.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// What is done, if it applies here.
    pub(super) fn applies(&self, stage: Stage, connection: u32, messages: u32, line: &str) -> Option<&Act> {
        let (first, last) = self.connections;
        let meant = self.stage == stage
            && (first..=last).contains(&connection)
            && messages >= self.after
            && line.contains(&self.text);
        meant.then_some(&self.act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_applies_where_all_its_conditions_hold() {
        let rule = Rule::at(Stage::Rcpt).reply("550 no").connections(2, 3).after(1).containing("bad@");
        let applies =
            |stage, connection, messages, line| rule.applies(stage, connection, messages, line).is_some();
        assert!(applies(Stage::Rcpt, 2, 1, "RCPT TO:<bad@x>"));
        assert!(applies(Stage::Rcpt, 3, 9, "RCPT TO:<bad@x>"));
        assert!(!applies(Stage::Mail, 2, 1, "RCPT TO:<bad@x>"));
        assert!(!applies(Stage::Rcpt, 1, 1, "RCPT TO:<bad@x>"));
        assert!(!applies(Stage::Rcpt, 4, 1, "RCPT TO:<bad@x>"));
        assert!(!applies(Stage::Rcpt, 2, 0, "RCPT TO:<bad@x>"));
        assert!(!applies(Stage::Rcpt, 2, 1, "RCPT TO:<good@x>"));
    }
}
