//! Where a conversation is: the name of a timeout, and the words of the log.

use std::fmt;

/// A point at which the client waits for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The server's first line.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello(&'static str),
    /// STARTTLS.
    StartTls,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The text of the message.
    Content,
    /// The final dot.
    EndOfData,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

impl fmt::Display for Stage {
    /// What stands behind "while" in the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting => f.write_str("receiving the initial server greeting"),
            Self::Hello(verb) => write!(f, "performing the {verb} handshake"),
            Self::StartTls => f.write_str("receiving the STARTTLS response"),
            Self::Mail => f.write_str("sending MAIL FROM"),
            Self::Rcpt => f.write_str("sending RCPT TO"),
            Self::Data => f.write_str("sending DATA command"),
            Self::Content => f.write_str("sending message body"),
            Self::EndOfData => f.write_str("sending end of data -- message may be sent more than once"),
            Self::Rset => f.write_str("sending final RSET"),
            Self::Quit => f.write_str("sending QUIT"),
        }
    }
}

impl Stage {
    /// The command as the log names it in "(in reply to … command)".
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Greeting | Self::Content => "",
            Self::Hello(verb) => verb,
            Self::StartTls => "STARTTLS",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::EndOfData => "end of DATA",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}
