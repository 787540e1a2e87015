//! Strategies that generate every message of every channel.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proto::cache::{FromCache, ToCache};
use proto::clock::Boottime;
use proto::control::{FromRelay, QueuedMessage, QueuedRecipient, RelayStatistics, ToRelay};
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::{
    Body, CacheUse, Client, ClientSource, Fate, FromWorker, Notify, Purpose, Recipient, RecipientResult,
    Report, Request, Ret, SessionUse, Site, SmtpUtf8, Times, ToWorker,
};
use proto::key::{DestinationKey, DestinationScope, EndpointKey, EndpointScope, Needs};
use proto::parked::{Label, Parked, Route, Taken};
use proto::secret::Secret;
use proto::steward::{Caps, FromSteward, Listed, Statistics, ToSteward};

fn text() -> BoxedStrategy<String> {
    prop_oneof![Just(String::new()), "\\PC{0,40}", "[ -~\\x00-\\x1f]{0,200}"].boxed()
}

fn blob() -> BoxedStrategy<Vec<u8>> {
    vec(any::<u8>(), 0..300).boxed()
}

pub(crate) fn endpoint(number: u16) -> EndpointKey {
    let scope = EndpointScope {
        service: "smtp",
        protocol: "smtp",
        address: "192.0.2.1",
        port: number,
        bind: None,
        helo: "mail.example",
        introduction: "",
        sender: None,
        credential: None,
        proxy: None,
        tls_policy: &[0; 32],
        needs: Needs::default(),
    };
    EndpointKey::new(&Secret::new([0; 32]), &scope)
}

pub(crate) fn destination(nexthop: &str) -> DestinationKey {
    let scope = DestinationScope {
        service: "smtp",
        nexthop,
        sender: None,
        credential: None,
        tls_policy: &[0; 32],
        needs: Needs::default(),
    };
    DestinationKey::new(&Secret::new([0; 32]), &scope)
}

fn endpoints() -> impl Strategy<Value = EndpointKey> {
    any::<u16>().prop_map(endpoint)
}

fn label() -> impl Strategy<Value = Label> {
    (text(), text(), text()).prop_map(|(service, nexthop, relay)| Label { service, nexthop, relay })
}

fn parked() -> impl Strategy<Value = Parked> {
    let route = (text(), any::<u64>(), blob()).prop_map(|(nexthop, fresh_until, sealed)| Route {
        destination: destination(&nexthop),
        fresh_until: Boottime(fresh_until),
        sealed,
    });
    let numbers = (any::<u32>(), any::<u64>(), any::<u32>(), any::<u32>());
    (endpoints(), of(route), label(), blob(), numbers, blob()).prop_map(
        |(endpoint, route, label, farewell, (idle_ms, retire_at, uses_left, pace_us), sealed)| Parked {
            endpoint,
            route,
            label,
            farewell,
            idle_ms,
            retire_at: Boottime(retire_at),
            uses_left,
            pace_us,
            sealed,
        },
    )
}

fn taken() -> impl Strategy<Value = Taken> {
    (endpoints(), of(blob()), any::<(u64, u32, u32)>(), blob()).prop_map(
        |(endpoint, route, (retire_at, uses_left, pace_us), sealed)| Taken {
            endpoint,
            route,
            retire_at: Boottime(retire_at),
            uses_left,
            pace_us,
            sealed,
        },
    )
}

pub(crate) fn to_cache() -> impl Strategy<Value = ToCache> {
    prop_oneof![
        any::<(u16, u32)>().prop_map(|(version, pid)| ToCache::Hello { version, pid }),
        parked().prop_map(ToCache::Park),
        parked().prop_map(ToCache::PutBack),
        text().prop_map(|nexthop| ToCache::TakeByDestination(destination(&nexthop))),
        vec(endpoints(), 0..70).prop_map(ToCache::TakeByEndpoint),
    ]
}

pub(crate) fn from_cache() -> impl Strategy<Value = FromCache> {
    prop_oneof![
        any::<u16>().prop_map(|version| FromCache::Hello { version }),
        taken().prop_map(FromCache::Hit),
        (endpoints(), vec(any::<u8>(), 0..40))
            .prop_map(|(endpoint, sealed)| FromCache::Way { endpoint, sealed }),
        Just(()).prop_map(|()| FromCache::Miss),
    ]
}

fn caps() -> impl Strategy<Value = Caps> {
    any::<(u32, u32, u32, u32)>().prop_map(|(idle_ms, sessions, per_endpoint, status_update_s)| Caps {
        idle_ms,
        sessions,
        per_endpoint,
        status_update_s,
    })
}

