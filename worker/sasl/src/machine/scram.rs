//! SCRAM, RFC 5802 and RFC 7677: both ends prove that they know the password, and neither tells it.

mod hash;
mod server;

use super::{Machine, Message, Setting, Started, message};
use crate::base64;
use crate::binding::Gs2;
use crate::failure::Fault;
use crate::mechanism::Mechanism;
use crate::selection::Choice;
use hash::Hash;
use server::{Final, First};
use std::borrow::Cow;
use stringprep::{saslprep, tables::unassigned_code_point};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

struct Scram {
    mechanism: Mechanism,
    hash: Hash,
    password: Zeroizing<String>,
    nonce: String,
    /// `gs2-header` of RFC 5802 §7.
    header: String,
    gs2: Gs2,
    state: State,
}

enum State {
    /// `client-first-message-bare` was sent.
    Greeted { bare: String },
    /// The proof was sent; this is what the server must answer it with.
    Proved { signature: Message },
    /// The server knows the password.
    Proven,
    /// The server reported an error, and is about to say no.
    Refused,
}

pub(super) fn start(choice: &Choice, setting: &Setting<'_>) -> Result<Started, Fault> {
    let hash = match choice.mechanism {
        Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Hash::Sha1,
        _ => Hash::Sha256,
    };
    let credential = setting.credential;
    let nonce = setting.nonce.as_str().to_owned();
    let bare = format!("n={},r={nonce}", name(&prepared(credential.user())?));
    let authzid = match credential.authzid() {
        "" => String::new(),
        authzid => format!("a={}", name(&prepared(authzid)?)),
    };
    let header = format!("{},{authzid},", choice.gs2.flag());
    let initial = message(&[header.as_bytes(), bare.as_bytes()]);
    let scram = Scram {
        mechanism: choice.mechanism,
        hash,
        password: Zeroizing::new(prepared(credential.secret())?.into_owned()),
        nonce,
        header,
        gs2: choice.gs2.clone(),
        state: State::Greeted { bare },
    };
    Ok(Started { machine: Box::new(scram), initial: Some(initial) })
}

impl Machine for Scram {
    fn respond(&mut self, challenge: &[u8]) -> Result<Message, Fault> {
        // An error leaves it refused: there is no second try at a proof.
        match std::mem::replace(&mut self.state, State::Refused) {
            State::Greeted { bare } => {
                let (proof, signature) = self.prove(&bare, challenge)?;
                self.state = State::Proved { signature };
                Ok(proof)
            }
            State::Proved { signature } => {
                match Final::parse(challenge).ok_or(Fault::Malformed(self.mechanism))? {
                    Final::Signature(theirs) if bool::from(theirs.ct_eq(&signature)) => {
                        self.state = State::Proven;
                    }
                    Final::Signature(_) => return Err(Fault::Unproven),
                    // The server says no in words of SMTP when it has been answered.
                    Final::Error => {}
                }
                Ok(Message::default())
            }
            State::Proven | State::Refused => Err(Fault::NothingLeft),
        }
    }

    fn accepted(&self) -> Result<(), Fault> {
        match self.state {
            State::Proven => Ok(()),
            State::Greeted { .. } | State::Proved { .. } => Err(Fault::Unproven),
            State::Refused => Err(Fault::Contradiction),
        }
    }
}

impl Scram {
    /// `client-final-message`, and the server's signature that must follow. RFC 5802 §3.
    fn prove(&self, bare: &str, challenge: &[u8]) -> Result<(Message, Message), Fault> {
        let First { text, nonce, salt, iterations } = First::parse(challenge, &self.nonce, self.mechanism)?;
        let binding = base64::encode(&message(&[self.header.as_bytes(), self.gs2.data()]));
        let without_proof = format!("c={},r={nonce}", &*binding);
        let said = message(&[bare.as_bytes(), b",", text.as_bytes(), b",", without_proof.as_bytes()]);

        let salted = self.hash.salted(self.password.as_bytes(), &salt, iterations);
        let client_key = self.hash.keyed(&salted, b"Client Key");
        let mut proof = self.hash.keyed(&self.hash.of(&client_key), &said);
        for (octet, key) in proof.iter_mut().zip(client_key.iter()) {
            *octet ^= key;
        }
        let signature = self.hash.keyed(&self.hash.keyed(&salted, b"Server Key"), &said);
        let proof = base64::encode(&proof);
        Ok((message(&[without_proof.as_bytes(), b",p=", proof.as_bytes()]), signature))
    }
}

/// SASLprep, RFC 4013. What Unicode has added since version 3.2 is allowed in a string that is asked for (RFC 3454
/// §7), and stays as it is: there are no tables for it that both ends share.
fn prepared(text: &str) -> Result<Cow<'_, str>, Fault> {
    match saslprep(text) {
        Ok(prepared) => Ok(prepared),
        Err(_) if text.chars().any(unassigned_code_point) && !text.chars().any(char::is_control) => {
            Ok(text.into())
        }
        // The error has a character of the password in it.
        Err(_) => Err(Fault::Unpreparable),
    }
}

/// `saslname` of RFC 5802 §7.
fn name(prepared: &str) -> String {
    prepared.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests;
