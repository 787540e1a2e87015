//! The resolver against a DNS server in this process: what arrives as what.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml's rule for tests does not see functions outside them"
)]

mod fake_server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fake_server::{Act, Asked, FakeServer, Over, a, alias, mx, rcode, reply, with_soa};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use route::dns::{
    AdTrust, Budget, Lookup, Outcome, Record, RecordKind, Reply, Resolver, ResolverOptions, Source, Trouble,
};
use route::{Families, Host, HostName, Utf8Names};

/// Long enough never to matter where an answer is expected, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For tests in which nobody answers: short, because all of it is waited for.
const HASTY: Duration = Duration::from_millis(100);

fn resolver(servers: &[SocketAddr], timeout: Duration, attempts: u32, trust: AdTrust) -> Resolver {
    let source = Source::Servers { servers: servers.to_vec(), timeout, attempts };
    Resolver::new(ResolverOptions { source, trust, cache_size: 16 })
}

fn host(text: &str) -> HostName {
    HostName::parse(text, Utf8Names::Refused).unwrap()
}

fn budget() -> Budget {
    let now = Instant::now();
    Budget { now, until: now + PATIENT, per_lookup: PATIENT }
}

async fn ask(resolver: &Resolver, name: &str, kind: RecordKind) -> Reply {
    resolver.query(&host(name), kind, budget()).await
}

/// One patient resolver over one server with this script; the reply, and what the server was asked.
async fn one(
    kind: RecordKind,
    script: impl Fn(&Asked, &Message) -> Act + Send + Sync + 'static,
) -> (Reply, Vec<Asked>) {
    let server = FakeServer::start(script).await;
    let resolver = resolver(&[server.address], PATIENT, 2, AdTrust::Never);
    let reply = ask(&resolver, "a.example", kind).await;
    (reply, server.asked())
}

fn found(last: u8) -> Outcome {
    Outcome::Found(vec![Record::Address([192, 0, 2, last].into())])
}

