//! OAUTHBEARER (RFC 7628) and XOAUTH2: a token in place of the password.

use super::{Machine, Message, Started, message};
use crate::credential::Credential;
use crate::failure::Fault;

/// Has shown the token. A challenge tells why it is not good, and is answered so that the server can say no.
struct Shown {
    /// The answer, until it was given.
    dummy: Option<&'static [u8]>,
}

impl Machine for Shown {
    fn respond(&mut self, _: &[u8]) -> Result<Message, Fault> {
        self.dummy.take().map(|dummy| message(&[dummy])).ok_or(Fault::NothingLeft)
    }

    fn accepted(&self) -> Result<(), Fault> {
        if self.dummy.is_some() { Ok(()) } else { Err(Fault::Contradiction) }
    }
}

/// `user=`, `auth=`, each ended by 0x01, and one more.
pub(super) fn xoauth2(credential: &Credential) -> Result<Started, Fault> {
    let (user, token) = parts(credential)?;
    let initial = message(&[b"user=", user.as_bytes(), b"\x01auth=Bearer ", token.as_bytes(), b"\x01\x01"]);
    Ok(Started { machine: Box::new(Shown { dummy: Some(b"") }), initial: Some(initial) })
}

/// RFC 7628 §3.1. The user stands where GS2 has the authorization identity.
pub(super) fn oauthbearer(credential: &Credential, server: Option<(&str, u16)>) -> Result<Started, Fault> {
    let (user, token) = parts(credential)?;
    let user = user.replace('=', "=3D").replace(',', "=2C");
    let server = server.map(|(host, port)| format!("host={host}\x01port={port}\x01")).unwrap_or_default();
    let initial = message(&[
        b"n,a=",
        user.as_bytes(),
        b",\x01",
        server.as_bytes(),
        b"auth=Bearer ",
        token.as_bytes(),
        b"\x01\x01",
    ]);
    Ok(Started { machine: Box::new(Shown { dummy: Some(b"\x01") }), initial: Some(initial) })
}

/// User and token, if neither can end its field. RFC 6750 §2.1 `b64token`.
fn parts(credential: &Credential) -> Result<(&str, &str), Fault> {
    let (user, token) = (credential.user(), credential.secret());
    let of_token = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet);
    if token.is_empty() || !token.bytes().all(of_token) || user.bytes().any(|octet| octet.is_ascii_control())
    {
        return Err(Fault::NotToken);
    }
    Ok((user, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Authzid;
    use data_encoding::BASE64;

    const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";

    fn with(user: &str, token: &str) -> Credential {
        Credential::new(user, token, Authzid::Omit).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_7628() {
        let encoded =
            |user, server| BASE64.encode(&oauthbearer(&with(user, TOKEN), server).unwrap().initial.unwrap());
        assert_eq!(
            encoded("user@example.com", Some(("server.example.com", 143))),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI\
             HZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2c9PQEB"
        );
        // §4 has SMTP without host and port.
        assert_eq!(
            BASE64.decode(encoded("someuser@example.com", None).as_bytes()).unwrap(),
            format!("n,a=someuser@example.com,\x01auth=Bearer {TOKEN}\x01\x01").as_bytes()
        );
    }

    #[test]
    fn googles_example_of_xoauth2() {
        let token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
        let initial = xoauth2(&with("someuser@example.com", token)).unwrap().initial.unwrap();
        assert_eq!(
            BASE64.encode(&initial),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJo\
             ZG1semRHRXVZMjl0Q2cBAQ=="
        );
    }

    #[test]
    fn separators_in_the_user_are_escaped() {
        let initial = oauthbearer(&with("a=b,c", "t"), None).unwrap().initial.unwrap();
        assert_eq!(initial.as_slice(), b"n,a=a=3Db=2Cc,\x01auth=Bearer t\x01\x01");
    }

    #[test]
    fn an_error_is_answered_once_and_success_after_it_is_a_fault() {
        for (started, dummy) in [
            (oauthbearer(&with("u", "t"), None).unwrap(), &b"\x01"[..]),
            (xoauth2(&with("u", "t")).unwrap(), b""),
        ] {
            let mut machine = started.machine;
            assert_eq!(machine.accepted(), Ok(()));
            assert_eq!(machine.respond(b"{\"status\":\"invalid_token\"}").unwrap().as_slice(), dummy);
            assert_eq!(machine.accepted(), Err(Fault::Contradiction));
            assert_eq!(machine.respond(b"{}").unwrap_err(), Fault::NothingLeft);
        }
    }

    #[test]
    fn nothing_can_be_smuggled_in_with_user_or_token() {
        for (user, token) in [("u\x01auth=x", "t"), ("u", "t\x01"), ("u", "t x"), ("u", ""), ("u", "é")] {
            assert_eq!(xoauth2(&with(user, token)).err(), Some(Fault::NotToken));
            assert_eq!(oauthbearer(&with(user, token), None).err(), Some(Fault::NotToken));
        }
    }
}
