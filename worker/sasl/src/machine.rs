//! What one mechanism says, message for message, before base64 and SMTP.

mod bearer;
mod cram;
mod login;
mod oneshot;
mod scram;

use crate::base64;
use crate::credential::Credential;
use crate::failure::Fault;
use crate::mechanism::Mechanism;
use crate::selection::Choice;
use std::fmt;
use zeroize::Zeroizing;

/// A message of ours. There may be a password in it.
pub(crate) type Message = Zeroizing<Vec<u8>>;

/// One login with one mechanism, from the client's side.
pub(crate) trait Machine: Send {
    /// The answer to a challenge.
    fn respond(&mut self, challenge: &[u8]) -> Result<Message, Fault>;

    /// Whether a server that says now that the login succeeded can be believed. Only a mechanism in which the server
    /// proves something, or reports an error, has an opinion.
    fn accepted(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// A machine, and what it says unasked.
pub(crate) struct Started {
    pub(crate) machine: Box<dyn Machine>,
    /// `None`: the server has the first word.
    pub(crate) initial: Option<Message>,
}

/// What makes a login unlike every other: 144 random bits, drawn for it and used once.
#[derive(Clone)]
pub struct Nonce(String);

/// What a login needs besides its mechanism.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// Who logs in.
    pub credential: &'a Credential,
    /// For SCRAM.
    pub nonce: Nonce,
    /// The host name and port that were connected to; for OAUTHBEARER, which may do without them. RFC 7628 §3.1.
    pub server: Option<(&'a str, u16)>,
}

/// Begins a login.
pub(crate) fn start(choice: &Choice, setting: &Setting<'_>) -> Result<Started, Fault> {
    let credential = setting.credential;
    match choice.mechanism {
        Mechanism::External => Ok(oneshot::external(credential)),
        Mechanism::Plain => Ok(oneshot::plain(credential)),
        Mechanism::Anonymous => Ok(oneshot::anonymous()),
        Mechanism::Login => Ok(login::start(credential)),
        Mechanism::CramMd5 => Ok(cram::start(credential)),
        Mechanism::Xoauth2 => bearer::xoauth2(credential),
        Mechanism::OauthBearer => bearer::oauthbearer(credential, setting.server),
        Mechanism::ScramSha256Plus
        | Mechanism::ScramSha256
        | Mechanism::ScramSha1Plus
        | Mechanism::ScramSha1 => scram::start(choice, setting),
    }
}

/// `parts` in a row, written once, so that no copy of a secret stays behind in a buffer that grew.
fn message(parts: &[&[u8]]) -> Message {
    let mut message = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        message.extend_from_slice(part);
    }
    message
}

impl Nonce {
    /// Of octets from the kernel's generator of random numbers.
    #[must_use]
    pub fn of_random(octets: [u8; 18]) -> Self {
        Self(base64::encode(&octets).to_string())
    }

    /// Of an RFC's example.
    #[cfg(test)]
    pub(crate) fn of_example(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(***)")
    }
}