#[tokio::test]
async fn questions_are_absolute_and_understand_ad() {
    let (got, asked) =
        one(RecordKind::A, |_, question| Act::Say(reply(question, vec![a("a.example", 1)]))).await;
    assert_eq!((got.outcome, got.ttl), (found(1), Some(Duration::from_secs(300))));
    let [Asked { name, kind, over, ad, payload }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((name.as_str(), *kind, *over), ("a.example.", RecordType::A, Over::Udp));
    assert_eq!((*ad, *payload), (true, Some(1232)));
}

#[tokio::test]
async fn exchangers_come_with_their_preference() {
    let (got, _) = one(RecordKind::Mx, |_, question| {
        Act::Say(reply(question, vec![mx("a.example", 20, "B.example"), mx("a.example", 10, "x y.example")]))
    })
    .await;
    let target = Host::Name(host("b.example"));
    assert_eq!(got.outcome, Outcome::Found(vec![Record::Mx { preference: 20, target }]));
}

#[tokio::test]
async fn a_null_mx_is_told() {
    let (got, _) =
        one(RecordKind::Mx, |_, question| Act::Say(reply(question, vec![mx("a.example", 0, "")]))).await;
    assert_eq!(got.outcome, Outcome::NullMx);
}

#[tokio::test]
async fn not_found_is_told_apart_and_has_the_zones_ttl() {
    for (code, want) in
        [(ResponseCode::NXDomain, Outcome::NxDomain), (ResponseCode::NoError, Outcome::NoData)]
    {
        let (got, asked) =
            one(RecordKind::Mx, move |_, question| Act::Say(with_soa(rcode(question, code), 30))).await;
        assert_eq!((&got.outcome, got.ttl), (&want, Some(Duration::from_secs(30))));
        assert_eq!(asked.len(), 1);
        let (got, _) = one(RecordKind::Mx, move |_, question| Act::Say(rcode(question, code))).await;
        assert_eq!((got.outcome, got.ttl), (want, None), "without SOA not to be kept");
    }
}

#[tokio::test]
async fn failures_of_the_server_may_pass_and_are_not_repeated_to_it() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        let (got, asked) = one(RecordKind::A, move |_, question| Act::Say(rcode(question, code))).await;
        assert_eq!(got.outcome, Outcome::Temporary(Trouble::Rcode(code.into())));
        assert_eq!(asked.len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_edns_is_asked_without() {
    let (got, asked) = one(RecordKind::A, |asked, question| {
        Act::Say(match asked.payload {
            Some(_) => rcode(question, ResponseCode::FormErr),
            None => reply(question, vec![a("a.example", 1)]),
        })
    })
    .await;
    assert_eq!(got.outcome, found(1));
    assert_eq!(asked.iter().map(|asked| asked.payload).collect::<Vec<_>>(), [Some(1232), None]);
    assert!(asked.iter().all(|asked| asked.ad));
}

#[tokio::test]
async fn formerr_is_for_good() {
    let (got, _) = one(RecordKind::A, |_, question| Act::Say(rcode(question, ResponseCode::FormErr))).await;
    assert_eq!(got.outcome, Outcome::Unrecoverable(1));
}

#[tokio::test]
async fn nobody_answers() {
    let server = FakeServer::start(|_, _| Act::Silent).await;
    let resolver = resolver(&[server.address], HASTY, 1, AdTrust::Never);
    assert_eq!(
        ask(&resolver, "a.example", RecordKind::A).await.outcome,
        Outcome::Temporary(Trouble::Timeout)
    );
    assert!(!server.asked().is_empty());
}

#[tokio::test]
async fn the_budget_of_the_request_ends_every_lookup() {
    let server = FakeServer::start(|_, _| Act::Silent).await;
    let resolver = resolver(&[server.address], PATIENT, 5, AdTrust::Never);
    let now = Instant::now();
    for budget in [
        Budget { now, until: now, per_lookup: PATIENT },
        Budget { now, until: now + HASTY, per_lookup: PATIENT },
        Budget { now, until: now + PATIENT, per_lookup: HASTY },
    ] {
        // If the budget did not count, this would take the server's whole minute.
        let (name, half) = (host("a.example"), PATIENT / 2);
        let reply = tokio::time::timeout(half, resolver.query(&name, RecordKind::A, budget)).await.unwrap();
        assert_eq!(reply.outcome, Outcome::Temporary(Trouble::Timeout));
    }
}

#[tokio::test]
async fn a_silent_first_server_does_not_hide_the_second() {
    let silent = FakeServer::start(|_, _| Act::Silent).await;
    let speaks = FakeServer::start(|_, question| Act::Say(reply(question, vec![a("a.example", 2)]))).await;
    let resolver = resolver(&[silent.address, speaks.address], HASTY, 100, AdTrust::Never);
    assert_eq!(ask(&resolver, "a.example", RecordKind::A).await.outcome, found(2));
    assert!(!silent.asked().is_empty(), "the first one is asked first");
}

#[tokio::test]
async fn a_failing_first_server_does_not_hide_the_second() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        let fails = FakeServer::start(move |_, question| Act::Say(rcode(question, code))).await;
        let speaks =
            FakeServer::start(|_, question| Act::Say(reply(question, vec![a("a.example", 2)]))).await;
        let resolver = resolver(&[fails.address, speaks.address], PATIENT, 2, AdTrust::Never);
        assert_eq!(ask(&resolver, "a.example", RecordKind::A).await.outcome, found(2));
        assert_eq!((fails.asked().len(), speaks.asked().len()), (1, 1));
    }
}

#[tokio::test]
async fn servers_are_asked_one_at_a_time_in_order() {
    let first = FakeServer::start(|_, question| Act::Say(reply(question, vec![a("a.example", 1)]))).await;
    let second = FakeServer::start(|_, question| Act::Say(reply(question, vec![a("a.example", 2)]))).await;
    let resolver = resolver(&[first.address, second.address], PATIENT, 2, AdTrust::Never);
    assert_eq!(ask(&resolver, "a.example", RecordKind::A).await.outcome, found(1));
    assert_eq!((first.asked().len(), second.asked().len()), (1, 0));
}

