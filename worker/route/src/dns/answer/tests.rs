//! Messages of every shape, and what they lead to.

use hickory_resolver::proto::op::OpCode;
use hickory_resolver::proto::rr::Record as Wire;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, SOA};

use super::*;

mod dane;

/// A name whose labels are what stands between the dots; empty is the root.
fn name(text: &str) -> Name {
    let labels = text.split('.').filter(|label| !label.is_empty()).map(str::as_bytes);
    let mut name = Name::from_labels(labels).unwrap();
    name.set_fqdn(true);
    name
}

fn mx(owner: &str, ttl: u32, preference: u16, target: &str) -> Wire {
    Wire::from_rdata(name(owner), ttl, RData::MX(MX::new(preference, name(target))))
}

fn a(owner: &str, ttl: u32, last: u8) -> Wire {
    Wire::from_rdata(name(owner), ttl, RData::A(A::new(192, 0, 2, last)))
}

fn alias(owner: &str, ttl: u32, target: &str) -> Wire {
    Wire::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
}

fn soa(ttl: u32, minimum: u32) -> Wire {
    let soa = SOA::new(name("ns.example"), name("root.example"), 1, 2, 3, 4, minimum);
    Wire::from_rdata(name("example"), ttl, RData::SOA(soa))
}

fn message(answers: Vec<Wire>) -> Message {
    let mut message = Message::response(1, OpCode::Query);
    message.answers = answers;
    message
}

/// The reply to one message, which must be enough.
fn read(asked: &str, kind: RecordKind, message: &Message) -> Reply {
    Walk::from(name(asked), kind).message(message, false).unwrap()
}

fn address(last: u8) -> Record {
    Record::Address([192, 0, 2, last].into())
}

fn host(text: &str) -> HostName {
    HostName::parse(text, Utf8Names::Refused).unwrap()
}

fn exchanger(preference: u16, target: &str) -> Record {
    Record::Mx { preference, target: Host::Name(host(target)) }
}

fn seconds(reply: &Reply) -> Option<u64> {
    reply.ttl.map(|ttl| ttl.as_secs())
}

#[test]
fn records_of_the_name_and_kind_count_and_no_others() {
    let six = Wire::from_rdata(name("a.example"), 5, RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)));
    let all = message(vec![a("A.Example", 9, 1), six, a("b.example", 1, 2), a("a.example", 8, 3)]);
    let reply = read("a.example", RecordKind::A, &all);
    assert_eq!(reply.outcome, Outcome::Found(vec![address(1), address(3)]));
    assert_eq!((seconds(&reply), reply.canonical), (Some(8), None));
    let reply = read("a.example", RecordKind::Aaaa, &all);
    assert_eq!(reply.outcome, Outcome::Found(vec![Record::Address("2001:db8::1".parse().unwrap())]));
    assert_eq!(seconds(&reply), Some(5));
}

#[test]
fn targets_are_checked_and_bad_ones_skipped() {
    let long = [["a"; 63].concat().as_str(); 4].join(".");
    for bad in
        ["a b.example", "*.example", "a\nb.example", "-a.example", "b\u{fc}cher.example", "12345", &long]
    {
        if bad == long {
            // Not even a DNS name, so it cannot come off the wire.
            assert!(Name::from_labels(bad.split('.').map(str::as_bytes)).is_err());
            continue;
        }
        let both = message(vec![mx("example.org", 9, 10, bad), mx("example.org", 9, 20, "MX.Example")]);
        let reply = read("example.org", RecordKind::Mx, &both);
        assert_eq!(reply.outcome, Outcome::Found(vec![exchanger(20, "mx.example")]), "{bad:?}");
        let alone = message(vec![mx("example.org", 9, 10, bad)]);
        assert_eq!(read("example.org", RecordKind::Mx, &alone).outcome, Outcome::Invalid, "{bad:?}");
    }
    // One label with a dot inside is not two labels.
    let mut dotted = Name::from_labels([b"a.b".as_slice(), b"example"]).unwrap();
    dotted.set_fqdn(true);
    let escaped = Wire::from_rdata(name("example.org"), 9, RData::MX(MX::new(10, dotted)));
    assert_eq!(read("example.org", RecordKind::Mx, &message(vec![escaped])).outcome, Outcome::Invalid);
}

