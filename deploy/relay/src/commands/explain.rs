//! `baton explain`: where mail would go, how and why. Nothing is sent and nobody is connected to but DNS, tables' servers and
//! our own relay.

mod text;

use super::{Failure, SettingsArguments, sessions};
use crate::control::{Client, ClientError};
use crate::dispatch::Verdict;
use crate::pool::new_secret;
use crate::routing::{Author, Routed, Routing};
use crate::settings::protocol_of;
use clap::Args;
use intake::SysExit;
use maincf::value::DeliveryFlags;
use maincf::{MainCf, RelayConfig};
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::Fate;
use proto::steward::Listed;
use serde_json::{Value, json};
use std::io::Write;
use worker::args::Args as WorkerArgs;
use worker::context::{self, Context};
use worker::delivery::explain::{self as delivery, Explanation, Question, Then, Trouble};
use worker::supervisor::Keys;

pub(super) const HELP: &str = "\
Examples:
  baton explain you@example.org              by transport_maps, default_transport, relayhost, or the domain
  baton explain '[mx.example.org]:587'       a next hop as in main.cf
  baton explain lmtp:unix:/run/dovecot/lmtp  with its transport
  baton explain --sender me@here.example you@example.org
Exit status: 0 if there is a host to try; 75 if the mail would wait; 69 if it would be returned; 78 if the configuration
cannot be used.";

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// An address, or a next hop, with or without its transport before it
    #[arg(value_name = "ADDRESS | NEXTHOP")]
    target: String,
    #[command(flatten)]
    settings: SettingsArguments,
    /// The transport of a next hop: smtp, relay or lmtp
    #[arg(long, value_name = "NAME")]
    transport: Option<String>,
    /// The envelope sender, on which credentials may depend
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    sender: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What was found out.
struct Findings {
    target: String,
    /// By whom; none for a next hop, which is what the caller says.
    routed: Option<Routed>,
    /// `defer_transports` has it.
    waits: bool,
    explanation: Explanation,
    parked: Result<Vec<Listed>, String>,
}

pub(super) fn explain(arguments: &ExplainArguments) -> Result<(), Failure> {
    let source = arguments.settings.source();
    let cf = source.read().map_err(Failure::configuration)?;
    let config = RelayConfig::load(&cf).map_err(Failure::configuration)?;
    let routing = Routing::open(&config).map_err(Failure::configuration)?;
    let (transport, nexthop, routed) = destination(arguments, &routing)?;
    let Some(protocol) = protocol_of(&transport) else {
        if let Some(verdict) = Verdict::of(&transport, &nexthop, config.errors.soft_bounce) {
            return decided(arguments.json, routed.as_ref(), &verdict);
        }
        let text = format!(
            "there is no transport \"{transport}\": the mail would wait (mail transport unavailable)"
        );
        return Err(Failure::new(SysExit::TempFail, text));
    };
    say_warnings(&cf);
    let args = WorkerArgs {
        service: transport.clone(),
        protocol,
        flags: DeliveryFlags::default(),
        config: None,
        options: Vec::new(),
    };
    let context = context(&args, cf)?;
    let question = Question { nexthop: &nexthop, sender: &arguments.sender };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let explanation = runtime.block_on(delivery::explain(&context, question));
    let findings = Findings {
        target: arguments.target.clone(),
        routed,
        waits: routing.waits(&transport),
        parked: parked(&config),
        explanation,
    };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", object(&findings))?;
    } else {
        out.write_all(text::text(&findings).as_bytes())?;
    }
    verdict(&findings.explanation)
}

/// What a transport makes of the mail that asks no server.
fn decided(as_json: bool, routed: Option<&Routed>, verdict: &Verdict) -> Result<(), Failure> {
    let Verdict { word, status, reason, .. } = verdict;
    let by = routed.map(|routed| &routed.transport_by);
    let mut out = std::io::stdout().lock();
    if as_json {
        let by = by.map(author);
        writeln!(
            out,
            "{}",
            json!({"verdict": word, "status": status, "reason": reason, "transport_by": by})
        )?;
    } else {
        let by = by.map_or(String::new(), |by| format!(", by {by}"));
        writeln!(out, "no server is asked{by}: status={word}, dsn={status} ({reason})")?;
    }
    match verdict.fate {
        Fate::Deferred => Err(Failure::new(SysExit::TempFail, "the mail would wait")),
        Fate::Bounced => Err(Failure::new(SysExit::Unavailable, "the mail would be returned")),
        _ => Ok(()),
    }
}

