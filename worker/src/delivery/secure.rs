//! TLS with one host: what the policy asks, the handshake, and what the server's certificate is worth.

use super::converse::patience;
use super::greet::{Attempt, Terms};
use super::login::{self, Footing};
use super::recipients::Failure;
use super::session::Place;
use super::{Delivery, dane};
use crate::context::Context;
use crate::duty::Abandoned;
use crate::state::Exchanger;
use crate::wire::{NoTls, Wire};
use proto::clock::Boottime;
use proto::key::PolicyDigest;
use route::dns::Lookup;
use route::{Candidate, Nexthop};
use sasl::ClientCertificate;
use smtp::{Encryption, Lost, Stage};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tls::handshake::Handshake;
use tls::{
    DaneFinding, Effective, HostNames, Level, MxNames, PeerFacts, Policy, PolicyError, TlsUse, Transport,
    Verified,
};

/// A host to try, with what was found out about it.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) candidate: Candidate,
    /// How MX records led to it, where there are any.
    pub(super) exchanger: Option<Exchanger>,
    /// What DNS says of its certificate; asked for once, where the policy wants it.
    pub(super) dane: Option<DaneFinding>,
    /// Until when that is true.
    pub(super) dane_until: Option<Boottime>,
    footing: Option<Arc<Footing>>,
    /// Under which name its address was asked for, where that is not the candidate's.
    asked: Option<String>,
}

/// Mail for this host may go in plaintext where TLS fails. Only [`Delivery::plaintext_fallback`] makes one, so that there is no
/// attempt in plaintext where we would log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fallback(());

/// Why a connection carries no mail after TLS was tried.
#[derive(Debug)]
pub(super) enum NotSecured {
    /// TLS is up, and the server is not the one it should be: QUIT.
    Refused(Failure),
    /// TLS is required and did not come about: nothing more can be said.
    Broken(Failure),
    /// The same where it is not required.
    Optional(Failure),
    /// The supervisor is gone.
    Abandoned(Abandoned),
}

/// The digest of a destination whose policy cannot be known: no session is ever parked under it.
const NO_POLICY: PolicyDigest = [0xff; 32];

impl Host {
    pub(super) fn new(candidate: Candidate, exchanger: Option<Exchanger>) -> Self {
        Self { candidate, exchanger, dane: None, dane_until: None, footing: None, asked: None }
    }

    /// `*_cname_overrides_servername`: logs and certificates have the name at the end of its aliases.
    pub(super) fn under_its_canonical_name(mut self) -> Self {
        if let Some(canonical) = &self.candidate.canonical {
            self.asked = Some(std::mem::replace(&mut self.candidate.host, canonical.to_string()));
        }
        self
    }

    /// As DNS knows it.
    pub(super) fn as_asked(&self) -> Candidate {
        let mut candidate = self.candidate.clone();
        candidate.host = self.asked.clone().unwrap_or(candidate.host);
        candidate
    }
}

/// What the operator decided for a host of a next hop.
fn configured(
    context: &Context,
    nexthop: &Nexthop,
    host: &str,
    transport: Transport,
) -> Result<Policy, PolicyError> {
    // Where a table says `unix:`, the policy table's key is the path.
    let key = if transport == Transport::UnixSocket { nexthop.domain() } else { nexthop.text() };
    let policy = context.tls.policies.configured(key, nexthop.domain(), host, transport)?;
    policy.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(policy)
}

/// The digest of what the operator decided for a next hop.
pub(super) fn configured_digest(context: &Context, nexthop: &Nexthop) -> PolicyDigest {
    configured(context, nexthop, nexthop.domain(), transport_of(nexthop))
        .map_or(NO_POLICY, |policy| policy.digest())
}

fn transport_of(nexthop: &Nexthop) -> Transport {
    if matches!(nexthop.kind(), route::Kind::Unix(_)) { Transport::UnixSocket } else { Transport::Tcp }
}

/// All that holds for a host that is known without a lookup. `None`: the host cannot be used on these grounds, or DNS is to
/// be asked about it first.
pub(super) fn effective(context: &Context, nexthop: &Nexthop, host: &Host) -> Option<Effective> {
    let policy = configured(context, nexthop, &host.candidate.host, transport_of(nexthop)).ok()?;
    if policy.wants_dane() && host.dane.is_none() {
        return None;
    }
    in_force(&policy, nexthop, host).ok()
}