#[tokio::test]
async fn sixty_records_come_over_tcp() {
    let (got, asked) = one(RecordKind::Mx, |asked, question| {
        let answers =
            (0..60).map(|n| mx("a.example", n, &format!("mx{n}.a-rather-long-name.example"))).collect();
        let mut full = reply(question, answers);
        if asked.over == Over::Udp {
            full.answers.clear();
            full.metadata.truncation = true;
        }
        Act::Say(full)
    })
    .await;
    let Outcome::Found(records) = got.outcome else { panic!("{got:?}") };
    assert_eq!(records.len(), 60);
    assert_eq!(asked.iter().map(|asked| asked.over).collect::<Vec<_>>(), [Over::Udp, Over::Tcp]);
}

#[tokio::test]
async fn aliases_lead_to_the_canonical_name() {
    let (got, asked) = one(RecordKind::A, |_, question| {
        let answers =
            vec![alias("a.example", "b.example"), alias("b.example", "c.example"), a("c.example", 3)];
        Act::Say(reply(question, answers))
    })
    .await;
    assert_eq!((got.outcome, got.canonical), (found(3), Some(host("c.example"))));
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn aliases_without_their_targets_are_asked_on() {
    let (got, asked) = one(RecordKind::A, |asked, question| {
        Act::Say(match asked.name.as_str() {
            "a.example." => reply(question, vec![alias("a.example", "b.example")]),
            "b.example." => reply(question, vec![alias("b.example", "c.example")]),
            _ => reply(question, vec![a("c.example", 3)]),
        })
    })
    .await;
    assert_eq!((got.outcome, got.canonical), (found(3), Some(host("c.example"))));
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_ring_of_aliases_ends() {
    let (got, asked) = one(RecordKind::A, |asked, question| {
        let other = if asked.name == "a.example." { "b.example" } else { "a.example" };
        Act::Say(reply(question, vec![alias(&asked.name, other)]))
    })
    .await;
    assert_eq!(got.outcome, Outcome::AliasLoop);
    assert_eq!(asked.len(), route::dns::MOST_ALIASES + 1);
}

#[tokio::test]
async fn an_alias_to_nothing_is_not_found() {
    let (got, _) = one(RecordKind::A, |_, question| {
        let mut message = reply(question, vec![alias("a.example", "gone.example")]);
        message.metadata.response_code = ResponseCode::NXDomain;
        Act::Say(with_soa(message, 30))
    })
    .await;
    assert_eq!((got.outcome, got.ttl), (Outcome::NxDomain, Some(Duration::from_secs(30))));
}

/// The question's id and question, then what cannot be read: an answer that ends in the middle.
fn torn(question: &Message) -> Vec<u8> {
    let mut packet = reply(question, vec![mx("a.example", 10, "b.example")]).to_vec().unwrap();
    packet.truncate(packet.len() - 3);
    packet
}

#[tokio::test]
async fn garbage_may_pass() {
    let (got, _) = one(RecordKind::Mx, |_, question| Act::Raw(vec![torn(question)])).await;
    assert!(matches!(got.outcome, Outcome::Temporary(Trouble::Malformed(_))), "{got:?}");
    assert_eq!(got.ttl, None);
}

#[tokio::test]
async fn after_garbage_the_server_is_asked_again() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let (got, _) = one(RecordKind::Mx, move |_, question| {
        match first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Act::Raw(vec![torn(question)]),
            false => Act::Say(reply(question, vec![mx("a.example", 0, "")])),
        }
    })
    .await;
    assert_eq!(got.outcome, Outcome::NullMx);
}

