//! Whose credential it is, key by key.

use super::*;
use std::path::Path;

/// What is set besides `smtp_sasl_auth_enable`.
fn context(text: &str) -> Result<SaslContext, ContextError> {
    let text = format!("myhostname = us.test\nsmtp_sasl_auth_enable = yes\n{text}");
    let cf = MainCf::parse(&text, Path::new("/m")).unwrap().with_system_hostname("us.test");
    let config = DeliveryConfig::load(&cf, Protocol::Smtp).unwrap();
    SaslContext::new(&config, &cf, &maincf::tables::Direct)
}

const SENDERS: &str = "smtp_sender_dependent_authentication = yes\nrecipient_delimiter = +\n";

/// The user that stands under a key; a colon would end its name.
fn user_of(key: &str) -> String {
    format!("user-of-{}", key.replace(':', "/"))
}

/// The user for these keys, from a table of them.
#[track_caller]
fn user(settings: &str, keys: &[&str], asker: Asker<'_>) -> Option<String> {
    let table: String = keys.iter().map(|key| format!("{{{key} = {}:pw}}, ", user_of(key))).collect();
    let text = format!("{settings}smtp_sasl_password_maps = inline:{{{table}}}\n");
    let found = context(&text).unwrap().find(asker).unwrap();
    found.map(|Found { key, credential }| {
        assert_eq!(credential.user(), user_of(&key), "the key is told with it");
        credential.user().to_owned()
    })
}

const ASKER: Asker<'static> =
    Asker { sender: "joe+x@d.test", host: Some("mx1.relay.test"), nexthop: "[relay.test]:587" };

#[test]
fn the_sender_comes_before_the_host_and_the_host_before_the_next_hop() {
    // From the last that is asked for to the first: each takes the place of the one before.
    let keys = ["[relay.test]:587", "mx1.relay.test", "@d.test", "joe@d.test", "joe+x@d.test"];
    for last in 1..=keys.len() {
        let found = user(SENDERS, &keys[..last], ASKER);
        assert_eq!(found.as_deref(), Some(&*user_of(keys[last - 1])));
    }
}

#[test]
fn keys_are_asked_for_exactly_as_configured() {
    for near in ["relay.test", "[relay.test]", "relay.test:587", "MX1", ".relay.test", "d.test", "joe"] {
        assert_eq!(user(SENDERS, &[near], ASKER), None, "{near}");
    }
    let own = Asker { sender: "joe+x@us.test", ..ASKER };
    assert_eq!(user(SENDERS, &["joe"], own).as_deref(), Some("user-of-joe"));
    assert_eq!(user(SENDERS, &["joe", "joe+x"], own).as_deref(), Some("user-of-joe+x"));
}

#[test]
fn senders_do_not_matter_unless_asked_to_and_the_null_sender_never() {
    let keys = ["joe+x@d.test", "@d.test", "[relay.test]:587"];
    assert_eq!(user("", &keys, ASKER).as_deref(), Some("user-of-[relay.test]/587"));
    let null = Asker { sender: "", ..ASKER };
    assert_eq!(user(SENDERS, &keys, null).as_deref(), Some("user-of-[relay.test]/587"));
    let context =
        |settings: &str| context(&format!("{settings}smtp_sasl_password_maps = static:a:b\n")).unwrap();
    assert_eq!(context("").sender("a@x"), None);
    assert_eq!(context(SENDERS).sender("a@x"), Some("a@x"));
}

#[test]
fn without_a_host_the_next_hop_is_asked_for_alone() {
    let asker = Asker { host: None, ..ASKER };
    assert_eq!(user("", &["mx1.relay.test"], asker), None);
    assert!(user("", &["[relay.test]:587"], asker).is_some());
}

#[test]
fn the_delimiter_cuts_once() {
    let text = "smtp_sasl_password_result_delimiter = |\nsmtp_sasl_password_maps = static:a:b|c|d\n";
    let found = context(text).unwrap().find(ASKER).unwrap().unwrap();
    assert_eq!(found.credential.user(), "a:b");
}

#[test]
fn a_table_that_cannot_answer_is_not_one_that_has_no_entry() {
    for tables in ["fail:down", "texthash:/no/such/file", "inline:{x=y:z} fail:down"] {
        let context = context(&format!("smtp_sasl_password_maps = {tables}\n")).unwrap();
        assert!(context.find(ASKER).is_err(), "{tables}");
    }
    let long = format!("smtp_sasl_password_maps = static:user:{}\n", "x".repeat(4000));
    assert!(matches!(context(&long).unwrap().find(ASKER), Err(NoAnswer::Unusable(_))));
}

#[test]
fn a_filter_takes_names_exceptions_and_tables() {
    let filtered = |filter: &str, name| {
        let text = format!("smtp_sasl_password_maps = static:a:b\nsmtp_sasl_mechanism_filter = {filter}\n");
        context(&text).unwrap().login().unwrap().filtered(name).ok()
    };
    assert_eq!(filtered("", "PLAIN"), Some(Filtered::In));
    assert_eq!(filtered("plain", "PLAIN"), Some(Filtered::ByName));
    assert_eq!(filtered("plain", "LOGIN"), Some(Filtered::Out));
    assert_eq!(filtered("!gssapi, static:all", "GSSAPI"), Some(Filtered::Out));
    assert_eq!(filtered("!gssapi, static:all", "Xoauth2"), Some(Filtered::In));
    assert_eq!(filtered("fail:down", "PLAIN"), None);
}

#[test]
fn demands_are_inherited_from_plaintext_to_tls() {
    let options = |settings: &str| {
        let text = format!("{settings}smtp_sasl_password_maps = static:a:b\n");
        context(&text).unwrap().login().unwrap().options
    };
    let default = options("");
    assert_eq!(default.plain, SecurityOptions::parse("noplaintext noanonymous").unwrap());
    assert_eq!((default.tls, default.tls_verified), (default.plain, default.plain));
    let eased = options("smtp_sasl_tls_security_options = noanonymous\n");
    assert_eq!((eased.plain, eased.tls), (default.plain, SecurityOptions::parse("noanonymous").unwrap()));
    assert_eq!(eased.tls_verified, eased.tls);
}

#[test]
fn nothing_that_is_kept_shows_a_password() {
    let context = context("smtp_sasl_password_maps = static:user:s3cr3t-of-ours\n").unwrap();
    let credential = context.find(ASKER).unwrap();
    assert!(!format!("{credential:?}").contains("s3cr3t"));
}