/// What a policy comes to for a host: what the operator decided, and what DNS says where that counts.
fn in_force(policy: &Policy, nexthop: &Nexthop, host: &Host) -> Result<Effective, PolicyError> {
    let Host { candidate, exchanger, dane, .. } = host;
    let qname = nexthop.domain();
    let mx = exchanger.as_ref().map(|exchanger| {
        let rname = exchanger.canonical.as_deref().unwrap_or(qname);
        MxNames { qname, rname }
    });
    // A path is nobody's name: there it is this machine's.
    let here = transport_of(nexthop) == Transport::UnixSocket;
    let names = HostNames { nexthop: if here { &candidate.host } else { qname }, host: &candidate.host, mx };
    match dane {
        Some(finding) if policy.wants_dane() => policy.with_dane(&names, finding),
        _ => policy.for_host(&names),
    }
}

/// What is decided about a host before anything is said to it.
#[derive(Debug)]
pub(super) struct Decision {
    /// What the operator decided; not known where a table has no answer.
    pub(super) configured: Option<Policy>,
    /// What it comes to for this host. With an error the host is not tried.
    pub(super) effective: Result<Effective, PolicyError>,
}

/// The policy of a host. Where it wants to know, DNS is asked about the host, which remembers the answer.
pub(super) async fn decide<L: Lookup>(
    context: &Context,
    lookup: &L,
    nexthop: &Nexthop,
    host: &mut Host,
) -> Decision {
    // Asked once: a table that changed its mind meanwhile would have DANE wanted, and nothing asked for it.
    let policy = match configured(context, nexthop, &host.candidate.host, transport_of(nexthop)) {
        Ok(policy) => policy,
        Err(error) => return Decision { configured: None, effective: Err(error) },
    };
    if host.dane.is_none() && policy.wants_dane() {
        let port = match host.candidate.endpoint {
            // An SRV record may have named another one than the next hop.
            route::Endpoint::Inet(address) => address.port(),
            route::Endpoint::Unix(_) => nexthop.port_or(context.default_port()),
        };
        match dane::look_up(context, lookup, &policy, host, port).await {
            Ok((finding, until)) => (host.dane, host.dane_until) = (Some(finding), Some(until)),
            Err(error) => return Decision { configured: Some(policy), effective: Err(error) },
        }
    }
    let effective = in_force(&policy, nexthop, host);
    Decision { configured: Some(policy), effective }
}

impl Delivery<'_> {
    /// The policy of a host, and the credential for it. With an error the host is not tried.
    pub(super) async fn footing_of(
        &mut self,
        nexthop: &Nexthop,
        host: &mut Host,
    ) -> Result<Result<Arc<Footing>, Failure>, Abandoned> {
        if let Some(footing) = &host.footing {
            return Ok(Ok(Arc::clone(footing)));
        }
        let context = self.context;
        let decided = self.duty.guard(decide(context, &context.resolver, nexthop, host)).await?;
        Ok(match decided.effective {
            Ok(policy) => {
                if let Some(warning) = &policy.warning {
                    tracing::warn!("{}: {warning}", super::relay_name(&host.candidate));
                }
                let footing = login::footing(self.context, self.request, nexthop, host, policy);
                footing.map(|footing| Arc::clone(host.footing.insert(Arc::new(footing))))
            }
            Err(error) => Err(self.not_allowed(nexthop, &host.candidate, &error)),
        })
    }

    fn not_allowed(&self, nexthop: &Nexthop, candidate: &Candidate, error: &PolicyError) -> Failure {
        if let Some(warning) = &error.warning {
            tracing::warn!("{warning}");
        }
        tracing::warn!("TLS policy lookup for {}/{}: {}", nexthop.text(), candidate.host, error.text);
        Failure::new(error.status, error.text.clone())
    }

    /// Plaintext may do where TLS fails: only where the policy does not insist, and only for mail that waited, so that who
    /// can break handshakes cannot have all mail in the clear at once. Never where we would log in.
    pub(super) fn plaintext_fallback(&self, footing: &Footing) -> Option<Fallback> {
        let times = &self.request.times;
        let waited = Duration::from_micros(times.active.saturating_sub(times.arrival));
        let long_enough = waited >= self.context.config.retry.minimal_backoff.get();
        let stranger = footing.credential.is_none();
        (footing.policy.level == Level::May && long_enough && stranger).then_some(Fallback(()))
    }
}