#[test]
fn a_number_as_exchanger_is_an_address() {
    let reply = read("example.org", RecordKind::Mx, &message(vec![mx("example.org", 9, 10, "192.0.2.1")]));
    let target = Host::Address([192, 0, 2, 1].into());
    assert_eq!(reply.outcome, Outcome::Found(vec![Record::Mx { preference: 10, target }]));
}

#[test]
fn one_null_mx_counts_for_all() {
    let alone = message(vec![mx("example.org", 9, 0, "")]);
    let mixed = message(vec![mx("example.org", 9, 10, "mx.example"), mx("example.org", 9, 20, "")]);
    let mut last = message((0..200).map(|n| mx("example.org", 9, n, "mx.example")).collect());
    last.answers.push(mx("example.org", 7, 0, ""));
    let first = message(vec![mx("example.org", 9, 0, ""), mx("example.org", 9, 10, "mx.example")]);
    for message in [alone, mixed, first, last] {
        assert_eq!(read("example.org", RecordKind::Mx, &message).outcome, Outcome::NullMx);
    }
}

#[test]
fn long_lists_are_cut() {
    for (number, want) in [(MOST_RECORDS, MOST_RECORDS), (MOST_RECORDS + 1, MOST_RECORDS)] {
        let many = message((0..number).map(|n| mx("example.org", 9, n as u16, "mx.example")).collect());
        let Outcome::Found(records) = read("example.org", RecordKind::Mx, &many).outcome else { panic!() };
        assert_eq!(records.len(), want);
        assert_eq!(records[0], exchanger(0, "mx.example"));
    }
}

#[test]
fn aliases_are_followed_in_any_order() {
    let chain = message(vec![
        a("c.example", 60, 1),
        alias("b.example", 50, "c.example"),
        alias("a.example", 70, "b.example"),
    ]);
    let reply = read("a.example", RecordKind::A, &chain);
    assert_eq!(reply.outcome, Outcome::Found(vec![address(1)]));
    assert_eq!((seconds(&reply), reply.canonical), (Some(50), Some(host("c.example"))));
}

fn chain(links: usize) -> Vec<Wire> {
    (0..links).map(|n| alias(&format!("l{n}.example"), 9, &format!("l{}.example", n + 1))).collect()
}

#[test]
fn chains_end_after_ten_aliases() {
    for (links, found) in [(MOST_ALIASES, true), (MOST_ALIASES + 1, false)] {
        let mut answers = chain(links);
        answers.push(a(&format!("l{links}.example"), 9, 1));
        let reply = read("l0.example", RecordKind::A, &message(answers));
        let want = if found { Outcome::Found(vec![address(1)]) } else { Outcome::AliasLoop };
        assert_eq!(reply.outcome, want, "{links}");
    }
    let ring = message(vec![alias("a.example", 9, "b.example"), alias("b.example", 9, "a.example")]);
    assert_eq!(read("a.example", RecordKind::A, &ring).outcome, Outcome::AliasLoop);
}

#[test]
fn a_chain_may_come_in_pieces() {
    let mut walk = Walk::from(name("l0.example"), RecordKind::A);
    for link in chain(MOST_ALIASES) {
        assert_eq!(walk.message(&message(vec![link]), true), None);
    }
    assert_eq!(walk.at(), &name(&format!("l{MOST_ALIASES}.example")));
    let last = message(vec![a(&format!("l{MOST_ALIASES}.example"), 3, 1)]);
    let reply = walk.message(&last, true).unwrap();
    assert_eq!((reply.outcome, reply.secure), (Outcome::Found(vec![address(1)]), true));

    let mut ring = Walk::from(name("a.example"), RecordKind::A);
    let replies =
        (0..=MOST_ALIASES).map(|_| ring.message(&message(vec![alias("a.example", 9, "a.example")]), true));
    assert_eq!(replies.flatten().next().map(|reply| reply.outcome), Some(Outcome::AliasLoop));
}

