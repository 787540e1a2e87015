//! LOGIN: user name and password, each when asked. No RFC; draft-murchison-sasl-login.

use super::{Machine, Message, Started, message};
use crate::credential::Credential;
use crate::failure::Fault;

/// What is still to be said. What servers ask with differs, so the order decides.
struct Login {
    user: Option<Message>,
    password: Option<Message>,
}

pub(super) fn start(credential: &Credential) -> Started {
    let login = Login {
        user: Some(message(&[credential.user().as_bytes()])),
        password: Some(message(&[credential.secret().as_bytes()])),
    };
    Started { machine: Box::new(login), initial: None }
}

impl Machine for Login {
    fn respond(&mut self, _: &[u8]) -> Result<Message, Fault> {
        self.user.take().or_else(|| self.password.take()).ok_or(Fault::NothingLeft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Authzid;

    #[test]
    fn user_and_password_are_said_in_order_and_once() {
        let credential = Credential::new("tim", "secret", Authzid::User).unwrap();
        let Started { mut machine, initial } = start(&credential);
        assert!(initial.is_none());
        assert_eq!(machine.respond(b"Username:").unwrap().as_slice(), b"tim");
        assert_eq!(machine.respond(b"").unwrap().as_slice(), b"secret");
        assert_eq!(machine.respond(b"Password:").unwrap_err(), Fault::NothingLeft);
    }
}