pub(crate) fn to_steward() -> impl Strategy<Value = ToSteward> {
    prop_oneof![
        (any::<u16>(), caps()).prop_map(|(version, caps)| ToSteward::Hello { version, caps }),
        Just(()).prop_map(|()| ToSteward::Client),
        caps().prop_map(ToSteward::Reconfigure),
        of(text()).prop_map(ToSteward::Flush),
        any::<u64>().prop_map(ToSteward::List),
        Just(()).prop_map(|()| ToSteward::Statistics),
    ]
}

fn listed() -> impl Strategy<Value = Vec<Listed>> {
    let one = (label(), any::<(u64, u64, u32, u32)>()).prop_map(
        |(label, (idle_ms, expires_ms, uses_left, parked_by))| Listed {
            label,
            idle_ms,
            expires_ms,
            uses_left,
            parked_by,
        },
    );
    vec(one, 0..20)
}

fn statistics() -> impl Strategy<Value = Statistics> {
    any::<([u64; 11], u32, u32)>().prop_map(|(counts, held, peak)| {
        let [
            destination_hits,
            destination_misses,
            endpoint_hits,
            endpoint_misses,
            parked,
            put_back,
            handed_over,
            expired,
            evicted,
            displaced,
            flushed,
        ] = counts;
        Statistics {
            destination_hits,
            destination_misses,
            endpoint_hits,
            endpoint_misses,
            parked,
            put_back,
            handed_over,
            expired,
            evicted,
            displaced,
            flushed,
            dropped_clients: parked ^ put_back,
            held,
            peak,
        }
    })
}

pub(crate) fn from_steward() -> impl Strategy<Value = FromSteward> {
    prop_oneof![
        any::<(u16, u32)>().prop_map(|(version, sessions)| FromSteward::Hello { version, sessions }),
        any::<u32>().prop_map(FromSteward::Done),
        (listed(), any::<Option<u64>>()).prop_map(|(sessions, next)| FromSteward::Page { sessions, next }),
        statistics().prop_map(FromSteward::Statistics),
    ]
}

fn recipient() -> impl Strategy<Value = Recipient> {
    let notify = any::<Option<(bool, bool, bool)>>()
        .prop_map(|notify| notify.map(|(success, failure, delay)| Notify { success, failure, delay }));
    (any::<u32>(), text(), text(), of(text()), notify).prop_map(
        |(index, address, original, orcpt, notify)| Recipient { index, address, original, orcpt, notify },
    )
}

fn client() -> impl Strategy<Value = Client> {
    let texts = ((text(), text(), text()), (text(), text(), text()));
    (texts, any::<bool>()).prop_map(|(((name, address, port), (helo, protocol, ident)), local)| {
        let source = if local { ClientSource::Local } else { ClientSource::Remote };
        Client { name, address, port, helo, protocol, ident, source }
    })
}

fn request() -> impl Strategy<Value = Request> {
    let ret = of(prop_oneof![Just(Ret::Full), Just(Ret::Hdrs)]);
    let body = prop_oneof![Just(Body::Unset), Just(Body::SevenBit), Just(Body::EightBitMime)];
    let texts = (text(), text(), text(), of(text()));
    let numbers = any::<(u64, u64, u64, u32, [u64; 3])>();
    let recipients = vec(recipient(), 0..20);
    (texts, ret, body, any::<[bool; 4]>(), numbers, recipients, client()).prop_map(
        |(texts, ret, body, flags, numbers, recipients, client)| {
            let (queue_id, nexthop, sender, envid) = texts;
            let [smtputf8, load, store, probe] = flags;
            let (job, content_offset, content_length, recipient_count, [arrival, active, handed]) = numbers;
            Request {
                job,
                purpose: if probe { Purpose::Probe } else { Purpose::Delivery },
                queue_id,
                nexthop,
                sender,
                envid,
                ret,
                body,
                smtputf8: if smtputf8 { SmtpUtf8::Needed } else { SmtpUtf8::Asked },
                client: Box::new(client),
                content_offset,
                content_length,
                cache: CacheUse { load, store },
                times: Times { arrival, active, handed },
                recipient_count,
                recipients,
            }
        },
    )
}

fn deposit_keys() -> impl Strategy<Value = DepositKeys> {
    let key = |(epoch, octets)| DepositKey { epoch, key: Secret::new(octets) };
    any::<((u32, [u8; 32]), Option<(u32, [u8; 32])>)>().prop_map(move |(current, previous)| DepositKeys {
        current: key(current),
        previous: previous.map(key),
    })
}

pub(crate) fn to_worker() -> impl Strategy<Value = ToWorker> {
    prop_oneof![
        (any::<(u16, [u8; 32])>(), deposit_keys()).prop_map(|((version, key), deposit)| ToWorker::Hello {
            version,
            secret: Secret::new(key),
            deposit
        }),
        Just(()).prop_map(|()| ToWorker::Cache),
        vec(recipient(), 0..20).prop_map(ToWorker::Recipients),
        request().prop_map(ToWorker::Deliver),
        Just(()).prop_map(|()| ToWorker::Drain),
        Just(()).prop_map(|()| ToWorker::Recorded),
        deposit_keys().prop_map(ToWorker::DepositKeys),
    ]
}

