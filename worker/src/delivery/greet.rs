//! The first commands on a new connection, until it can carry mail.

use super::recipients::Failure;
use super::session::{Connection, History, Place, Session, UNLIMITED, endpoint_key};
use crate::context::Context;
use crate::duty::{Abandoned, Duty};
use crate::wire::{Limit, Socket, Wire, WireError};
use proto::clock::Boottime;
use proto::job::Request;
use route::Candidate;
use smtp::{Farewell, Hello, HelloAction, Remark, Stage};
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
    let peer = place.peer();
    let mut wire = Wire::new(socket);
    if let Some(discarded) = context.hello.discard.to_log() {
        tracing::info!("{}: discarding EHLO keywords: {discarded}", request.queue_id);
    }
    let mut hello = Hello::new(context.dialect, &peer, &context.hello);
    while let HelloAction::Await(stage) = hello.next_action(&mut wire.replies, &mut wire.outgoing) {
        match exchange(&mut wire, duty, patience(context, stage)).await {
            Ok(()) => {}
            Err(WireError::Abandoned(abandoned)) => return Err(GreetError::Abandoned(abandoned)),
            Err(WireError::Lost { how, .. }) => {
                wire.last_words();
                hello.on_lost(&mut wire.replies, how);
            }
        }
    }
    let greeted = hello.finish().map_err(|failed| {
        leave(&mut wire, failed.farewell);
        GreetError::Failed(Failure::of_dialogue(&failed.failure, &place.host))
    })?;
    greeted.remarks().iter().for_each(|remark| warn(&peer, remark));
    if let Some(failure) = loops(context, &peer, &place, greeted.own_name(), candidate, request) {
        leave(&mut wire, Farewell::Quit);
        return Err(GreetError::Failed(failure));
    }
    let endpoint = endpoint_key(context, request, &place);
    let connection =
        Connection { wire, endpoint, place, history: History::begin(context, serial()), route: None };
    Ok(Session { connection, ready: greeted.ready() })
}

async fn exchange(wire: &mut Wire, duty: &Duty, patience: Duration) -> Result<(), WireError> {
    wire.flush(duty, Limit::EachStep(patience)).await?;
    wire.hear(duty, patience).await
}

fn leave(wire: &mut Wire, farewell: Farewell) {
    if farewell == Farewell::Quit {
        wire.outgoing.clear();
        wire.outgoing.extend_from_slice(smtp::QUIT);
        wire.write_and_forget();
    }
}

fn warn(peer: &str, remark: &Remark) {
    match remark {
        Remark::BadSizeLimit(text) => tracing::warn!("bad EHLO SIZE limit {text:?} from {peer}"),
        Remark::Utf8WithoutEightBit => {
            tracing::info!("host {peer} offers SMTPUTF8 support, but not 8BITMIME")
        }
        Remark::TooMuch(what) => tracing::warn!("host {peer} offers too many {what}; some are left out"),
    }
}

/// A server on port 25 that calls itself by our name is us.
fn loops(
    context: &Context,
    peer: &str,
    place: &Place,
    own_name: smtp::OwnName,
    candidate: &Candidate,
    request: &Request,
) -> Option<Failure> {
    if place.port != SMTP_PORT {
        return None;
    }
    let own = &*context.config.identity.hostname;
    if own_name.in_greeting {
        tracing::warn!("host {peer} greeted me with my own hostname {own}");
    }
    if !own_name.in_hello {
        return None;
    }
    tracing::warn!("host {peer} replied to HELO/EHLO with my own hostname {own}");
    let status = if candidate.best { "5.4.6" } else { "4.4.6" };
    Some(Failure::new(status, format!("mail for {} loops back to myself", request.nexthop)))
}

const SMTP_PORT: u16 = 25;

/// Names a session among all of this machine: unlikely to be given twice while anybody looks.
fn serial() -> u64 {
    let mut octets = [0; 8];
    let _zero_if_none = getrandom::fill(&mut octets);
    u64::from_ne_bytes(octets)
}

impl History {
    /// A session that was connected just now.
    fn begin(context: &Context, serial: u64) -> Self {
        let now = Boottime::now();
        let cache = &context.config.cache;
        Self {
            serial,
            born: now,
            uses: 0,
            handovers: 0,
            handed_over: false,
            retire_at: now.after(cache.reuse_time_limit.get()),
            // The first use is no reuse.
            uses_left: cache.reuse_count_limit.map_or(UNLIMITED, |limit| limit.get().saturating_add(1)),
            pace_us: 0,
        }
    }
}

/// How long a stage may take.
pub(super) fn patience(context: &Context, stage: Stage) -> Duration {
    let timeouts = &context.config.timeouts;
    match stage {
        Stage::Greeting | Stage::Ehlo | Stage::Helo | Stage::Lhlo => timeouts.hello.get(),
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