/// What the dialogue is told about TLS.
pub(super) fn encryption(terms: &Terms<'_>, offered: bool) -> Result<Encryption, Failure> {
    match (terms.context.tls.engine.tls_use(&terms.footing.policy), terms.attempt) {
        (Ok(TlsUse::Required), _) => Ok(Encryption::Required),
        (Ok(TlsUse::IfOffered), Attempt::AsPolicySays) => Ok(Encryption::WhereOffered),
        (Ok(TlsUse::IfOffered), Attempt::InPlaintext(_)) | (Ok(TlsUse::Never { .. }), _) => {
            Ok(Encryption::Never)
        }
        // That the server does not offer it is said before that we cannot use it.
        (Err(error), _) if offered => Err(Failure::new(error.status, error.text)),
        (Err(_), _) => Ok(Encryption::Required),
    }
}

/// Shakes hands and looks at the certificate; says also whether ours was shown.
pub(super) async fn handshake(
    terms: &Terms<'_>,
    wire: &mut Wire,
    place: &Place,
) -> Result<(PeerFacts, ClientCertificate), NotSecured> {
    let Terms { context, footing: Footing { policy, .. }, duty, .. } = *terms;
    let relay = place.relay();
    let loglevel = context.config.tls.loglevel;
    if loglevel.verbose() {
        tracing::info!("setting up TLS connection to {relay}");
    }
    let engine = &context.tls.engine;
    let client = engine.client_config(policy).map_err(|error| failed(terms, &relay, &error))?;
    let handshake = Handshake::new(&client.config, policy.sni.as_deref())
        .map_err(|error| failed(terms, &relay, &error))?;
    let negotiated = match wire.secure(handshake, duty, patience(context, Stage::StartTls)).await {
        Ok(negotiated) => negotiated,
        Err(NoTls::Abandoned(abandoned)) => return Err(NotSecured::Abandoned(abandoned)),
        Err(NoTls::Lost(Lost::Closed)) => return Err(failed(terms, &relay, &"lost connection")),
        Err(NoTls::Lost(Lost::TimedOut)) => return Err(failed(terms, &relay, &"Connection timed out")),
        Err(NoTls::Failed(error)) => return Err(failed(terms, &relay, &error)),
    };
    if let Some(line) = tls::peer_line(engine, &negotiated, &relay).filter(|_| loglevel.verbose()) {
        tracing::info!("{line}");
    }
    let verified = tls::verify(engine, policy, &negotiated, &client.observed, SystemTime::now());
    let certificate =
        if client.observed.showed_ours() { ClientCertificate::Shown } else { ClientCertificate::Absent };
    conclude(terms, &relay, verified).map(|peer| (peer, certificate))
}

/// The session goes on, or not, as the policy has it.
fn conclude(terms: &Terms<'_>, relay: &str, verified: Verified) -> Result<PeerFacts, NotSecured> {
    let loglevel = terms.context.config.tls.loglevel;
    let Verified { acceptable, problem, matched, facts, .. } = verified;
    if let Some(problem) = problem {
        tracing::info!("{}", problem.line(relay));
    }
    if let Some(matched) = matched.filter(|_| loglevel.verbose()) {
        matched.lines(relay).iter().for_each(|line| tracing::info!("{line}"));
    }
    if loglevel.summary() {
        tracing::info!("{} TLS connection established to {relay}: {}", facts.trust, facts.summary);
    }
    if acceptable {
        Ok(facts)
    } else {
        Err(NotSecured::Refused(Failure::new("4.7.5", "Server certificate not verified")))
    }
}

/// There is no TLS. Every handshake's outcome passes here or through [`handshake`]'s end, with the policy that asked.
fn failed(terms: &Terms<'_>, relay: &str, reason: &dyn std::fmt::Display) -> NotSecured {
    tracing::info!("SSL_connect error to {relay}: {reason}");
    let failure = Failure::new("4.7.5", "Cannot start TLS: handshake failure");
    if terms.footing.policy.level == Level::May {
        NotSecured::Optional(failure)
    } else {
        NotSecured::Broken(failure)
    }
}