fn result() -> impl Strategy<Value = RecipientResult> {
    let all = [
        Fate::Sent,
        Fate::Deferred,
        Fate::Bounced,
        Fate::Relayed,
        Fate::Delivered,
        Fate::Passed,
        Fate::Deliverable,
        Fate::Undeliverable,
    ];
    let fate = prop::sample::select(all.to_vec());
    (any::<u32>(), fate, text(), text(), of(text()), of(text())).prop_map(
        |(index, fate, status, reason, remote_mta, diagnostic)| RecipientResult {
            index,
            fate,
            status,
            reason,
            remote_mta,
            diagnostic,
        },
    )
}

fn report() -> impl Strategy<Value = Report> {
    let dead = (text(), text()).prop_map(|(status, reason)| Site::Dead { status, reason });
    let site = prop_oneof![Just(Site::Reached), dead];
    let session = any::<Option<(u64, u32, u32, bool)>>().prop_map(|session| {
        session.map(|(serial, uses, handovers, handed_over)| SessionUse {
            serial,
            uses,
            handovers,
            handed_over,
        })
    });
    let results = vec(result(), 0..20);
    (any::<u64>(), results, site, session, any::<bool>())
        .prop_map(|(job, results, site, session, leaving)| Report { job, results, site, session, leaving })
}

pub(crate) fn from_worker() -> impl Strategy<Value = FromWorker> {
    prop_oneof![
        any::<u16>().prop_map(|version| FromWorker::Hello { version }),
        vec(result(), 0..20).prop_map(FromWorker::Results),
        report().prop_map(FromWorker::Report),
        Just(()).prop_map(|()| FromWorker::Leaving),
        Just(()).prop_map(|()| FromWorker::CacheLost),
    ]
}

pub(crate) fn to_relay() -> impl Strategy<Value = ToRelay> {
    prop_oneof![
        any::<u16>().prop_map(|version| ToRelay::Hello { version }),
        text().prop_map(|after| ToRelay::QueueList { after }),
        text().prop_map(ToRelay::QueueShow),
        of(text()).prop_map(ToRelay::QueueFlush),
        text().prop_map(ToRelay::QueueRemove),
        (text(), vec(text(), 0..20)).prop_map(|(sender, recipients)| ToRelay::Verify { sender, recipients }),
        Just(()).prop_map(|()| ToRelay::Pause),
        Just(()).prop_map(|()| ToRelay::Resume),
        any::<u64>().prop_map(ToRelay::Sessions),
        Just(()).prop_map(|()| ToRelay::Statistics),
    ]
}

fn queued() -> impl Strategy<Value = QueuedMessage> {
    let recipient = (text(), text()).prop_map(|(address, reason)| QueuedRecipient { address, reason });
    let numbers = any::<(u64, u64, u64, u32)>();
    ((text(), text(), text()), numbers, vec(recipient, 0..5)).prop_map(
        |((id, state, sender), (size, arrival, next_attempt, recipients_left), recipients)| QueuedMessage {
            id,
            state,
            sender,
            size,
            arrival,
            next_attempt,
            recipients,
            recipients_left,
        },
    )
}

fn relay_statistics() -> impl Strategy<Value = RelayStatistics> {
    (any::<[u64; 10]>(), any::<bool>(), of(statistics())).prop_map(|(counts, paused, cache)| {
        let [
            accepted,
            delivered,
            bounced,
            deferred,
            queued,
            handovers,
            workers,
            longest_chain,
            most_uses,
            workers_running,
        ] = counts;
        RelayStatistics {
            accepted,
            delivered,
            bounced,
            deferred,
            queued,
            handovers,
            workers,
            longest_chain,
            most_uses,
            workers_running,
            paused,
            cache,
        }
    })
}

pub(crate) fn from_relay() -> impl Strategy<Value = FromRelay> {
    prop_oneof![
        any::<u16>().prop_map(|version| FromRelay::Hello { version }),
        (vec(queued(), 0..5), any::<bool>()).prop_map(|(messages, more)| FromRelay::Queue { messages, more }),
        queued().prop_map(|message| FromRelay::Message(Box::new(message))),
        any::<u64>().prop_map(FromRelay::Done),
        (listed(), any::<Option<u64>>()).prop_map(|(sessions, next)| FromRelay::Sessions { sessions, next }),
        relay_statistics().prop_map(|counters| FromRelay::Statistics(Box::new(counters))),
        text().prop_map(FromRelay::Refused),
    ]
}
