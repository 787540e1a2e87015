//! MAIL, RCPT, DATA and the final dot.

use super::{Over, Session};
use crate::sink::content;
use crate::sink::record::Received;
use crate::sink::rules::Stage;
use crate::sink::settings::{Dialect, FinalReply};
use std::time::Instant;

/// No test sends more.
const LARGEST_CONTENT: usize = 128 << 20;

/// What MAIL and RCPT said.
pub(super) struct Envelope {
    sender: String,
    parameters: String,
    recipients: Vec<String>,
}

impl Session {
    pub(super) fn mail(&mut self, line: &str) {
        if self.envelope.is_some() {
            return self.reply("503 5.5.1 nested MAIL");
        }
        match address(line, "MAIL FROM:") {
            Some((sender, parameters)) => {
                self.envelope = Some(Envelope { sender, parameters, recipients: Vec::new() });
                self.reply("250 2.1.0 ok");
            }
            None => self.reply("501 5.5.4 syntax: MAIL FROM:<address>"),
        }
    }

    pub(super) fn rcpt(&mut self, line: &str) {
        let reply = match (self.envelope.as_mut(), address(line, "RCPT TO:")) {
            (None, _) => "503 5.5.1 MAIL first",
            (_, None) => "501 5.5.4 syntax: RCPT TO:<address>",
            (Some(envelope), Some((recipient, _))) => {
                envelope.recipients.push(recipient);
                "250 2.1.5 ok"
            }
        };
        self.reply(reply);
    }

    pub(super) async fn data(&mut self) -> Result<(), Over> {
        let refusal = match &self.envelope {
            None => Some("503 5.5.1 MAIL first"),
            Some(envelope) if envelope.recipients.is_empty() => Some("554 5.5.1 no valid recipients"),
            Some(_) => None,
        };
        self.reply(refusal.unwrap_or("354 end with a dot"));
        if refusal.is_some() {
            return Ok(());
        }
        let mut searched = 0;
        let (length, consumed) = loop {
            if let Some(found) = content::end(&self.input, searched) {
                break found;
            }
            if searched == 0 && !self.input.is_empty() && self.deviates(Stage::Content, "").await? {
                return Ok(());
            }
            if self.input.len() > LARGEST_CONTENT {
                self.violation("content without end");
                return Err(Over::Done);
            }
            searched = self.input.len();
            self.more().await?;
        };
        let wire: Vec<u8> = self.input.drain(..consumed).take(length).collect();
        self.dot(&wire).await
    }

    async fn dot(&mut self, wire: &[u8]) -> Result<(), Over> {
        let dot_at = Instant::now();
        let envelope = self.envelope.take().expect("DATA came after MAIL");
        let replies =
            if self.shared.settings.dialect == Dialect::Lmtp { envelope.recipients.len() } else { 1 };
        if self.deviates(Stage::Dot, "").await? {
            return Ok(());
        }
        if content::has_bare_line_end(wire) {
            self.violation("the content has a bare CR or LF");
        }
        let text = content::unstuff(wire);
        let content::Parsed { message_id, body, original } = content::parse(&text);
        self.messages += 1;
        let message = Received {
            connection: self.number,
            nth: self.messages,
            sender: envelope.sender,
            recipients: envelope.recipients,
            mail_parameters: envelope.parameters,
            message_id,
            body,
            original,
            size: text.len() as u64,
            dot_at,
            answered: false,
            content: if self.shared.settings.verbose { text } else { Vec::new() },
        };
        let index = self.shared.note(|record| {
            record.connection(self.number).messages += 1;
            record.messages.push(message);
            record.messages.len() - 1
        });
        self.final_reply().await?;
        self.update_keys();
        for _ in 0..replies {
            self.reply("250 2.0.0 accepted");
        }
        self.flush().await?;
        self.shared.note(|record| record.messages[index].answered = true);
        let over = self.shared.settings.close_after.is_some_and(|limit| self.messages >= limit);
        if over { Err(Over::Done) } else { Ok(()) }
    }

    /// Waits until the reply to the final dot is due.
    async fn final_reply(&mut self) -> Result<(), Over> {
        match self.shared.settings.final_reply {
            FinalReply::Prompt => {}
            FinalReply::After(delay) => tokio::time::sleep(delay).await,
            FinalReply::Held => {
                let mut released = self.shared.released.subscribe();
                let _ = released.wait_for(|&go| go).await;
            }
        }
        Ok(())
    }
}

/// The address between `<` and `>` after `prefix`, and the parameters behind it.
fn address(line: &str, prefix: &str) -> Option<(String, String)> {
    let head = line.get(..prefix.len())?;
    let rest = line.get(prefix.len()..)?.trim_start();
    // `AUTH=<>` has brackets too, and a quoted local part may have.
    let rest = rest.strip_prefix('<')?;
    let (address, parameters) = match rest.split_once("> ") {
        Some(split) => split,
        None => (rest.strip_suffix('>')?, ""),
    };
    head.eq_ignore_ascii_case(prefix).then(|| (address.to_owned(), parameters.trim().to_owned()))
}
