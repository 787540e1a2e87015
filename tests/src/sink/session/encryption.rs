//! STARTTLS, the handshake, and KeyUpdate.

use super::{Over, Session};
use crate::sink::rules::Stage;
use crate::sink::tls::Secured;

impl Session {
    pub(super) fn is_secured(&mut self) -> bool {
        self.stream.as_mut().is_some_and(|stream| stream.tls().is_some())
    }

    pub(super) async fn starttls(&mut self) -> Result<(), Over> {
        if self.is_secured() || self.shared.settings.tls.is_none() {
            self.violation("STARTTLS, which was not offered");
            self.reply("503 5.5.1 not offered");
            return Ok(());
        }
        if !self.input.is_empty() {
            // RFC 3207 section 6: whoever takes these for a part of the secured dialogue can be told anything.
            return Err(Over::Done);
        }
        self.reply("220 2.0.0 go ahead");
        self.flush().await?;
        if self.deviates(Stage::Handshake, "").await? {
            return Ok(());
        }
        self.secure().await?;
        self.envelope = None;
        Ok(())
    }

    /// The handshake.
    pub(super) async fn secure(&mut self) -> Result<(), Over> {
        let acceptor = self.shared.settings.tls.as_ref().map(|tls| tls.acceptor());
        let (Some(acceptor), Some(stream)) = (acceptor, self.stream.take()) else { return Err(Over::Broken) };
        let mut stream = match stream.secure(&acceptor).await {
            Ok(stream) => stream,
            Err(error) => {
                let text = format!("connection {}: {error}", self.number);
                self.shared.note(|record| record.failed_handshakes.push(text));
                return Err(Over::Broken);
            }
        };
        let secured = stream.tls().map(|session| Secured::of(session));
        self.stream = Some(stream);
        self.shared.note(|record| {
            record.handshakes += 1;
            record.resumed += u32::from(secured.as_ref().is_some_and(|secured| secured.resumed));
            record.connection(self.number).secured = secured;
        });
        Ok(())
    }

    /// Says KeyUpdate where the settings say so; it goes out before the next reply.
    pub(super) fn update_keys(&mut self) {
        let every = self.shared.settings.tls.as_ref().and_then(|tls| tls.key_update_every);
        if every.is_none_or(|every| every == 0 || !self.messages.is_multiple_of(every)) {
            return;
        }
        let Some(session) = self.stream.as_mut().and_then(|stream| stream.tls()) else { return };
        match session.refresh_traffic_keys() {
            Ok(()) => self.shared.note(|record| record.key_updates += 1),
            Err(error) => self.violation(&format!("the sink itself: no KeyUpdate: {error}")),
        }
    }
}
