//! The first commands on a new connection, TLS and AUTH among them, until it can carry mail.

use super::converse::converse;
use super::login::{self, Channel, Footing};
use super::recipients::Failure;
use super::secure::{self, Fallback, NotSecured};
use super::session::{Connection, History, Place, Security, Session, UNLIMITED, endpoint_key};
use super::watch::watch;
use crate::context::Context;
use crate::duty::{Abandoned, Duty};
use crate::wire::{Socket, Wire};
use proto::clock::Boottime;
use proto::job::Request;
use route::Candidate;
use sasl::ClientCertificate;
use smtp::{
    Encryption, Entrance, Extension, Farewell, Greeted, Hello, HelloFailed, Onward, Plain, Remark,
    ReplyReader, Secured, TlsAnswer,
};
use std::time::{Duration, SystemTime};
use tls::{Level, PeerFacts};

/// Why the connection carries no mail.
#[derive(Debug)]
pub(super) enum GreetError {
    /// The server does not want us, or we do not want it; a failure of the site.
    Failed(Failure),
    /// The same: the connection ended, or cannot be understood any more.
    Lost(Failure),
    /// TLS did not come about where it is not required: plaintext may do.
    NoTls(Failure),
    /// It did, and the connection did not last: the same.
    LostInside(Failure),
    /// The supervisor is gone.
    Abandoned(Abandoned),
}

/// A server that is about to be greeted, and on what terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) context: &'a Context,
    pub(super) duty: &'a Duty,
    pub(super) request: &'a Request,
    pub(super) candidate: &'a Candidate,
    pub(super) footing: &'a Footing,
    pub(super) attempt: Attempt,
}

/// Whether TLS failed with this server already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// What the policy says.
    AsPolicySays,
    /// The policy lets mail go in plaintext, and nothing else works.
    InPlaintext(Fallback),
}

/// Greets, and says QUIT if it comes to nothing.
pub(super) async fn greet(terms: &Terms<'_>, socket: Socket) -> Result<Session, GreetError> {
    let Terms { context, request, footing, .. } = *terms;
    let place = Place::of(terms.candidate);
    let peer = place.peer();
    let mut wire = Wire::new(socket);
    wire.replies = ReplyReader::filtered(context.rewordings.replies_of(|| place.relay()));
    watch(context, request, &place, &mut wire);
    let options = context.introductions.for_server(&place.address, age(request)).map_err(|error| {
        tracing::warn!("{}: discard_ehlo_keyword_address_maps: {error}", request.queue_id);
        part(&mut wire, login::unanswered(&place))
    })?;
    if let Some(discarded) = options.discard.to_log() {
        tracing::info!("discarding EHLO keywords: {discarded}");
    }
    let (entrance, channel) = if context.config.tls.wrappermode {
        let hello = Hello::wrapped(context.dialect, &peer, &options);
        encrypted(terms, &mut wire, &place, hello).await?
    } else {
        in_the_clear(terms, &mut wire, &place, Hello::new(context.dialect, &peer, &options)).await?
    };
    let ready = login::log_in(terms, &mut wire, &place, entrance, &channel).await?;
    let security = channel.security;
    let endpoint = endpoint_key(context, request, &place, footing);
    let history = History::begin(context, serial(), &security);
    Ok(Session { connection: Connection { wire, endpoint, place, history, route: None, security }, ready })
}

/// How long ago the message was accepted.
fn age(request: &Request) -> Duration {
    Duration::from_micros(super::now_micros().saturating_sub(request.times.arrival))
}

/// The usual way: greeting, EHLO, and STARTTLS where it is wanted.
async fn in_the_clear<'p>(
    terms: &Terms<'_>,
    wire: &mut Wire,
    place: &Place,
    hello: Hello<'p, Plain>,
) -> Result<(Entrance<'p>, Channel), GreetError> {
    let context = terms.context;
    let greeted = introduce(terms, wire, place, hello).await?;
    let offered = greeted.facts().offers(Extension::StartTls);
    let encryption = secure::encryption(terms, offered).map_err(|failure| part(wire, failure))?;
    if encryption == Encryption::Never && offered && context.config.tls.note_starttls_offer {
        tracing::info!("Host offered STARTTLS: [{}]", place.host);
    }
    let security = Security::Plaintext { makeshift: matches!(terms.attempt, Attempt::InPlaintext(_)) };
    let plaintext = Channel { security, certificate: ClientCertificate::Absent };
    let starttls = match greeted.onward(encryption).map_err(|failed| leave(wire, place, &failed))? {
        Onward::Plaintext(entrance) => return Ok((entrance, plaintext)),
        Onward::StartTls(starttls) => starttls,
    };
    match converse(terms, wire, starttls).await?.finish().map_err(|failed| leave(wire, place, &failed))? {
        TlsAnswer::Plaintext(entrance) => Ok((entrance, plaintext)),
        TlsAnswer::Handshake(upgrade) => encrypted(terms, wire, place, upgrade.secured()).await,
    }
}

