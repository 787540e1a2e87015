//! Where in the conversation we are: names of timeouts, words for the log.

/// What is being waited for, or written. The shell turns it into a time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The greeting. `smtp_helo_timeout`.
    Greeting,
    /// The reply to EHLO. `smtp_helo_timeout`.
    Ehlo,
    /// The reply to HELO. `smtp_helo_timeout`.
    Helo,
    /// The reply to LHLO. `lmtp_lhlo_timeout`.
    Lhlo,
    /// The reply to STARTTLS. `smtp_starttls_timeout`.
    StartTls,
    /// The reply to a line of AUTH. The timeout of the command before: `smtp_helo_timeout`, or inside TLS that STARTTLS
    /// began `smtp_starttls_timeout`.
    Auth,
    /// The reply to the first XFORWARD command. `smtp_xforward_timeout`.
    XforwardName,
    /// The reply to the second XFORWARD command. `smtp_xforward_timeout`.
    XforwardProtocol,
    /// The reply to MAIL FROM. `smtp_mail_timeout`.
    Mail,
    /// The reply to RCPT TO. `smtp_rcpt_timeout`.
    Rcpt,
    /// The reply to DATA. `smtp_data_init_timeout`.
    Data,
    /// Writing the content, or the rest of a reply that came too early. `smtp_data_xfer_timeout`.
    Content,
    /// The reply to the final dot. `smtp_data_done_timeout`.
    EndOfData,
    /// The reply to RSET. `smtp_rset_timeout`.
    Rset,
    /// The reply to QUIT. `smtp_quit_timeout`.
    Quit,
}

impl Stage {
    /// What goes after "while" in "lost connection with H\[A\] while".
    #[must_use]
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Greeting => "receiving the initial server greeting",
            Self::Ehlo => "performing the EHLO handshake",
            Self::Helo => "performing the HELO handshake",
            Self::Lhlo => "performing the LHLO handshake",
            Self::StartTls => "receiving the STARTTLS response",
            Self::Auth => "performing the EHLO handshake",
            Self::XforwardName => "sending XFORWARD name/address",
            Self::XforwardProtocol => "sending XFORWARD protocol/helo_name",
            Self::Mail => "sending MAIL FROM",
            Self::Rcpt => "sending RCPT TO",
            Self::Data => "sending DATA command",
            Self::Content => "sending message body",
            Self::EndOfData => "sending end of data -- message may be sent more than once",
            Self::Rset => "sending final RSET",
            Self::Quit => "sending QUIT",
        }
    }

    /// What goes into "(in reply to … command)"; the greeting answers nothing.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Greeting => "",
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
            Self::Lhlo => "LHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::XforwardName => "XFORWARD name/address",
            Self::XforwardProtocol => "XFORWARD helo/protocol",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::Content | Self::EndOfData => "end of DATA",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}