/// Transport and next hop, and for an address who says so.
fn destination(
    arguments: &ExplainArguments,
    routing: &Routing,
) -> Result<(String, String, Option<Routed>), Failure> {
    let target = arguments.target.as_str();
    if let Some(transport) = &arguments.transport {
        return Ok((transport.clone(), target.to_owned(), None));
    }
    let named = target.split_once(':').filter(|(name, rest)| protocol_of(name).is_some() && !rest.is_empty());
    // A port is a number, so that a host may have a transport's name.
    if let Some((name, rest)) = named.filter(|(_, rest)| rest.parse::<u16>().is_err()) {
        return Ok((name.to_owned(), rest.to_owned(), None));
    }
    if target.starts_with("unix:") || target.starts_with("inet:") {
        return Ok(("lmtp".to_owned(), target.to_owned(), None));
    }
    if !target.contains('@') {
        return Ok(("smtp".to_owned(), target.to_owned(), None));
    }
    let defaults = routing.defaults(&arguments.sender);
    let routed = defaults
        .and_then(|defaults| routing.route(&defaults, target))
        .map_err(|error| Failure::new(SysExit::TempFail, format!("4.3.0 the mail would wait: {error}")))?;
    let (transport, nexthop) = (routed.destination.transport.clone(), routed.destination.nexthop.clone());
    Ok((transport, nexthop, Some(routed)))
}

/// A worker's context. Its keys are of no use to anybody: nothing is parked or taken.
fn context(args: &WorkerArgs, mut cf: MainCf) -> Result<Context, Failure> {
    // The store of refused logins would be made, and belong to whoever asks.
    for prefix in ["smtp", "lmtp"] {
        cf.set_option(&format!("{prefix}_sasl_auth_cache_name=")).map_err(Failure::configuration)?;
    }
    let cf = context::for_process(args, cf);
    let current = DepositKey { epoch: 0, key: new_secret()? };
    let keys = Keys { secret: new_secret()?, deposit: DepositKeys { current, previous: None } };
    Context::new(args, &cf, keys).map_err(Failure::configuration)
}

/// What workers would log when they start goes to standard error.
fn say_warnings(cf: &MainCf) {
    let name = cf.expanded("syslog_name").ok().flatten().unwrap_or_default();
    worker::log::to_stderr(&name, "explain");
}

/// What lies parked at the running relay, or why that is not known.
fn parked(config: &RelayConfig) -> Result<Vec<Listed>, String> {
    let listed = Client::connect(&config.paths.run_directory).map_err(|error| match error {
        ClientError::NotRunning(..) => "no relay is running".to_owned(),
        other => other.to_string(),
    });
    sessions::list(&mut listed?).map_err(|failure| failure.text)
}

/// Sessions of this transport with this host.
fn fitting<'p>(parked: &'p [Listed], transport: &str, relay: &str) -> Vec<&'p Listed> {
    parked.iter().filter(|one| one.label.service == transport && one.label.relay == relay).collect()
}

/// The exit status: what becomes of the mail where there is nobody to talk to.
fn verdict(explanation: &Explanation) -> Result<(), Failure> {
    let tried = |host: &delivery::HostReport| host.within_limit && host.trouble.is_none();
    if explanation.hops.iter().flat_map(|hop| &hop.hosts).any(tried) {
        return Ok(());
    }
    let last = explanation.hops.last().and_then(|hop| hop.trouble.as_ref());
    let bounced = |trouble: &Trouble| trouble.then == Then::Bounced;
    let code = match explanation.trouble.as_ref().or(last) {
        Some(trouble) if bounced(trouble) => SysExit::Unavailable,
        _ => SysExit::TempFail,
    };
    Err(Failure::new(code, ""))
}

fn object(findings: &Findings) -> Value {
    let Findings { target, routed, waits, explanation, parked } = findings;
    let mut object = json!({
        "target": target, "transport_waits": waits, "relay_running": parked.is_ok(),
        "transport_by": routed.as_ref().map(|routed| author(&routed.transport_by)),
        "nexthop_by": routed.as_ref().map(|routed| author(&routed.nexthop_by)),
    });
    let mut told = serde_json::to_value(explanation).unwrap_or_default();
    let hosts = explanation.hops.iter().enumerate().flat_map(|(at, hop)| {
        hop.hosts.iter().enumerate().map(move |(number, host)| (format!("/hops/{at}/hosts/{number}"), host))
    });
    for (place, host) in hosts {
        let sessions = parked.as_ref().map(|all| fitting(all, &explanation.transport, &host.relay));
        let sessions = sessions.ok().map(|all| Value::from_iter(all.into_iter().map(sessions::object)));
        if let Some(Value::Object(host)) = told.pointer_mut(&place) {
            host.insert("parked".into(), sessions.unwrap_or_default());
        }
    }
    if let (Value::Object(object), Value::Object(told)) = (&mut object, told) {
        object.extend(told);
    }
    object
}

fn author(author: &Author) -> Value {
    match author {
        Author::Table { table, key } => json!({"parameter": "transport_maps", "table": table, "key": key}),
        Author::SenderTransport { table, key } => {
            json!({"parameter": "sender_dependent_default_transport_maps", "table": table, "key": key})
        }
        Author::SenderRelayhost { table, key } => {
            json!({"parameter": "sender_dependent_relayhost_maps", "table": table, "key": key})
        }
        Author::DefaultTransport => json!({"parameter": "default_transport"}),
        Author::Relayhost => json!({"parameter": "relayhost"}),
        Author::Domain => json!({"parameter": null}),
    }
}
