//! What the server answers: enough of RFC 5321 to take mail, and no extension but STARTTLS.

/// What follows a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    StartTls,
    Deaf,
}

/// One client's commands.
#[derive(Debug, Default)]
pub(crate) struct Dialogue {
    offers_tls: bool,
    in_content: bool,
    unread: Vec<u8>,
    pub(crate) lines: Vec<String>,
    pub(crate) messages: usize,
    /// The command whose reply is the last thing that happens.
    pub(crate) deaf_at: Option<String>,
}

impl Dialogue {
    pub(crate) fn new(offers_tls: bool) -> Self {
        Self { offers_tls, ..Self::default() }
    }

    /// Replies to all lines that are complete.
    pub(crate) fn hear(&mut self, octets: &[u8]) -> (Vec<u8>, Next) {
        self.unread.extend_from_slice(octets);
        let mut replies = Vec::new();
        while let Some(end) = self.unread.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let reply = self.reply(&line);
            replies.extend_from_slice(reply.as_bytes());
            self.lines.push(line.clone());
            if reply.starts_with("220") {
                return (replies, Next::StartTls);
            }
            if self.deaf_at.as_ref().is_some_and(|verb| line.starts_with(verb)) {
                return (replies, Next::Deaf);
            }
        }
        (replies, Next::GoOn)
    }

    fn reply(&mut self, line: &str) -> &'static str {
        if self.in_content {
            if line != "." {
                return "";
            }
            self.in_content = false;
            self.messages += 1;
            return "250 2.0.0 taken\r\n";
        }
        match line.get(..4).unwrap_or_default() {
            "EHLO" | "LHLO" if self.offers_tls && !self.lines.iter().any(|line| line == "STARTTLS") => {
                "250-sink.test\r\n250 STARTTLS\r\n"
            }
            "STAR" => "220 go ahead\r\n",
            "DATA" => {
                self.in_content = true;
                "354 go on\r\n"
            }
            "EHLO" | "LHLO" | "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 2.0.0 ok\r\n",
            "QUIT" => "221 2.0.0 bye\r\n",
            _ => "500 5.5.2 what?\r\n",
        }
    }
}
