//! At least one message of every variant, with every variant of every enum inside, all fields telling.

use proto::cache::{FromCache, ToCache};
use proto::clock::Boottime;
use proto::control::{FromRelay, QueuedMessage, QueuedRecipient, RelayStatistics, ToRelay};
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::{
    Body, CacheUse, Client, ClientSource, Fate, FromWorker, Notify, Purpose, Recipient, RecipientResult,
    Report, Request, Ret, SessionUse, Site, SmtpUtf8, Times, ToWorker,
};
use proto::key::{DestinationKey, DestinationScope, EndpointKey, EndpointScope, Needs};
use proto::orphan::OrphanRecord;
use proto::parked::{Label, Parked, Route, Taken};
use proto::secret::Secret;
use proto::steward::{Caps, FromSteward, Listed, Statistics, ToSteward};

fn secret() -> Secret {
    Secret::new(std::array::from_fn(|index| index as u8))
}

fn deposit_key(epoch: u32, byte: u8) -> DepositKey {
    DepositKey { epoch, key: Secret::new([byte; 32]) }
}

fn endpoint() -> EndpointKey {
    let scope = EndpointScope {
        service: "smtp",
        protocol: "smtp",
        address: "192.0.2.1",
        port: 25,
        bind: Some("192.0.2.2"),
        helo: "mail.example",
        introduction: "",
        sender: Some("s@example"),
        credential: Some(b"id"),
        proxy: Some("proxy"),
        tls_policy: &[3; 32],
        needs: Needs { smtputf8: true, requiretls: false },
    };
    EndpointKey::new(&secret(), &scope)
}

fn destination() -> DestinationKey {
    let scope = DestinationScope {
        service: "smtp",
        nexthop: "example.org",
        sender: Some("s@example"),
        credential: Some(b"id"),
        tls_policy: &[4; 32],
        needs: Needs { smtputf8: false, requiretls: true },
    };
    DestinationKey::new(&secret(), &scope)
}

fn label() -> Label {
    Label { service: "smtp".into(), nexthop: "example.org".into(), relay: "mx.example[192.0.2.1]:25".into() }
}

fn parked(route: Option<Route>) -> Parked {
    Parked {
        endpoint: endpoint(),
        route,
        label: label(),
        farewell: b"QUIT\r\n".to_vec(),
        idle_ms: 2000,
        retire_at: Boottime(300_000),
        uses_left: 99,
        pace_us: 1500,
        sealed: vec![1, 2, 3],
    }
}

fn taken(route: Option<Vec<u8>>) -> Taken {
    Taken {
        endpoint: endpoint(),
        route,
        retire_at: Boottime(300_000),
        uses_left: 98,
        pace_us: 1400,
        sealed: vec![4, 5],
    }
}

pub(crate) fn to_cache() -> Vec<ToCache> {
    let route = Route { destination: destination(), fresh_until: Boottime(1 << 40), sealed: vec![7, 8] };
    vec![
        ToCache::Hello { version: 1, pid: 4711 },
        ToCache::Park(parked(Some(route))),
        ToCache::PutBack(parked(None)),
        ToCache::TakeByDestination(destination()),
        ToCache::TakeByEndpoint(vec![endpoint()]),
    ]
}

pub(crate) fn from_cache() -> Vec<FromCache> {
    vec![
        FromCache::Hello { version: 1 },
        FromCache::Hit(taken(Some(vec![9]))),
        FromCache::Hit(taken(None)),
        FromCache::Miss,
        FromCache::Way { endpoint: endpoint(), sealed: vec![7, 8] },
    ]
}

fn caps() -> Caps {
    Caps { idle_ms: 2000, sessions: 5000, per_endpoint: 20, status_update_s: 600 }
}

pub(crate) fn to_steward() -> Vec<ToSteward> {
    vec![
        ToSteward::Hello { version: 1, caps: caps() },
        ToSteward::Client,
        ToSteward::Reconfigure(caps()),
        ToSteward::Flush(Some("example.org".into())),
        ToSteward::Flush(None),
        ToSteward::List(300),
        ToSteward::Statistics,
    ]
}

fn listed() -> Listed {
    Listed { label: label(), idle_ms: 1, expires_ms: 1999, uses_left: 3, parked_by: 4711 }
}

fn statistics() -> Statistics {
    Statistics {
        destination_hits: 1,
        destination_misses: 2,
        endpoint_hits: 3,
        endpoint_misses: 4,
        parked: 5,
        put_back: 6,
        handed_over: 7,
        expired: 8,
        evicted: 9,
        displaced: 10,
        flushed: 11,
        dropped_clients: 12,
        held: 13,
        peak: 14,
    }
}

pub(crate) fn from_steward() -> Vec<FromSteward> {
    vec![
        FromSteward::Hello { version: 1, sessions: 800 },
        FromSteward::Done(17),
        FromSteward::Page { sessions: vec![listed()], next: Some(200) },
        FromSteward::Page { sessions: vec![], next: None },
        FromSteward::Statistics(statistics()),
    ]
}

fn recipients() -> Vec<Recipient> {
    vec![
        Recipient {
            index: 1,
            address: "a@example.org".into(),
            original: "b@example.org".into(),
            orcpt: Some("rfc822;b@example.org".into()),
            notify: Some(Notify { success: true, failure: false, delay: true }),
        },
        Recipient {
            index: 2,
            address: "c@example.org".into(),
            original: String::new(),
            orcpt: None,
            notify: None,
        },
    ]
}

