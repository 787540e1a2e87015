//! TLSA records through the resolver, against a DNS server in this process that lies, drops and cuts short.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml's rule for tests does not see functions outside them"
)]

mod fake_server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fake_server::{Act, Asked, FakeServer, Over, a, alias, push_tlsa, rcode, reply, validated, with_soa};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use route::dns::{AdTrust, Budget, Lookup, RecordKind, Resolver, ResolverOptions, Source};
use route::tlsa::{InsecureHosts, NoTlsa, Tlsa, TlsaFinding};
use route::{Candidate, DnsSupport, Endpoint, HostName, Utf8Names, tlsa};

/// Long enough never to matter where an answer is expected, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For tests in which nobody answers: short, because all of it is waited for.
const HASTY: Duration = Duration::from_millis(100);

fn resolver(servers: &[SocketAddr], timeout: Duration, trust: AdTrust) -> Resolver {
    let source = Source::Servers { servers: servers.to_vec(), timeout, attempts: 1 };
    Resolver::new(ResolverOptions { source, trust, cache_size: 16 })
}

fn budget() -> Budget {
    let now = Instant::now();
    Budget { now, until: now + PATIENT, per_lookup: PATIENT }
}

fn host(text: &str) -> HostName {
    HostName::parse(text, Utf8Names::Refused).unwrap()
}

fn candidate(canonical: Option<&str>, secure: bool) -> Candidate {
    Candidate {
        host: "a.example".into(),
        canonical: canonical.map(host),
        endpoint: Endpoint::Inet(([192, 0, 2, 1], 25).into()),
        preference: 0,
        best: true,
        secure,
    }
}

async fn find_with(resolver: &Resolver, candidate: &Candidate) -> TlsaFinding {
    tlsa::find(resolver, candidate, 25, InsecureHosts::Skipped, budget()).await
}

/// What a secure `a.example` has, according to a server near by that is waited for this long.
async fn find(server: &FakeServer, patience: Duration) -> TlsaFinding {
    let resolver = resolver(&[server.address], patience, AdTrust::Local);
    find_with(&resolver, &candidate(None, true)).await
}

fn failed(trouble: &str) -> TlsaFinding {
    let asked = host("_25._tcp.a.example");
    TlsaFinding::Failed { asked, kind: RecordKind::Tlsa, trouble: trouble.into() }
}

fn records(base: &str, records: Vec<Tlsa>) -> TlsaFinding {
    TlsaFinding::Records {
        base_domain: host(base),
        records,
        expires_in: tlsa::LONGEST_KEPT,
        ttl: Duration::from_secs(300),
    }
}

fn none(reason: NoTlsa) -> TlsaFinding {
    TlsaFinding::None { reason }
}

/// What [`push_tlsa`] writes.
fn association(octet: u8, length: u16) -> Tlsa {
    let data = vec![octet; usize::from(length) - 3];
    Tlsa { usage: octet, selector: octet, matching: octet, data }
}

/// A validated reply with records of these octets and lengths; in UDP, what does not fit is cut off.
fn say(asked: &Asked, question: &Message, records: &[(u8, u16)]) -> Act {
    let mut packet = validated(question, Vec::new()).to_vec().unwrap();
    for &(octet, length) in records {
        push_tlsa(&mut packet, octet, length);
    }
    if asked.over == Over::Udp && packet.len() > 1232 {
        return Act::Say(truncated(question));
    }
    Act::Raw(vec![packet])
}

fn truncated(question: &Message) -> Message {
    let mut message = validated(question, Vec::new());
    message.metadata.truncation = true;
    message
}

