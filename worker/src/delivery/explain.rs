//! What a delivery would do, told without doing it: the same steps as [`super::Delivery`]'s, up to the first connection.

mod recorder;
mod report;

pub use report::{
    Dane, Explanation, Hop, Host as HostReport, Keeping, Login, Lookup, Then, Tls, Trouble, Validation,
};

use super::fate::{self, Bounces, Fate, Position};
use super::recipients::Failure;
use super::secure::{self, Decision, Host};
use super::session::Place;
use super::{connect, hosts, keep, login, lookup, relay_name};
use crate::context::Context;
use recorder::Recorder;
use route::{Endpoint, Nexthop, Origin, Route};
use tls::{DaneFinding, Effective, Policy, PolicyError, Source, TlsUse};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// As a request has it.
    pub nexthop: &'a str,
    /// The envelope sender, since credentials may depend on it.
    pub sender: &'a str,
}

/// Looks everything up that a delivery would, and connects to nobody.
pub async fn explain(context: &Context, question: Question<'_>) -> Explanation {
    let mut explanation = Explanation {
        transport: context.service.clone(),
        protocol: context.dialect.name,
        trouble: None,
        login_enabled: context.sasl.login().is_some(),
        hops: Vec::new(),
    };
    let nexthops = match lookup::nexthops(context, question.nexthop) {
        Ok(nexthops) => nexthops,
        Err(error) => {
            let failure = Failure::new(error.status.to_string(), error.text);
            explanation.trouble = Some(trouble(context, failure, None));
            return explanation;
        }
    };
    let explainer = Explainer { context, question, lookup: Recorder::new(context) };
    let last = nexthops.len().saturating_sub(1);
    for (at, nexthop) in nexthops.iter().enumerate() {
        let hop = explainer.hop(nexthop, at == last).await;
        let final_here = hop.i_am_mx;
        explanation.hops.push(hop);
        if final_here {
            break;
        }
    }
    explanation
}

struct Explainer<'a> {
    context: &'a Context,
    question: Question<'a>,
    lookup: Recorder<'a>,
}

impl Explainer<'_> {
    async fn hop(&self, nexthop: &Nexthop, last: bool) -> Hop {
        let context = self.context;
        let found = lookup::route(context, &self.lookup, nexthop, super::now_micros()).await;
        let mut hop = Hop {
            nexthop: nexthop.text().to_owned(),
            fallback: context.config.nexthop.fallback_relay.iter().any(|relay| relay == nexthop.text()),
            lookups: self.lookup.take(),
            origin: None,
            mx_validation: None,
            i_am_mx: false,
            fresh_s: None,
            trouble: None,
            keeping: keeping(context, nexthop),
            hosts: Vec::new(),
        };
        match found {
            Ok(route) => {
                hop.i_am_mx = route.i_am_mx;
                hop.fresh_s = Some(route.fresh_for.as_secs());
                (hop.origin, hop.mx_validation) = self.origin(&route);
                hop.hosts = self.hosts(nexthop, route).await;
            }
            Err(error) => {
                hop.i_am_mx = error.i_am_mx;
                let failure = lookup::no_route(context, self.question.nexthop, nexthop, &error);
                let more = (!last && !error.i_am_mx).then_some(Then::NextNexthop);
                hop.trouble = Some(trouble(context, failure, more));
            }
        }
        hop
    }

    fn origin(&self, route: &Route) -> (Option<&'static str>, Option<Validation>) {
        match &route.origin {
            Origin::Mx { secure, .. } => (Some("mx"), Some(self.lookup.validation(*secure))),
            Origin::Srv { secure, .. } => (Some("srv"), Some(self.lookup.validation(*secure))),
            Origin::ImplicitMx => (Some("implicit-mx"), None),
            Origin::Host => (Some("host"), None),
            Origin::Literal => (Some("literal"), None),
            Origin::Unix => (Some("unix"), None),
        }
    }

    async fn hosts(&self, nexthop: &Nexthop, route: Route) -> Vec<HostReport> {
        let limit = self.context.config.connect.mx_address_limit;
        let limit = limit.map_or(usize::MAX, |limit| limit.get() as usize);
        let mut reports = Vec::new();
        for (at, host) in hosts::hosts_of(self.context, route).into_iter().enumerate() {
            reports.push(self.host(nexthop, host, at < limit).await);
        }
        reports
    }

    async fn host(&self, nexthop: &Nexthop, mut host: Host, within_limit: bool) -> HostReport {
        let context = self.context;
        let Decision { configured, effective } =
            secure::decide(context, &self.lookup, nexthop, &mut host).await;
        let candidate = &host.candidate;
        let mut report = HostReport {
            relay: relay_name(candidate),
            preference: candidate.preference,
            best: candidate.best,
            within_limit,
            validation: self.lookup.validation(candidate.secure),
            bind: match &candidate.endpoint {
                Endpoint::Inet(address) => {
                    connect::bind_address(context, *address).map(|address| address.to_string())
                }
                Endpoint::Unix(_) => None,
            },
            lookups: self.lookup.take(),
            tls: configured.map(|policy| tls_of(context, &policy, &effective, &host)),
            login: None,
            trouble: None,
        };
        match effective {
            Ok(effective) => match self.login(nexthop, &host, &effective) {
                Ok(login) => report.login = login,
                Err(failure) => report.trouble = Some(trouble(context, failure, Some(Then::NextHost))),
            },
            Err(error) => report.trouble = Some(passed_over(context, &error)),
        }
        report
    }

    fn login(&self, nexthop: &Nexthop, host: &Host, policy: &Effective) -> Result<Option<Login>, Failure> {
        let name = &host.candidate.host;
        let found =
            login::whose(self.context, self.question.sender, nexthop, Some(name)).map_err(|error| {
                let failure = login::unanswered(&Place::of(&host.candidate));
                Failure { reason: format!("{}: {error}", failure.reason), ..failure }
            })?;
        Ok(found.map(|found| Login {
            user: found.credential.user().to_owned(),
            key: found.key,
            unchecked_host: login::goes_to_unchecked(host, policy),
        }))
    }
}

