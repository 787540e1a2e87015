//! TLSA records of every length, and aliases that are not followed.

use hickory_resolver::proto::rr::rdata::TLSA;

use super::*;

const OWNER: &str = "_25._tcp.a.example";

fn tlsa(owner: &str, ttl: u32, usage: u8, data: &[u8]) -> Wire {
    let record = TLSA::new(usage.into(), 1.into(), 2.into(), data.to_vec());
    Wire::from_rdata(name(owner), ttl, RData::TLSA(record))
}

fn record(usage: u8, data: &[u8]) -> Record {
    Record::Tlsa(Tlsa { usage, selector: 1, matching: 2, data: data.to_vec() })
}

#[test]
fn associations_keep_their_numbers_known_or_not() {
    let answers = (0..=255).map(|usage| tlsa(OWNER, 9, usage, &[usage])).collect();
    let Outcome::Found(records) = read(OWNER, RecordKind::Tlsa, &message(answers)).outcome else { panic!() };
    let want: Vec<_> = (0..=255).take(MOST_RECORDS).map(|usage| record(usage, &[usage])).collect();
    assert_eq!(records, want, "and a set has its bound");
    for number in 0..=255 {
        let odd = TLSA::new(number.into(), number.into(), number.into(), vec![1]);
        let odd = Wire::from_rdata(name(OWNER), 9, RData::TLSA(odd));
        let want = Tlsa { usage: number, selector: number, matching: number, data: vec![1] };
        let reply = read(OWNER, RecordKind::Tlsa, &message(vec![odd]));
        assert_eq!(reply.outcome, Outcome::Found(vec![Record::Tlsa(want)]));
    }
}

#[test]
fn records_without_data_are_skipped_but_not_absent() {
    let short = tlsa(OWNER, 9, 3, &[]);
    let reply = read(OWNER, RecordKind::Tlsa, &message(vec![short.clone()]));
    assert_eq!((&reply.outcome, seconds(&reply)), (&Outcome::Invalid, Some(9)));
    let beside_good = message(vec![short.clone(), tlsa(OWNER, 9, 3, &[1]), short]);
    let reply = read(OWNER, RecordKind::Tlsa, &beside_good);
    assert_eq!(reply.outcome, Outcome::Found(vec![record(3, &[1])]));
}

#[test]
fn associations_are_found_behind_aliases_of_any_name() {
    for target in ["_dane.example", "b.example", "*.x y.example"] {
        let chain = message(vec![alias(OWNER, 5, target), tlsa(target, 9, 3, &[1])]);
        let reply = Walk::from(name(OWNER), RecordKind::Tlsa).message(&chain, true).unwrap();
        assert_eq!((&reply.outcome, seconds(&reply)), (&Outcome::Found(vec![record(3, &[1])]), Some(5)));
        assert!(reply.secure);
    }
}

#[test]
fn an_alias_to_nothing_is_validated_and_not_found() {
    let mut nothing = message(vec![alias(OWNER, 5, "gone.example")]);
    nothing.metadata.response_code = ResponseCode::NXDomain;
    nothing.authorities.push(soa(60, 30));
    for secure in [true, false] {
        let reply = Walk::from(name(OWNER), RecordKind::Tlsa).message(&nothing, secure).unwrap();
        assert_eq!((&reply.outcome, reply.secure, seconds(&reply)), (&Outcome::NxDomain, secure, Some(5)));
    }
}

#[test]
fn a_question_about_an_alias_does_not_follow_it() {
    let chain = || message(vec![alias("a.example", 7, "B.example"), alias("b.example", 5, "c.example")]);
    for secure in [true, false] {
        let reply = Walk::from(name("a.example"), RecordKind::Cname).message(&chain(), secure).unwrap();
        assert_eq!(reply.outcome, Outcome::Found(vec![Record::Alias(host("b.example"))]));
        assert_eq!((reply.secure, seconds(&reply), reply.canonical), (secure, Some(7), None));
    }
    let ring = message(vec![alias("a.example", 7, "a.example")]);
    let reply = read("a.example", RecordKind::Cname, &ring);
    assert_eq!(reply.outcome, Outcome::Found(vec![Record::Alias(host("a.example"))]));
    let odd = message(vec![alias("a.example", 7, "x y.example")]);
    assert_eq!(read("a.example", RecordKind::Cname, &odd).outcome, Outcome::Invalid);
    let no_alias = message(vec![a("a.example", 7, 1)]);
    assert_eq!(read("a.example", RecordKind::Cname, &no_alias).outcome, Outcome::NoData);
}