#[tokio::test]
async fn records_of_every_length_are_read_or_told_from_absence() {
    let unreadable = TlsaFinding::Unreadable {
        base_domain: host("a.example"),
        expires_in: tlsa::LONGEST_KEPT,
        ttl: Duration::from_secs(300),
    };
    for length in [0, 1, 2, 3, 4, 35, 36, 60_000] {
        let alone = FakeServer::start(move |asked, question| say(asked, question, &[(3, length)])).await;
        let beside = [(1, 35), (3, length), (2, 36)];
        let beside = FakeServer::start(move |asked, question| say(asked, question, &beside)).await;
        let (good, better) = (association(1, 35), association(2, 36));
        let (want_alone, want_beside) = match length {
            // One without its three numbers makes the whole reply unreadable.
            0..=2 => (failed("malformed or truncated reply"), failed("malformed or truncated reply")),
            3 => (unreadable.clone(), records("a.example", vec![good, better])),
            _ => {
                let this = association(3, length);
                let all = vec![good, this.clone(), better];
                (records("a.example", vec![this]), records("a.example", all))
            }
        };
        assert_eq!(find(&alone, PATIENT).await, want_alone, "{length} octets");
        assert_eq!(find(&beside, PATIENT).await, want_beside, "{length} octets beside others");
    }
}

#[tokio::test]
async fn a_set_has_its_bound() {
    let server = FakeServer::start(|asked, question| say(asked, question, &[(3, 35); 1000])).await;
    let want = vec![association(3, 35); route::dns::MOST_RECORDS];
    assert_eq!(find(&server, PATIENT).await, records("a.example", want));
}

#[tokio::test]
async fn who_drops_only_tlsa_questions_does_not_turn_dane_off() {
    let server = FakeServer::start(|asked, question| {
        if asked.name.starts_with("_25._tcp.") {
            return Act::Silent;
        }
        Act::Say(validated(question, vec![a("a.example", 1)]))
    })
    .await;
    let patient = resolver(&[server.address], PATIENT, AdTrust::Local);
    let address = patient.query(&host("a.example"), RecordKind::A, budget()).await;
    let hasty = resolver(&[server.address], HASTY, AdTrust::Local);
    assert_eq!(find_with(&hasty, &candidate(None, address.secure)).await, failed("timeout"));
    assert!(server.asked().iter().any(|asked| asked.kind == RecordType::TLSA));
}

#[tokio::test]
async fn who_drops_questions_about_the_alias_does_not_either() {
    let server = FakeServer::start(|_, _| Act::Silent).await;
    let resolver = resolver(&[server.address], HASTY, AdTrust::Local);
    let want =
        TlsaFinding::Failed { asked: host("a.example"), kind: RecordKind::Cname, trouble: "timeout".into() };
    assert_eq!(find_with(&resolver, &candidate(Some("b.example"), false)).await, want);
}

#[tokio::test]
async fn servfail_refusal_and_formerr_are_not_absence() {
    for (code, trouble) in [
        (ResponseCode::ServFail, "server failure"),
        (ResponseCode::Refused, "refused with rcode 5"),
        (ResponseCode::NotImp, "refused with rcode 4"),
        (ResponseCode::FormErr, "refused with rcode 1"),
    ] {
        let server = FakeServer::start(move |_, question| Act::Say(rcode(question, code))).await;
        assert_eq!(find(&server, PATIENT).await, failed(trouble));
    }
}

#[tokio::test]
async fn what_is_cut_short_and_cannot_be_had_over_tcp_is_not_absence() {
    let refused = FakeServer::without_tcp(|_, question| Act::Say(truncated(question))).await;
    let again = FakeServer::start(|_, question| Act::Say(truncated(question))).await;
    let silent = FakeServer::start(|asked, question| match asked.over {
        Over::Udp => Act::Say(truncated(question)),
        Over::Tcp => Act::Silent,
    })
    .await;
    assert_eq!(find(&refused, PATIENT).await, failed("malformed or truncated reply"));
    assert_eq!(find(&again, PATIENT).await, failed("malformed or truncated reply"));
    assert_eq!(find(&silent, HASTY).await, failed("timeout"));
}

#[tokio::test]
async fn absence_is_told_with_and_without_validation() {
    for (code, ad) in [
        (ResponseCode::NXDomain, true),
        (ResponseCode::NXDomain, false),
        (ResponseCode::NoError, true),
        (ResponseCode::NoError, false),
    ] {
        let server = FakeServer::start(move |_, question| {
            let mut message = with_soa(rcode(question, code), 30);
            message.metadata.authentic_data = ad;
            Act::Say(message)
        })
        .await;
        assert_eq!(find(&server, PATIENT).await, none(NoTlsa::NotFound));
    }
}

