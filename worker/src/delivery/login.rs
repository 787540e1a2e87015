//! Who we are to a server: the credential for it, and the login.

use super::converse::converse;
use super::greet::{GreetError, Terms, leave, part};
use super::now_micros;
use super::recipients::Failure;
use super::secure::{self, Host};
use super::session::{Place, Security};
use crate::context::{Asker, Context, Found, NoAnswer};
use crate::wire::Wire;
use proto::job::Request;
use route::Nexthop;
use sasl::{
    Circumstances, ClientCertificate, Credential, Filtered, LoginFailed, Nonce, Protection, RefusedLogin,
    Selection, Setting,
};
use smtp::{
    Admission, Entrance, Extension, HelloFailed, Identification, LoginRefusals, LoginTerms, Ready, Secrecy,
};
use std::time::Duration;
use tls::{Effective, Trust};

/// What is decided about a host before anything is said to it.
#[derive(Debug)]
pub(super) struct Footing {
    /// How TLS is used.
    pub(super) policy: Effective,
    /// Who we are. `None`: nobody in particular.
    pub(super) credential: Option<Credential>,
}

/// What is known of the channel once it is as the policy wants it.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) security: Security,
    pub(super) certificate: ClientCertificate,
}

/// What a destination's credential hashes to where it cannot be known.
const UNKNOWN: &[u8] = b"unknown";

/// RFC 4954 §6: the credential is wrong.
const REFUSED: u16 = 535;

/// Room for the longest line of a login: a buffer that grew would leave a secret behind.
const ROOM: usize = 16 * 1024;

/// The credential for a host of a next hop, and its key; without host that of the next hop alone.
pub(super) fn whose(
    context: &Context,
    sender: &str,
    nexthop: &Nexthop,
    host: Option<&str>,
) -> Result<Option<Found>, NoAnswer> {
    // As in policies: where a table says `unix:`, the key is the path.
    let unix = matches!(nexthop.kind(), route::Kind::Unix(_));
    let nexthop = if unix { nexthop.domain() } else { nexthop.text() };
    context.sasl.find(Asker { sender, host, nexthop })
}

/// Whether a credential goes to whatever host MX records name, and nothing checks that host.
pub(super) fn goes_to_unchecked(host: &Host, policy: &Effective) -> bool {
    host.exchanger.is_some() && !policy.level.must_match()
}

/// What tells the credential of a destination from others, in its key.
pub(super) fn destination_credential(
    context: &Context,
    request: &Request,
    nexthop: &Nexthop,
) -> Option<Vec<u8>> {
    match whose(context, &request.sender, nexthop, None) {
        Ok(found) => found.map(|found| found.credential.identity().as_bytes().to_vec()),
        Err(_) => Some(UNKNOWN.to_vec()),
    }
}

/// The policy and the credential for a host.
///
/// # Errors
/// A table cannot answer: the host is not tried.
pub(super) fn footing(
    context: &Context,
    request: &Request,
    nexthop: &Nexthop,
    host: &Host,
    policy: Effective,
) -> Result<Footing, Failure> {
    let name = &host.candidate.host;
    let found = whose(context, &request.sender, nexthop, Some(name)).map_err(|error| {
        tracing::warn!("{}: password lookup for {}/{name}: {error}", request.queue_id, nexthop.text());
        unanswered(&Place::of(&host.candidate))
    })?;
    if found.is_some()
        && goes_to_unchecked(host, &policy)
        && let Some(login) = context.sasl.login()
    {
        login.warn_of_unchecked_hosts(nexthop.text());
    }
    Ok(Footing { policy, credential: found.map(|found| found.credential) })
}

/// The same for a host of which all is known, without a word if something is in the way.
pub(super) fn known_footing(
    context: &Context,
    request: &Request,
    nexthop: &Nexthop,
    host: &Host,
) -> Option<Footing> {
    let policy = secure::effective(context, nexthop, host)?;
    footing(context, request, nexthop, host, policy).ok()
}

/// A table of ours has no answer.
pub(super) fn unanswered(place: &Place) -> Failure {
    Failure::new("4.3.0", format!("local data error while talking to {}", place.peer()))
}