/// What a failure of a lookup comes to: what is tried `next`, or what becomes of the mail where nothing is.
fn trouble(context: &Context, failure: Failure, next: Option<Then>) -> Trouble {
    let bounces = if context.config.errors.soft_bounce { Bounces::Softened } else { Bounces::AsUsual };
    let then = next.unwrap_or_else(|| match fate::fate(failure.class(), Position::Last, bounces) {
        Fate::Bounce => Then::Bounced,
        Fate::Defer | Fate::SoftBounce | Fate::TryNext => Then::Deferred,
    });
    Trouble { status: failure.status, text: failure.reason, then }
}

fn passed_over(context: &Context, error: &PolicyError) -> Trouble {
    let why = error.warning.as_ref().map_or(String::new(), |why| format!(" ({why})"));
    trouble(context, Failure::new(error.status, format!("{}{why}", error.text)), Some(Then::NextHost))
}

fn keeping(context: &Context, nexthop: &Nexthop) -> Keeping {
    let cache = &context.config.cache;
    Keeping {
        permanent: keep::is_permanent(context, nexthop),
        on_demand: cache.on_demand,
        idle_s: cache.idle_limit().as_secs(),
        reuse_time_s: cache.reuse_time_limit.get().as_secs(),
        reuse_count: cache.reuse_count_limit.map(|limit| limit.get()),
    }
}

fn tls_of(
    context: &Context,
    policy: &Policy,
    effective: &Result<Effective, PolicyError>,
    host: &Host,
) -> Tls {
    let in_force = effective.as_ref().ok();
    let usage = in_force.map(|effective| context.tls.engine.tls_use(effective));
    let mut warnings: Vec<String> = policy.warnings.clone();
    warnings.extend(in_force.and_then(|effective| effective.warning.clone()));
    let usage = match usage {
        Some(Ok(TlsUse::Required)) => "required",
        Some(Ok(TlsUse::IfOffered)) => "if-offered",
        Some(Ok(TlsUse::Never { why })) => {
            warnings.extend(why);
            "never"
        }
        Some(Err(error)) => {
            warnings.extend(error.warning);
            "unavailable"
        }
        None => "unmet",
    };
    Tls {
        level: in_force.map(|effective| effective.level.word()),
        asked: policy.level.word(),
        decided_by: match policy.source {
            Source::MainCf => "main.cf",
            Source::PolicyMaps => "policy-maps",
            Source::PerSite => "per-site",
        },
        place: policy.place().to_owned(),
        usage,
        sni: in_force.and_then(|effective| effective.sni.clone()),
        accepts: in_force.map(Effective::accepts).unwrap_or_default(),
        handed_on: in_force.is_some_and(|effective| effective.reuse),
        dane: host.dane.as_ref().map(dane_of),
        warnings,
    }
}

fn dane_of(finding: &DaneFinding) -> Dane {
    match finding {
        DaneFinding::Off { reason } => Dane { finding: "off", text: reason.clone() },
        DaneFinding::NoTlsa { reason } => Dane { finding: "none", text: reason.clone() },
        DaneFinding::LookupError { host, port } => {
            Dane { finding: "failed", text: format!("TLSA lookup error for {host}:{port}") }
        }
        DaneFinding::Records { base_domain, records, .. } => {
            let text = format!("TLSA records of {base_domain}: {}", records.len());
            Dane { finding: "records", text }
        }
    }
}