#[tokio::test]
async fn forged_replies_are_passed_over() {
    let (got, _) = one(RecordKind::A, |_, question| {
        let good = reply(question, vec![a("a.example", 1)]);
        let mut wrong_id = reply(question, vec![a("a.example", 66)]);
        wrong_id.metadata.id = wrong_id.metadata.id.wrapping_add(1);
        let mut wrong_name = reply(question, vec![a("a.example", 67)]);
        wrong_name.queries[0].name = fake_server::name("b.example");
        let forged = [wrong_id, wrong_name].map(|message| message.to_vec().unwrap());
        Act::Raw([vec![vec![0xff]], forged.to_vec(), vec![good.to_vec().unwrap()]].concat())
    })
    .await;
    assert_eq!(got.outcome, found(1));
}

#[tokio::test]
async fn ad_counts_only_if_the_server_is_believed() {
    for (trust, said, want) in [
        (AdTrust::Local, true, true),
        (AdTrust::Local, false, false),
        (AdTrust::Always, true, true),
        (AdTrust::Never, true, false),
    ] {
        let server = FakeServer::start(move |_, question| {
            let mut message = reply(question, vec![a("a.example", 1)]);
            message.metadata.authentic_data = said;
            Act::Say(message)
        })
        .await;
        let resolver = resolver(&[server.address], PATIENT, 2, trust);
        assert_eq!(ask(&resolver, "a.example", RecordKind::A).await.secure, want, "{trust:?} {said}");
    }
}

#[tokio::test]
async fn answers_are_kept_as_long_as_they_are_true() {
    let server = FakeServer::start(|asked, question| match asked.name.as_str() {
        "a.example." => Act::Say(reply(question, vec![a("a.example", 1)])),
        "no.example." => Act::Say(with_soa(rcode(question, ResponseCode::NXDomain), 30)),
        _ => Act::Say(rcode(question, ResponseCode::ServFail)),
    })
    .await;
    let start = budget();
    let later = |seconds| Budget { now: start.now + Duration::from_secs(seconds), ..start };
    // Name, when it is asked again, how often the server is asked in all.
    for (name, seconds, questions) in [
        ("a.example", 299, 1),
        ("a.example", 300, 2),
        ("no.example", 29, 1),
        ("no.example", 30, 2),
        ("bad.example", 0, 2),
    ] {
        let before = server.asked().len();
        let resolver = resolver(&[server.address], PATIENT, 1, AdTrust::Never);
        let first = resolver.query(&host(name), RecordKind::A, start).await;
        let second = resolver.query(&host(name), RecordKind::A, later(seconds)).await;
        assert_eq!(first.outcome, second.outcome);
        assert_eq!(server.asked().len() - before, questions, "{name} after {seconds} s");
    }
}

#[tokio::test]
async fn questions_at_the_same_time_do_not_mix() {
    let server = FakeServer::start(|asked, question| {
        let number = asked.name.trim_start_matches('h').split('.').next().unwrap().parse().unwrap();
        Act::Say(reply(question, vec![a(&asked.name, number)]))
    })
    .await;
    let resolver = std::sync::Arc::new(resolver(&[server.address], PATIENT, 2, AdTrust::Never));
    let asking: Vec<_> = (0..40_u8)
        .map(|number| {
            let resolver = std::sync::Arc::clone(&resolver);
            tokio::spawn(
                async move { ask(&resolver, &format!("h{number}.example"), RecordKind::A).await.outcome },
            )
        })
        .collect();
    for (number, asking) in (0..).zip(asking) {
        assert_eq!(asking.await.unwrap(), found(number));
    }
}

#[tokio::test]
async fn no_server_at_all_may_pass() {
    let resolver = resolver(&[], PATIENT, 2, AdTrust::Local);
    let got = ask(&resolver, "a.example", RecordKind::A).await;
    assert!(matches!(got.outcome, Outcome::Temporary(Trouble::Network(_))), "{got:?}");
    assert!(!got.secure);
}

#[tokio::test]
async fn the_system_knows_this_machine() {
    let resolver = resolver(&[], PATIENT, 2, AdTrust::Never);
    let v4 = resolver.system(&host("localhost"), Families::Ipv4, budget()).await.unwrap();
    assert!(v4.contains(&[127, 0, 0, 1].into()), "{v4:?}");
    assert!(v4.iter().all(|address| address.is_ipv4()));
}