/// Logs in where there is a credential and the server offers AUTH. QUIT is said if it comes to nothing.
pub(super) async fn log_in(
    terms: &Terms<'_>,
    wire: &mut Wire,
    place: &Place,
    entrance: Entrance<'_>,
    channel: &Channel,
) -> Result<Ready, GreetError> {
    let identification =
        identification(terms, place, &entrance, channel).map_err(|failure| part(wire, failure))?;
    if let Some(failure) = refused_before(terms, place, &identification) {
        return Err(part(wire, failure));
    }
    let login = match entrance.onward(identification).map_err(|failed| leave(wire, place, &failed))? {
        Admission::Mail(ready) => return Ok(ready),
        Admission::LogIn(login) => login,
    };
    wire.outgoing = Vec::with_capacity(ROOM);
    wire.replies.set_secrecy(Secrecy::Secret);
    let login = converse(terms, wire, login).await;
    wire.replies.set_secrecy(Secrecy::Public);
    wire.wipe();
    login?.finish().map_err(|failed| {
        remember(terms, place, &failed);
        leave(wire, place, &failed)
    })
}

/// A login that was refused not long ago is not tried: too many of them and the server shuts us out.
fn refused_before(terms: &Terms<'_>, place: &Place, identification: &Identification<'_>) -> Option<Failure> {
    let Identification::WhereOffered(LoginTerms { selection, refusals, .. }) = identification else {
        return None;
    };
    if matches!(selection, Err(LoginFailed::NothingOffered { .. })) {
        return None;
    }
    let store = terms.context.sasl.login()?.refused.as_ref()?;
    let refused = store.find(&place.host, terms.footing.credential.as_ref()?, now_seconds())?;
    let failure = Failure {
        remote_mta: Some(place.host.clone()),
        diagnostic: Some(refused.reply.replace('\n', " ")),
        ..Failure::new(refused.status.clone(), refused.reason(&place.peer()))
    };
    Some(if *refusals == LoginRefusals::Soft { failure.softened() } else { failure })
}

/// What the server objects to is the credential: the next delivery need not ask.
fn remember(terms: &Terms<'_>, place: &Place, failed: &HelloFailed) {
    let store = terms.context.sasl.login().and_then(|login| login.refused.as_ref());
    let (Some(store), Some(credential)) = (store, &terms.footing.credential) else { return };
    let Some(reply) = failed.failure.reply.as_ref().filter(|reply| reply.code.value() == REFUSED) else {
        return;
    };
    let (status, reply) = (reply.status.to_string(), reply.text.clone());
    let refused = RefusedLogin { at: now_seconds(), status, reply };
    if let Err(error) = store.remember(&place.host, credential, &refused) {
        tracing::warn!("cannot remember a refused login: {error}");
    }
}

fn now_seconds() -> u64 {
    now_micros() / 1_000_000
}

fn identification<'t>(
    terms: &Terms<'t>,
    place: &'t Place,
    entrance: &Entrance<'_>,
    channel: &Channel,
) -> Result<Identification<'t>, Failure> {
    let (Some(login), Some(credential)) = (terms.context.sasl.login(), &terms.footing.credential) else {
        return Ok(Identification::Nobody);
    };
    let circumstances = Circumstances {
        options: login.options.on(protection(&channel.security)),
        certificate: channel.certificate,
        binding: None,
    };
    let mut broken = None;
    let filter = |mechanism: &str| {
        login.filtered(mechanism).unwrap_or_else(|error| {
            broken.get_or_insert(error);
            Filtered::Out
        })
    };
    let selection = Selection::new(&entrance.facts().auth, filter, &circumstances);
    if let Some(error) = broken {
        tracing::warn!("{}_sasl_mechanism_filter: {error}", terms.context.dialect.name.to_lowercase());
        return Err(unanswered(place));
    }
    if let Err(failed) = &selection
        && entrance.facts().offers(Extension::Auth)
        && let Some(warning) = failed.warning(&place.peer())
    {
        tracing::warn!("{warning}");
    }
    let setting = Setting {
        credential,
        nonce: nonce().ok_or_else(|| unanswered(place))?,
        server: Some((&place.host, place.port)),
    };
    Ok(Identification::WhereOffered(LoginTerms { selection, setting, refusals: login.refusals }))
}

fn protection(security: &Security) -> Protection {
    match security {
        Security::Plaintext { .. } => Protection::Plain,
        Security::Encrypted { peer, .. } if peer.trust == Trust::Verified => Protection::TlsVerified,
        Security::Encrypted { .. } => Protection::Tls,
    }
}

fn nonce() -> Option<Nonce> {
    let mut octets = [0; 18];
    getrandom::fill(&mut octets).ok()?;
    Some(Nonce::of_random(octets))
}

/// How long the answer to a line of AUTH may take: there is no parameter for it, so that of the last command before EHLO
/// holds on.
pub(super) fn patience(context: &Context, wire: &Wire) -> Duration {
    let timeouts = &context.config.timeouts;
    let after_starttls = wire.is_encrypted() && !context.config.tls.wrappermode;
    if after_starttls { timeouts.starttls.get() } else { timeouts.hello.get() }
}