/// The handshake, then the dialogue inside TLS: from EHLO on, or with `*_tls_wrappermode` from the greeting on.
async fn encrypted<'p>(
    terms: &Terms<'_>,
    wire: &mut Wire,
    place: &Place,
    hello: Hello<'p, Secured>,
) -> Result<(Entrance<'p>, Channel), GreetError> {
    let (peer, certificate) =
        secure::handshake(terms, wire, place).await.map_err(|error| unsecured(wire, error))?;
    let introduced = introduce(terms, wire, place, hello).await;
    let greeted = introduced.map_err(|error| lost_inside(terms, error))?;
    // That it hung up is found with the first command.
    if terms.context.config.tls.block_early_mail_reply && matches!(wire.was_interrupted(), Ok(true)) {
        tracing::warn!("host {} said something before MAIL was sent", greeted.peer());
        return Err(part(wire, Failure::new("4.7.0", "unexpected server message")));
    }
    let security = Security::Encrypted { peer: Box::new(peer), reuse: terms.footing.policy.reuse };
    Ok((greeted.entrance(), Channel { security, certificate }))
}

/// TLS is up, and the connection did not last: where TLS is not required, this may be for want of it.
fn lost_inside(terms: &Terms<'_>, error: GreetError) -> GreetError {
    match error {
        GreetError::Lost(failure) if terms.footing.policy.level == Level::May => {
            GreetError::LostInside(failure)
        }
        error => error,
    }
}

/// Greeting and introductions on one channel.
async fn introduce<'a, C: smtp::Channel>(
    terms: &Terms<'_>,
    wire: &mut Wire,
    place: &Place,
    hello: Hello<'a, C>,
) -> Result<Greeted<'a, C>, GreetError> {
    let hello = converse(terms, wire, hello).await?;
    let workarounds = hello.workarounds();
    if !workarounds.is_empty() {
        let queue_id = &terms.request.queue_id;
        tracing::info!("{queue_id}: enabling PIX workarounds: {workarounds} for {}", place.relay());
    }
    let greeted = hello.finish().map_err(|failed| leave(wire, place, &failed))?;
    greeted.remarks().iter().for_each(|remark| warn(place, remark));
    match loops(terms, place, greeted.own_name()) {
        Some(failure) => Err(part(wire, failure)),
        None => Ok(greeted),
    }
}

pub(super) fn leave(wire: &mut Wire, place: &Place, failed: &HelloFailed) -> GreetError {
    let failure = Failure::of_dialogue(&failed.failure, &place.host);
    match failed.farewell {
        Farewell::Quit => part(wire, failure),
        Farewell::Close => GreetError::Lost(failure),
    }
}

/// QUIT, which nobody waits for.
pub(super) fn part(wire: &mut Wire, failure: Failure) -> GreetError {
    wire.outgoing.clear();
    wire.outgoing.extend_from_slice(smtp::QUIT);
    wire.write_and_forget();
    wire.close_notify();
    GreetError::Failed(failure)
}

fn unsecured(wire: &mut Wire, error: NotSecured) -> GreetError {
    match error {
        NotSecured::Refused(failure) => part(wire, failure),
        NotSecured::Broken(failure) => GreetError::Failed(failure),
        NotSecured::Optional(failure) => GreetError::NoTls(failure),
        NotSecured::Abandoned(abandoned) => GreetError::Abandoned(abandoned),
    }
}

fn warn(place: &Place, remark: &Remark) {
    let peer = place.relay();
    match remark {
        Remark::BadSizeLimit(text) => tracing::warn!("bad EHLO SIZE limit {text:?} from {peer}"),
        Remark::Utf8WithoutEightBit => {
            tracing::info!("host {peer} offers SMTPUTF8 support, but not 8BITMIME")
        }
        Remark::TooMuch(what) => tracing::warn!("host {peer} offers too many {what}; some are left out"),
    }
}

/// A server on port 25 that calls itself by our name is us.
fn loops(terms: &Terms<'_>, place: &Place, own_name: smtp::OwnName) -> Option<Failure> {
    if place.port != SMTP_PORT {
        return None;
    }
    let (own, peer) = (&*terms.context.config.identity.hostname, place.relay());
    if own_name.in_greeting {
        tracing::warn!("host {peer} greeted me with my own hostname {own}");
    }
    if !own_name.in_hello {
        return None;
    }
    tracing::warn!("host {peer} replied to HELO/EHLO with my own hostname {own}");
    let status = if terms.candidate.best { "5.4.6" } else { "4.4.6" };
    Some(Failure::new(status, format!("mail for {} loops back to myself", terms.request.nexthop)))
}

const SMTP_PORT: u16 = 25;

/// Names a session among all of this machine: unlikely to be given twice while anybody looks.
fn serial() -> u64 {
    let mut octets = [0; 8];
    let _zero_if_none = getrandom::fill(&mut octets);
    u64::from_ne_bytes(octets)
}

impl History {
    /// A session that was connected just now. It ends with what its server's certificate was worth.
    fn begin(context: &Context, serial: u64, security: &Security) -> Self {
        let now = Boottime::now();
        let cache = &context.config.cache;
        let limit = match security {
            Security::Plaintext { .. } => cache.reuse_time_limit.get(),
            Security::Encrypted { peer, .. } => cache.reuse_time_limit.get().min(left_of(peer)),
        };
        Self {
            serial,
            born: now,
            uses: 0,
            handovers: 0,
            handed_over: false,
            retire_at: now.after(limit),
            // The first use is no reuse.
            uses_left: cache.reuse_count_limit.map_or(UNLIMITED, |limit| limit.get().saturating_add(1)),
            pace_us: 0,
        }
    }
}

/// How long the server's certificate is good for, where its dates count.
fn left_of(peer: &PeerFacts) -> Duration {
    let Some(not_after) = peer.not_after else { return Duration::MAX };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(u64::try_from(not_after).unwrap_or(0).saturating_sub(now))
}