#[test]
fn every_piece_must_be_secure() {
    for (first, second, want) in [(true, true, true), (true, false, false), (false, true, false)] {
        let mut walk = Walk::from(name("a.example"), RecordKind::A);
        assert_eq!(walk.message(&message(vec![alias("a.example", 9, "b.example")]), first), None);
        let reply = walk.message(&message(vec![a("b.example", 9, 1)]), second).unwrap();
        assert_eq!(reply.secure, want);
    }
}

#[test]
fn an_alias_to_nothing_is_not_found() {
    let mut nothing = message(vec![alias("a.example", 40, "b.example")]);
    nothing.metadata.response_code = ResponseCode::NXDomain;
    let reply = read("a.example", RecordKind::A, &nothing);
    assert_eq!((reply.outcome, reply.ttl), (Outcome::NxDomain, None), "without SOA not to be kept");
    nothing.authorities.push(soa(60, 30));
    let reply = read("a.example", RecordKind::A, &nothing);
    assert_eq!((&reply.outcome, seconds(&reply)), (&Outcome::NxDomain, Some(30)));
}

#[test]
fn an_alias_to_no_data_ends_where_the_server_says_so() {
    let mut end = message(vec![alias("a.example", 20, "b.example")]);
    end.authorities.push(soa(60, 30));
    let reply = read("a.example", RecordKind::A, &end);
    assert_eq!((&reply.outcome, seconds(&reply)), (&Outcome::NoData, Some(20)));
    let foreign = message(vec![a("c.example", 9, 1)]);
    assert_eq!(read("a.example", RecordKind::A, &foreign).outcome, Outcome::NoData, "what nobody asked for");
}

#[test]
fn an_alias_to_what_is_no_host_name_is_invalid() {
    let odd = message(vec![alias("a.example", 9, "x y.example"), a("x y.example", 9, 1)]);
    let reply = read("a.example", RecordKind::A, &odd);
    assert_eq!((reply.outcome, reply.canonical), (Outcome::Invalid, None));
}

#[test]
fn ttls_beyond_31_bits_are_zero() {
    let reply = read("a.example", RecordKind::A, &message(vec![a("a.example", 1 << 31, 1)]));
    assert_eq!(seconds(&reply), Some(0));
    let reply = read("a.example", RecordKind::A, &message(vec![a("a.example", (1 << 31) - 1, 1)]));
    assert_eq!(seconds(&reply), Some((1 << 31) - 1));
}

/// Remembers what it was asked.
#[derive(Debug, Default)]
struct Listener(std::sync::Mutex<Vec<String>>);

impl RecordFilter for Listener {
    fn action(&self, record: &str) -> Result<Option<String>, String> {
        self.0.lock().unwrap().push(record.to_owned());
        Ok(None)
    }
}

#[test]
fn a_filter_sees_records_as_a_zone_file_has_them() {
    use hickory_resolver::proto::rr::rdata::SRV;
    let srv = Wire::from_rdata(name("a.example"), 9, RData::SRV(SRV::new(1, 2, 3, name("b.example"))));
    let aaaa = Wire::from_rdata(name("b.example"), 7, RData::AAAA(AAAA("2001:db8::1".parse().unwrap())));
    for (kind, answers, seen) in [
        (RecordKind::Mx, vec![mx("a.example", 5, 10, "B.example")], "a.example. 5 IN MX 10 b.example."),
        (
            RecordKind::A,
            vec![alias("a.example", 9, "b.example"), a("b.example", 7, 1)],
            "b.example. 7 IN A 192.0.2.1",
        ),
        (
            RecordKind::Aaaa,
            vec![alias("a.example", 9, "b.example"), aaaa],
            "b.example. 7 IN AAAA 2001:db8::1",
        ),
        (RecordKind::Srv, vec![srv], "a.example. 9 IN SRV 1 2 3 b.example."),
    ] {
        let listener = Listener::default();
        let walk = Walk::from(name("a.example"), kind).filtered(Some(&listener));
        let reply = { walk }.message(&message(answers), false).unwrap();
        assert!(matches!(reply.outcome, Outcome::Found(_)), "{reply:?}");
        assert_eq!(*listener.0.lock().unwrap(), [seen]);
    }
}
