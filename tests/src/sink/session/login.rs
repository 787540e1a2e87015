//! AUTH, RFC 4954: PLAIN and LOGIN, every user and password welcome, all of them noted.

use super::{Over, Session};
use data_encoding::BASE64;

impl Session {
    /// The dialogue that AUTH begins. A rule may have answered instead.
    pub(super) async fn log_in(&mut self, line: &str) -> Result<(), Over> {
        let mut words = line.split(' ').skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let known = match (mechanism.as_str(), words.next()) {
            ("PLAIN", Some(initial)) => plain(initial),
            ("PLAIN", None) => plain(&self.challenge("").await?),
            ("LOGIN", None) => {
                let user = decoded(&self.challenge("VXNlcm5hbWU6").await?);
                user.zip(decoded(&self.challenge("UGFzc3dvcmQ6").await?))
            }
            _ => {
                self.reply("504 5.5.4 no such mechanism");
                return Ok(());
            }
        };
        match known {
            Some((user, password)) => {
                let login = format!("{mechanism} {user} {password}");
                self.shared.note(|record| record.connection(self.number).logins.push(login));
                self.reply("235 2.7.0 welcome");
            }
            None => self.reply("501 5.5.2 that is not how it is done"),
        }
        Ok(())
    }

    /// Asks, and waits for the answer.
    async fn challenge(&mut self, text: &str) -> Result<String, Over> {
        self.reply(&format!("334 {text}"));
        self.line().await
    }
}

/// Identity to act for, which must be nobody else's; user; password. RFC 4616.
fn plain(initial: &str) -> Option<(String, String)> {
    let message = decoded(initial)?;
    let mut parts = message.split('\0');
    let (authzid, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && (authzid.is_empty() || authzid == user);
    whole.then(|| (user.to_owned(), password.to_owned()))
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text.as_bytes()).ok()?).ok()
}
