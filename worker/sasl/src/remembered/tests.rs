//! When a stored refusal stands, and when it does not.

use super::*;
use crate::credential::Authzid;
use proptest::prelude::*;

const DAY: Duration = Duration::from_secs(86400);

fn secret() -> CacheSecret {
    CacheSecret::new([9; 32])
}

fn user(password: &str) -> Credential {
    Credential::new("user", password, Authzid::Omit).unwrap()
}

fn refused() -> RefusedLogin {
    RefusedLogin { at: 1000, status: "5.7.8".into(), reply: "535 5.7.8 no".into() }
}

fn sealed() -> Vec<u8> {
    refused().seal(&secret(), "mx.example", &user("secret"))
}

fn open(bytes: &[u8], host: &str, password: &str, now: u64) -> Result<RefusedLogin, Void> {
    RefusedLogin::open(bytes, &secret(), host, &user(password), now, DAY)
}

#[test]
fn the_same_login_is_refused_until_the_record_expires() {
    for now in [1000, 1001, 1000 + 86400] {
        assert_eq!(open(&sealed(), "MX.example", "secret", now), Ok(refused()), "{now}");
    }
    assert_eq!(open(&sealed(), "mx.example", "secret", 1001 + 86400), Err(Void::Expired));
    assert_eq!(open(&sealed(), "mx.example", "secret", 999), Err(Void::Expired));
}

#[test]
fn another_password_host_or_key_makes_a_record_void() {
    assert_eq!(open(&sealed(), "mx.example", "other", 1000), Err(Void::OtherCredential));
    assert_eq!(open(&sealed(), "mx2.example", "secret", 1000), Err(Void::OtherCredential));
    let other = CacheSecret::new([8; 32]);
    let opened = RefusedLogin::open(&sealed(), &other, "mx.example", &user("secret"), 1000, DAY);
    assert_eq!(opened, Err(Void::OtherCredential));
}

#[test]
fn every_changed_or_missing_octet_makes_a_record_void() {
    let whole = sealed();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(open(&changed, "mx.example", "secret", 1000).is_err(), "{at}");
        assert!(open(&whole[..at], "mx.example", "secret", 1000).is_err(), "{at}");
    }
}

#[test]
fn the_key_tells_hosts_and_users_apart_and_does_not_depend_on_the_password() {
    let key = |host, user| {
        let credential = Credential::new(user, "x", Authzid::Omit).unwrap();
        LoginKey::new(&secret(), host, &credential)
    };
    assert_eq!(
        key("h", "u"),
        LoginKey::new(&secret(), "H", &Credential::new("u", "y", Authzid::User).unwrap())
    );
    assert_ne!(key("hu", "u").as_bytes(), key("h", "uu").as_bytes());
    assert_ne!(key("h", "u"), key("g", "u"));
}

#[test]
fn a_long_reply_is_cut_to_what_can_be_read_back() {
    let long = RefusedLogin { reply: "é".repeat(5000), status: "5.123.456789".into(), ..refused() };
    let bytes = long.seal(&secret(), "h", &user("secret"));
    let read = RefusedLogin::open(&bytes, &secret(), "h", &user("secret"), 1000, DAY).unwrap();
    assert_eq!((read.reply.len(), read.status.as_str()), (LONGEST_REPLY, "5.123.456"));
}

#[test]
fn the_text_is_that_of_postfix() {
    let reason = refused().reason("mx.example[192.0.2.1]");
    assert_eq!(
        reason,
        "SASL [CACHED] authentication failed; server mx.example[192.0.2.1] said: 535 5.7.8 no"
    );
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_holds_no_password(
        at in any::<u64>(),
        reply in ".{0,300}",
        password in "[a-zA-Z0-9]{6,30}",
    ) {
        prop_assume!(!reply.contains(&password));
        let refused = RefusedLogin { at, status: "5.7.8".into(), reply };
        let bytes = refused.seal(&secret(), "h", &user(&password));
        prop_assert!(!bytes.windows(password.len()).any(|part| part == password.as_bytes()));
        let opened = RefusedLogin::open(&bytes, &secret(), "h", &user(&password), at, DAY);
        prop_assert_eq!(opened, Ok(refused));
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes, "h", "secret", 1000).is_err());
    }
}
