//! Who we are to a server: the credential for it, and the login.

use super::converse::converse;
use super::greet::{GreetError, Terms, leave, part};
use super::recipients::Failure;
use super::secure::{self, Host};
use super::session::{Place, Security};
use crate::context::{Asker, Context, NoAnswer};
use crate::wire::Wire;
use proto::job::Request;
use route::Nexthop;
use sasl::{Circumstances, ClientCertificate, Credential, Filtered, Nonce, Protection, Selection, Setting};
use smtp::{Admission, Entrance, Extension, Identification, LoginTerms, Ready};
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

/// Room for the longest line of a login: a buffer that grew would leave a secret behind.
const ROOM: usize = 16 * 1024;

/// The credential for a host of a next hop; without host that of the next hop alone.
fn credential(
    context: &Context,
    request: &Request,
    nexthop: &Nexthop,
    host: Option<&str>,
) -> Result<Option<Credential>, NoAnswer> {
    // As in policies: where a table says `unix:`, the key is the path.
    let unix = matches!(nexthop.kind(), route::Kind::Unix(_));
    let nexthop = if unix { nexthop.domain() } else { nexthop.text() };
    context.sasl.credential(Asker { sender: &request.sender, host, nexthop })
}

/// What tells the credential of a destination from others, in its key.
pub(super) fn destination_credential(
    context: &Context,
    request: &Request,
    nexthop: &Nexthop,
) -> Option<Vec<u8>> {
    match credential(context, request, nexthop, None) {
        Ok(credential) => credential.map(|credential| credential.identity().as_bytes().to_vec()),
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
    let credential = credential(context, request, nexthop, Some(name)).map_err(|error| {
        tracing::warn!("{}: password lookup for {}/{name}: {error}", request.queue_id, nexthop.text());
        unanswered(&Place::of(&host.candidate))
    })?;
    if credential.is_some()
        && host.exchanger.is_some()
        && !policy.level.must_match()
        && let Some(login) = context.sasl.login()
    {
        login.warn_of_unchecked_hosts(nexthop.text());
    }
    Ok(Footing { policy, credential })
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
    let login = match entrance.onward(identification).map_err(|failed| leave(wire, place, &failed))? {
        Admission::Mail(ready) => return Ok(ready),
        Admission::LogIn(login) => login,
    };
    wire.outgoing = Vec::with_capacity(ROOM);
    let login = converse(terms, wire, login).await;
    wire.wipe();
    login?.finish().map_err(|failed| leave(wire, place, &failed))
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