fn request(ret: Option<Ret>, body: Body) -> Request {
    Request {
        job: 5,
        purpose: if ret.is_some() { Purpose::Delivery } else { Purpose::Probe },
        queue_id: "4Xyz".into(),
        nexthop: "[mx.example]:25, example.org".into(),
        sender: "s@example".into(),
        envid: Some("e1".into()),
        ret,
        body,
        smtputf8: SmtpUtf8::Needed,
        client: Box::new(Client {
            name: "c.example".into(),
            address: "192.0.2.1".into(),
            port: "4711".into(),
            helo: "c".into(),
            protocol: "ESMTP".into(),
            ident: "3Xyz".into(),
            source: ClientSource::Remote,
        }),
        content_offset: 512,
        content_length: 4096,
        cache: CacheUse { load: true, store: false },
        times: Times { arrival: 1, active: 2, handed: 3 },
        recipient_count: 2,
        recipients: recipients(),
    }
}

pub(crate) fn to_worker() -> Vec<ToWorker> {
    let first = DepositKeys { current: deposit_key(1, 8), previous: None };
    let rotated = DepositKeys { current: deposit_key(300, 9), previous: Some(deposit_key(299, 8)) };
    vec![
        ToWorker::Hello { version: 1, secret: secret(), deposit: first },
        ToWorker::Cache,
        ToWorker::Recipients(recipients()),
        ToWorker::Deliver(request(Some(Ret::Full), Body::Unset)),
        ToWorker::Deliver(request(Some(Ret::Hdrs), Body::SevenBit)),
        ToWorker::Deliver(request(None, Body::EightBitMime)),
        ToWorker::Drain,
        ToWorker::Recorded,
        ToWorker::DepositKeys(rotated),
    ]
}

fn result(fate: Fate) -> RecipientResult {
    RecipientResult {
        index: 1,
        fate,
        status: "4.4.1".into(),
        reason: "connection refused".into(),
        remote_mta: Some("mx.example".into()),
        diagnostic: Some("451 later".into()),
    }
}

pub(crate) fn from_worker() -> Vec<FromWorker> {
    let dead = Site::Dead { status: "4.4.1".into(), reason: "no route".into() };
    let session = SessionUse { serial: 77, uses: 3, handovers: 2, handed_over: true };
    vec![
        FromWorker::Hello { version: 1 },
        FromWorker::Results(vec![
            result(Fate::Sent),
            result(Fate::Deferred),
            result(Fate::Bounced),
            result(Fate::Relayed),
            result(Fate::Delivered),
            result(Fate::Passed),
            result(Fate::Deliverable),
            result(Fate::Undeliverable),
        ]),
        FromWorker::Report(Report {
            job: 5,
            results: vec![result(Fate::Sent)],
            site: Site::Reached,
            session: Some(session),
            leaving: true,
        }),
        FromWorker::Report(Report { job: 6, results: vec![], site: dead, session: None, leaving: false }),
        FromWorker::CacheLost,
        FromWorker::Leaving,
    ]
}

pub(crate) fn to_relay() -> Vec<ToRelay> {
    vec![
        ToRelay::Hello { version: 1 },
        ToRelay::QueueList { after: "4Xyz".into() },
        ToRelay::QueueShow("4Xyz".into()),
        ToRelay::QueueFlush(Some("4Xyz".into())),
        ToRelay::QueueFlush(None),
        ToRelay::QueueRemove("4Xyz".into()),
        ToRelay::Verify {
            sender: "s@example".into(),
            recipients: vec!["a@example".into(), "b@example".into()],
        },
        ToRelay::Pause,
        ToRelay::Resume,
        ToRelay::Sessions(9),
        ToRelay::Statistics,
    ]
}

fn queued() -> QueuedMessage {
    QueuedMessage {
        id: "4Xyz".into(),
        state: "deferred".into(),
        sender: "s@example".into(),
        size: 4096,
        arrival: 1_700_000_000,
        next_attempt: 1_700_000_300,
        recipients: vec![QueuedRecipient { address: "a@example.org".into(), reason: "later".into() }],
        recipients_left: 7,
    }
}

fn relay_statistics() -> RelayStatistics {
    RelayStatistics {
        accepted: 1,
        delivered: 2,
        bounced: 3,
        deferred: 4,
        queued: 5,
        handovers: 6,
        workers: 7,
        longest_chain: 8,
        most_uses: 9,
        workers_running: 10,
        paused: true,
        cache: Some(statistics()),
    }
}

pub(crate) fn from_relay() -> Vec<FromRelay> {
    vec![
        FromRelay::Hello { version: 1 },
        FromRelay::Queue { messages: vec![queued()], more: true },
        FromRelay::Message(Box::new(queued())),
        FromRelay::Done(3),
        FromRelay::Sessions { sessions: vec![listed()], next: Some(200) },
        FromRelay::Statistics(Box::new(relay_statistics())),
        FromRelay::Refused("no such message".into()),
    ]
}

pub(crate) fn orphan() -> OrphanRecord {
    OrphanRecord { queue_id: "4Xyz".into(), time: 1 << 50, results: vec![result(Fate::Sent)] }
}
