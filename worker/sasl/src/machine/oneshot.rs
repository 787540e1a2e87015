//! PLAIN (RFC 4616), EXTERNAL (RFC 4422 appendix A), ANONYMOUS (RFC 4505): one message says all.

use super::{Machine, Message, Started, message};
use crate::credential::Credential;
use crate::failure::Fault;

/// Has said what there was to say.
struct Said;

impl Machine for Said {
    fn respond(&mut self, _: &[u8]) -> Result<Message, Fault> {
        Err(Fault::NothingLeft)
    }
}

fn saying(initial: Message) -> Started {
    Started { machine: Box::new(Said), initial: Some(initial) }
}

/// `authzid NUL user NUL password`.
pub(super) fn plain(credential: &Credential) -> Started {
    saying(message(&[
        credential.authzid().as_bytes(),
        b"\0",
        credential.user().as_bytes(),
        b"\0",
        credential.secret().as_bytes(),
    ]))
}

/// The authorization identity, or nothing: who it is stands in the certificate.
pub(super) fn external(credential: &Credential) -> Started {
    saying(message(&[credential.authzid().as_bytes()]))
}

/// No trace information: nobody asked the user whether his name may be told.
pub(super) fn anonymous() -> Started {
    saying(Message::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Authzid;

    fn initial(started: Started) -> String {
        String::from_utf8(started.initial.unwrap().to_vec()).unwrap()
    }

    fn tim(authzid: Authzid) -> Credential {
        Credential::new("tim", "tanstaaftanstaaf", authzid).unwrap()
    }

    #[test]
    fn plain_as_in_rfc_4616() {
        assert_eq!(initial(plain(&tim(Authzid::Omit))), "\0tim\0tanstaaftanstaaf");
        assert_eq!(initial(plain(&tim(Authzid::User))), "tim\0tim\0tanstaaftanstaaf");
    }

    #[test]
    fn external_and_anonymous_tell_no_password() {
        assert_eq!(initial(external(&tim(Authzid::Omit))), "");
        assert_eq!(initial(external(&tim(Authzid::User))), "tim");
        assert_eq!(initial(anonymous()), "");
    }

    #[test]
    fn a_challenge_after_the_message_is_a_fault() {
        let mut started = plain(&tim(Authzid::Omit));
        assert_eq!(started.machine.respond(b"more?").unwrap_err(), Fault::NothingLeft);
    }
}
