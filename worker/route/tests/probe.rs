//! Whether the servers validate, as `dnssec_probe` finds out.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy.toml's rule for tests does not see functions outside them"
)]

mod fake_server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fake_server::{Act, FakeServer, rcode, reply, with_soa};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use route::dns::{AdTrust, Budget, Probe, ProbeResult, Resolver, ResolverOptions, Source};

/// Long enough never to matter where an answer is expected, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For tests in which nobody answers: short, because all of it is waited for.
const HASTY: Duration = Duration::from_millis(100);

fn resolver(servers: &[SocketAddr], timeout: Duration) -> Resolver {
    let source = Source::Servers { servers: servers.to_vec(), timeout, attempts: 1 };
    Resolver::new(ResolverOptions { source, trust: AdTrust::Local, cache_size: 16 })
}

fn budget() -> Budget {
    let now = Instant::now();
    Budget { now, until: now + PATIENT, per_lookup: PATIENT }
}

#[tokio::test]
async fn a_probe_shows_whether_the_servers_validate() {
    let far: SocketAddr = ([192, 0, 2, 53], 53).into();
    let probe = Probe::parse("mx:a.example").unwrap().unwrap();
    for (ad, with_far, want) in [
        (true, false, ProbeResult::Validates),
        (false, false, ProbeResult::DoesNotValidate),
        (true, true, ProbeResult::DoesNotValidate),
    ] {
        let server = FakeServer::start(move |_, question| {
            let mut message = reply(question, vec![fake_server::mx("a.example", 0, "b.example")]);
            message.metadata.authentic_data = ad;
            Act::Say(message)
        })
        .await;
        let far = with_far.then_some(far);
        let servers: Vec<_> = [Some(server.address), far].into_iter().flatten().collect();
        let resolver = resolver(&servers, PATIENT);
        assert_eq!(resolver.probe(&probe, budget()).await, want);
        assert_eq!(resolver.probe(&probe, budget()).await, want);
        assert_eq!(server.asked().len(), 2, "never from the cache");
    }
}

#[tokio::test]
async fn a_probe_without_an_answer_shows_nothing() {
    let probe = Probe::parse("ns:.").unwrap().unwrap();
    let failing = FakeServer::start(|_, question| Act::Say(rcode(question, ResponseCode::ServFail))).await;
    let empty =
        FakeServer::start(|_, question| Act::Say(with_soa(rcode(question, ResponseCode::NoError), 30))).await;
    let silent = FakeServer::start(|_, _| Act::Silent).await;
    for (server, patience) in [(&failing, PATIENT), (&empty, PATIENT), (&silent, HASTY)] {
        let resolver = resolver(&[server.address], patience);
        assert_eq!(resolver.probe(&probe, budget()).await, ProbeResult::Unknown);
        let asked = server.asked();
        assert_eq!((asked[0].name.as_str(), asked[0].kind, asked[0].ad), (".", RecordType::NS, true));
    }
    let nobody = resolver(&[], PATIENT);
    assert_eq!(nobody.probe(&probe, budget()).await, ProbeResult::Unknown);
}
