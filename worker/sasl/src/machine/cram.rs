//! CRAM-MD5, RFC 2195: the password as key over what the server sent.

use super::{Machine, Message, Started, message};
use crate::credential::Credential;
use crate::failure::Fault;
use crate::mechanism::Mechanism;
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use md5::Md5;

/// `Some` until it has answered.
struct Cram(Option<Credential>);

pub(super) fn start(credential: &Credential) -> Started {
    Started { machine: Box::new(Cram(Some(credential.clone()))), initial: None }
}

impl Machine for Cram {
    fn respond(&mut self, challenge: &[u8]) -> Result<Message, Fault> {
        let credential = self.0.take().ok_or(Fault::NothingLeft)?;
        // RFC 2195 §2: a message identifier. Nothing at all would be the same each time.
        if challenge.is_empty() {
            return Err(Fault::Malformed(Mechanism::CramMd5));
        }
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let keyed = Hmac::<Md5>::new_from_slice(credential.secret().as_bytes()).expect("any length");
        let digest = keyed.chain_update(challenge).finalize().into_bytes();
        Ok(message(&[credential.user().as_bytes(), b" ", HEXLOWER.encode(&digest).as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Authzid;

    fn tim() -> Started {
        start(&Credential::new("tim", "tanstaaftanstaaf", Authzid::Omit).unwrap())
    }

    #[test]
    fn the_example_of_rfc_2195() {
        let Started { mut machine, initial } = tim();
        assert!(initial.is_none());
        let response = machine.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(response.as_slice(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(machine.respond(b"<again>").unwrap_err(), Fault::NothingLeft);
    }

    #[test]
    fn an_empty_challenge_is_a_fault() {
        assert_eq!(tim().machine.respond(b"").unwrap_err(), Fault::Malformed(Mechanism::CramMd5));
    }
}
