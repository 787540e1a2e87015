//! The first commands on a new connection, until it can carry mail.

use super::recipients::Failure;
use super::session::{History, Place, Session, endpoint_key};
use crate::context::Context;
use crate::duty::{Abandoned, Duty};
use crate::wire::{Socket, Wire, WireError};
use proto::clock::Boottime;
use proto::job::Request;
use route::Candidate;
use smtp::{Discard, Greeting, GreetingAction, GreetingOptions, ReplyReader, Stage, Start};
use std::time::Duration;

/// Why the connection carries no mail.
#[derive(Debug)]
pub(super) enum GreetError {
    /// The server does not want us; a failure of the site.
    Failed(Failure),
    /// The supervisor is gone.
    Abandoned(Abandoned),
}

/// Greets, and says QUIT if it comes to nothing.
pub(super) async fn greet(
    context: &Context,
    duty: &Duty,
    candidate: &Candidate,
    socket: Socket,
    request: &Request,
) -> Result<Session, GreetError> {
    let place = Place::of(candidate);
    let peer = format!("{}[{}]", place.host, place.address);
    let mut wire = Wire::new(socket, ReplyReader::default());
    let mut greeting = Greeting::new(options(context), &peer);
    while let GreetingAction::Await(stage) = greeting.next_action() {
        let patience = patience(context, stage);
        let reply = match exchange(&mut wire, duty, patience).await {
            Ok(reply) => reply,
            Err(WireError::Abandoned(abandoned)) => return Err(GreetError::Abandoned(abandoned)),
            Err(error) => return Err(GreetError::Failed(lost(&error, &peer, stage))),
        };
        if let Err(refusal) = greeting.on_reply(&reply, wire.outgoing()) {
            wire.outgoing().clear();
            wire.write_and_forget(smtp::quit());
            return Err(GreetError::Failed(Failure {
                status: refusal.status.to_string(),
                reason: refusal.reason,
                remote_mta: Some(place.host),
                diagnostic: Some(refusal.diagnostic),
            }));
        }
    }
    let own_name = greeting.greeted_as().eq_ignore_ascii_case(&context.config.identity.hostname);
    if own_name && place.port == 25 {
        tracing::warn!("host {peer} greeted me with my own hostname {}", &*context.config.identity.hostname);
    }
    let Some(hello) = greeting.finish() else {
        return Err(GreetError::Failed(Failure::new("4.3.0", format!("no handshake with {peer}"))));
    };
    if let Some(failure) = loops(context, &place, hello.facts(), candidate, request) {
        wire.write_and_forget(smtp::quit());
        return Err(GreetError::Failed(failure));
    }
    let endpoint = endpoint_key(context, request, &place);
    Ok(Session { wire, ready: hello.ready(), endpoint, place, history: born(context), route: None })
}

async fn exchange(
    wire: &mut Wire,
    duty: &Duty,
    patience: Duration,
) -> Result<std::sync::Arc<smtp::Reply>, WireError> {
    wire.flush(duty, patience).await?;
    wire.reply(duty, patience).await
}

fn options(context: &Context) -> GreetingOptions {
    let hello = &context.config.hello;
    GreetingOptions {
        name: hello.name.to_string(),
        dialect: context.dialect,
        always_ehlo: hello.always_send_ehlo,
        never_ehlo: hello.never_send_ehlo,
        skip_5xx: hello.skip_5xx_greeting,
        discard: Discard::new(hello.discard_keywords.iter()),
    }
}

/// A server on port 25 that calls itself by our name is us.
fn loops(
    context: &Context,
    place: &Place,
    facts: &smtp::EhloFacts,
    candidate: &Candidate,
    request: &Request,
) -> Option<Failure> {
    let own = &context.config.identity.hostname;
    if place.port != 25 || !facts.server_name.eq_ignore_ascii_case(own) {
        return None;
    }
    tracing::warn!(
        "host {}[{}] replied to HELO/EHLO with my own hostname {}",
        place.host,
        place.address,
        &**own
    );
    let status = if candidate.best { "5.4.6" } else { "4.4.6" };
    Some(Failure::new(status, format!("mail for {} loops back to myself", request.nexthop)))
}

fn lost(error: &WireError, peer: &str, stage: Stage) -> Failure {
    let reason = match error {
        WireError::TimedOut => format!("conversation with {peer} timed out while {stage}"),
        WireError::Garbage(garbage) => format!("host {peer} is no mail server ({garbage}) while {stage}"),
        _ => format!("lost connection with {peer} while {stage}"),
    };
    Failure::new("4.4.2", reason)
}

fn born(context: &Context) -> History {
    let now = Boottime::now();
    let cache = &context.config.cache;
    History {
        serial: serial(),
        born: now,
        uses: 0,
        handovers: 0,
        handed_over: false,
        start: Start::Fresh,
        retire_at: now.after(cache.reuse_time_limit.get()),
        uses_left: cache.reuse_count_limit.map_or(u32::MAX, |limit| limit.get()),
        pace_us: 0,
    }
}

/// Names a session among all of this machine: unlikely to be given twice while anybody looks.
fn serial() -> u64 {
    let mut octets = [0; 8];
    let _zero_if_none = getrandom::fill(&mut octets);
    u64::from_ne_bytes(octets)
}

/// `host[address]:port` of a candidate that could not be used.
pub(super) fn relay(candidate: &Candidate) -> String {
    super::relay_name(candidate)
}

/// How long a stage may take.
pub(super) fn patience(context: &Context, stage: Stage) -> Duration {
    let timeouts = &context.config.timeouts;
    match stage {
        Stage::Greeting | Stage::Hello(_) => timeouts.hello.get(),
        Stage::StartTls => timeouts.starttls.get(),
        Stage::Mail => timeouts.mail.get(),
        Stage::Rcpt => timeouts.rcpt.get(),
        Stage::Data => timeouts.data_init.get(),
        Stage::Content => timeouts.data_xfer.get(),
        Stage::EndOfData => timeouts.data_done.get(),
        Stage::Rset => timeouts.rset.get(),
        Stage::Quit => timeouts.quit.get(),
    }
}