#[tokio::test]
async fn a_validated_alias_to_nothing_is_absence() {
    let server = FakeServer::start(|asked, question| {
        let mut message = validated(question, vec![alias(&asked.name, "gone.example")]);
        message.metadata.response_code = ResponseCode::NXDomain;
        Act::Say(with_soa(message, 30))
    })
    .await;
    assert_eq!(find(&server, PATIENT).await, none(NoTlsa::NotFound));
}

#[tokio::test]
async fn a_ring_of_aliases_is_not_absence() {
    let server = FakeServer::start(|asked, question| {
        let other = if asked.name == "_a.example." { "_b.example" } else { "_a.example" };
        Act::Say(validated(question, vec![alias(&asked.name, other)]))
    })
    .await;
    assert_eq!(find(&server, PATIENT).await, failed("too many aliases"));
    assert_eq!(server.asked().len(), route::dns::MOST_ALIASES + 1);
}

#[tokio::test]
async fn validation_by_a_far_server_is_not_believed() {
    let server = FakeServer::start(|asked, question| say(asked, question, &[(3, 35)])).await;
    let far: SocketAddr = ([192, 0, 2, 53], 53).into();
    let good = records("a.example", vec![association(3, 35)]);
    // The near one answers; that a far one might have is enough.
    for (servers, trust, want) in [
        (vec![server.address], AdTrust::Local, good.clone()),
        (vec![server.address, far], AdTrust::Local, none(NoTlsa::NotValidated)),
        (vec![server.address, far], AdTrust::Always, good),
        (vec![server.address], AdTrust::for_support(DnsSupport::Enabled), none(NoTlsa::NotValidated)),
    ] {
        let resolver = resolver(&servers, PATIENT, trust);
        assert_eq!(find_with(&resolver, &candidate(None, true)).await, want, "{servers:?} {trust:?}");
    }
    assert_eq!(AdTrust::for_support(DnsSupport::Dnssec), AdTrust::Local);
}

#[tokio::test]
async fn the_first_alias_is_asked_for_alone() {
    let server = FakeServer::start(|asked, question| match (asked.name.as_str(), asked.kind) {
        ("a.example.", RecordType::CNAME) => {
            Act::Say(validated(question, vec![alias("a.example", "b.example")]))
        }
        ("_25._tcp.a.example.", RecordType::TLSA) => say(asked, question, &[(3, 35)]),
        _ => Act::Say(reply(question, vec![alias("a.example", "b.example"), a("b.example", 1)])),
    })
    .await;
    let resolver = resolver(&[server.address], PATIENT, AdTrust::Local);
    let found = find_with(&resolver, &candidate(Some("b.example"), false)).await;
    assert_eq!(found, records("a.example", vec![association(3, 35)]));
    let asked: Vec<_> = server.asked().into_iter().map(|asked| (asked.name, asked.kind)).collect();
    let want = [("a.example.", RecordType::CNAME), ("_25._tcp.a.example.", RecordType::TLSA)];
    assert_eq!(asked, want.map(|(name, kind)| (name.to_owned(), kind)));
}

#[tokio::test]
async fn records_are_kept_for_a_hundred_seconds_at_most() {
    let server = FakeServer::start(|asked, question| say(asked, question, &[(3, 35)])).await;
    let resolver = resolver(&[server.address], PATIENT, AdTrust::Local);
    let start = budget();
    for (after, questions, expires_in) in [(0, 1, 100), (99, 1, 1), (100, 2, 100)] {
        let budget = Budget { now: start.now + Duration::from_secs(after), ..start };
        let host = candidate(None, true);
        let found = tlsa::find(&resolver, &host, 25, InsecureHosts::Skipped, budget).await;
        let TlsaFinding::Records { expires_in: kept, .. } = found else { panic!("{found:?}") };
        assert_eq!((server.asked().len(), kept.as_secs()), (questions, expires_in), "after {after} s");
    }
}
