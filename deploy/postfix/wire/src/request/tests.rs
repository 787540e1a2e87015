//! Requests as real queue managers send them, and as they must not come.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

/// 3.7.11, with `|` for NUL, `@TIME@` for the structure.
const SEEN: &str = "flags|3|queue_name|active|queue_id|049A79AE25E|offset|844|size|3296|nexthop|[127.0.0.78]:3326|\
    encoding||smtputf8|0|sender|s@src.test|envelope_id||ret_flags|0|time|@TIME@|log_client_name|localhost|\
    log_client_address|127.0.0.1|log_client_port|51762|log_protocol_name|ESMTP|log_helo_name|test|sasl_method||\
    sasl_username||sasl_sender||log_ident|049A79AE25E|rewrite_context|local|recipient_count|2||\
    original_recipient|ok@drop.example|recipient|ok@drop.example|offset|637|dsn_orig_rcpt|rfc822;ok@drop.example|\
    notify_flags|6||\
    original_recipient||recipient|b@drop.example|offset|18446744073709551615|dsn_orig_rcpt||notify_flags|0||";

fn stats() -> Stats {
    Stats { incoming_arrival: Duration::new(1_795_000_000, 5000), ..Stats::default() }
}

fn seen() -> Vec<u8> {
    let time = data_encoding::BASE64.encode(&stats().encode());
    SEEN.replace("@TIME@", &time).replace('|', "\0").into_bytes()
}

fn read(octets: &[u8]) -> Result<Option<Delivery>, AttrError> {
    RequestReader::default().feed(octets)
}

#[test]
fn a_request_that_was_seen_on_a_real_system_is_understood() {
    let Delivery { request, recipients } = read(&seen()).unwrap().unwrap();
    assert_eq!((request.flags, request.offset, request.size), (Flags(3), 844, 3296));
    assert_eq!((request.queue_id, request.nexthop), ("049A79AE25E".into(), "[127.0.0.78]:3326".into()));
    assert_eq!((request.stats, request.client.helo), (stats(), "test".into()));
    let [first, second] = <[_; 2]>::try_from(recipients).unwrap();
    assert_eq!((first.offset, first.notify), (637, 6));
    assert_eq!((second.offset, second.address), (-1, "b@drop.example".into()));
}

#[test]
fn what_is_encoded_is_what_was_seen() {
    let Delivery { request, recipients } = read(&seen()).unwrap().unwrap();
    let mut octets = request.encode("smtputf8");
    octets.extend(recipients.iter().flat_map(Recipient::encode));
    assert_eq!(String::from_utf8(octets).unwrap(), String::from_utf8(seen()).unwrap());
}

#[test]
fn newer_releases_have_another_name_and_more_bits_for_what_the_sender_demanded() {
    let mut request = read(&seen()).unwrap().unwrap().request;
    request.options = SendOptions(0x73);
    request.recipient_count = 0;
    let options = read(&request.encode("sendopts")).unwrap().unwrap().request.options;
    assert_eq!(options, SendOptions(0x33), "unknown bits are masked");
    assert!(options.needs_smtputf8() && options.any(SendOptions::REQUIRETLS));
}

#[test]
fn smtputf8_is_needed_only_where_something_is_not_ascii() {
    assert!(!SendOptions(0x1).needs_smtputf8());
    assert!(!SendOptions(0x6).needs_smtputf8());
    assert!(SendOptions(0x9).needs_smtputf8());
}

#[test]
fn an_attribute_too_many_or_in_another_place_is_refused() {
    let text = String::from_utf8(seen()).unwrap();
    let more = text.replacen("rewrite_context", "novelty\x001\0rewrite_context", 1);
    assert!(matches!(read(more.as_bytes()), Err(AttrError::Unexpected { want: "rewrite_context", .. })));
    let less = text.replacen("encoding\0\0", "", 1);
    assert!(matches!(read(less.as_bytes()), Err(AttrError::Unexpected { want: "encoding", .. })));
}

#[test]
fn numbers_of_recipients_that_cannot_be_are_refused() {
    for count in ["-1", "100001"] {
        let text = String::from_utf8(seen()).unwrap();
        let text = text.replacen("recipient_count\x002", &format!("recipient_count\0{count}"), 1);
        assert!(matches!(read(text.as_bytes()), Err(AttrError::Malformed { .. })), "{count}");
    }
}

#[test]
fn probes_are_told_from_mail() {
    assert!(Flags(259).is_probe() && !Flags(6147).is_probe());
    assert!(Flags(6147).has(Flags::CONN_LOAD) && Flags(6147).has(Flags::CONN_STORE));
    assert_eq!(Flags(0x3fff).for_trace(), 0x2700);
}

fn text() -> impl Strategy<Value = Text> {
    prop::collection::vec(1u8.., 0..20).prop_map(Text::new)
}

proptest! {
    #[test]
    fn recipients_come_back_as_they_went_however_they_are_cut(
        addresses in prop::collection::vec((text(), text(), any::<i64>(), text(), any::<i32>()), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let recipients: Vec<_> = addresses
            .into_iter()
            .map(|(original, address, offset, orcpt, notify)| Recipient { original, address, offset, orcpt, notify })
            .collect();
        let request = Request { recipient_count: i32::try_from(recipients.len()).unwrap(), ..Request::default() };
        let mut octets = request.encode("sendopts");
        octets.extend(recipients.iter().flat_map(Recipient::encode));
        let (first, second) = octets.split_at(cut.index(octets.len()));
        let mut reader = RequestReader::default();
        prop_assert_eq!(reader.feed(first), Ok(None));
        prop_assert_eq!(reader.feed(second), Ok(Some(Delivery { request, recipients })));
    }

    #[test]
    fn no_octets_do_harm(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _understood = read(&octets);
        let _with_a_good_beginning = read(&[&seen()[..200], &octets].concat());
    }
}
