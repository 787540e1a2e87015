//! One transaction, driven over the wire: the machine says what, this does it.

use super::Delivery;
use super::fate::Position;
use super::greet::patience;
use super::recipients::Failure;
use super::session::Session;
use crate::duty::Abandoned;
use crate::log::delivery::{Relay, Stamps};
use crate::wire::WireError;
use proto::job;
use smtp::{
    Action, DataEncoder, Ending, Envelope, Loss, Quoting, Recipient, Scope, Stage, Transaction, Verdict,
};

/// What it came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// For the recipients that were offered, in order.
    pub(super) verdicts: Vec<Verdict>,
    /// What can be done with the session.
    pub(super) session: smtp::Session,
    /// Microseconds since the epoch: MAIL was about to be sent.
    pub(super) started: u64,
}

/// Offers the recipients at these positions.
pub(super) async fn transact(
    delivery: &Delivery<'_>,
    session: &mut Session,
    open: &[usize],
    ending: Ending,
) -> Result<Outcome, Abandoned> {
    let started = super::now_micros();
    let envelope = envelope(delivery, open);
    let peer = session.peer();
    let facts = session.ready.facts().clone();
    let start = session.history.start;
    let mut transaction = Transaction::new(&envelope, delivery.context.dialect, &facts, &peer, start, ending);
    drive(delivery, session, &mut transaction).await?;
    let smtp::Outcome { verdicts, session: state } = transaction.into_outcome();
    Ok(Outcome { verdicts, session: state, started })
}

async fn drive(
    delivery: &Delivery<'_>,
    session: &mut Session,
    transaction: &mut Transaction<'_>,
) -> Result<(), Abandoned> {
    let (context, duty) = (delivery.context, delivery.duty);
    loop {
        let action = transaction.next_action(session.wire.outgoing());
        let (stage, done) = match action {
            Action::Await(stage) => {
                let patience = patience(context, stage);
                let exchange = async {
                    session.wire.flush(duty, patience).await?;
                    session.wire.reply(duty, patience).await
                };
                match exchange.await {
                    Ok(reply) => {
                        transaction.on_reply(&reply);
                        continue;
                    }
                    Err(error) => (stage, Err(error)),
                }
            }
            Action::SendContent => (Stage::Content, send_content(delivery, session, transaction).await),
            Action::Done => {
                // A QUIT that went with the dot has left; one that stands alone leaves without being waited for.
                let quit = std::mem::take(session.wire.outgoing());
                session.wire.write_and_forget(&quit);
                return Ok(());
            }
        };
        if let Err(error) = done {
            return lost(session, transaction, stage, error);
        }
    }
}

/// The text, its final dot, and the QUIT that may go with it, in as few writes as it takes.
async fn send_content(
    delivery: &Delivery<'_>,
    session: &mut Session,
    transaction: &mut Transaction<'_>,
) -> Result<(), WireError> {
    let (context, duty) = (delivery.context, delivery.duty);
    let patience = patience(context, Stage::Content);
    let limit = context.config.lines.text_line_limit.map_or(0, |limit| limit.get() as usize);
    let mut encoder = DataEncoder::new(limit);
    let wire = &mut session.wire;
    wire.content(delivery.mail, &mut encoder, duty, patience).await?;
    if wire.has_unread() {
        // What the server said before the dot is no answer to it.
        let reply = wire.reply(duty, patience).await?;
        transaction.on_early_reply(&reply);
        return Ok(());
    }
    duty.commit()?;
    encoder.finish(wire.outgoing());
    wire.flush(duty, patience).await?;
    transaction.content_sent();
    Ok(())
}

/// The conversation broke off.
fn lost(
    session: &mut Session,
    transaction: &mut Transaction<'_>,
    stage: Stage,
    error: WireError,
) -> Result<(), Abandoned> {
    let loss = match error {
        WireError::Abandoned(abandoned) => return Err(abandoned),
        WireError::Content(error) => {
            transaction.on_local_error(&error.to_string());
            return Ok(());
        }
        WireError::Lost => Loss::Closed,
        WireError::TimedOut => Loss::TimedOut,
        WireError::Garbage(_) => Loss::Garbage,
    };
    // A server that refuses in mid-text and hangs up has said why.
    if stage == Stage::Content
        && let Some(reply) = session.wire.last_words()
    {
        transaction.on_early_reply(&reply);
    } else {
        transaction.on_lost(loss, stage);
    }
    Ok(())
}

fn envelope(delivery: &Delivery<'_>, open: &[usize]) -> Envelope {
    let request = delivery.request;
    let recipients = open.iter().filter_map(|at| delivery.left.at(*at));
    let quoting = if delivery.context.config.lines.quote_envelope { Quoting::Strict } else { Quoting::Never };
    Envelope {
        sender: request.sender.clone(),
        recipients: recipients.map(recipient).collect(),
        size: delivery.mail.length(),
        body: match request.body {
            job::Body::Unset => smtp::Body::Unset,
            job::Body::SevenBit => smtp::Body::SevenBit,
            job::Body::EightBitMime => smtp::Body::EightBitMime,
        },
        smtputf8: request.smtputf8,
        envid: request.envid.clone(),
        ret: request.ret.map(|ret| match ret {
            job::Ret::Full => smtp::Ret::Full,
            job::Ret::Hdrs => smtp::Ret::Hdrs,
        }),
        quoting,
    }
}

fn recipient(of: &job::Recipient) -> Recipient {
    let job::Recipient { address, orcpt, notify, .. } = of;
    let notify =
        notify.map(|job::Notify { success, failure, delay }| smtp::Notify { success, failure, delay });
    Recipient { address: address.clone(), orcpt: orcpt.clone(), notify }
}

/// Verdicts become results, failures first, as they came.
pub(super) fn settle(
    delivery: &mut Delivery<'_>,
    session: &Session,
    open: &[usize],
    outcome: &Outcome,
    position: Position,
    finished: u64,
) {
    let relay = Relay { name: session.relay(), uses: session.history.uses };
    let stamps = Stamps { ready: Some(outcome.started), done: Some(finished) };
    let site_failed = outcome.verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Failed(failure) if failure.scope == Scope::Site => Some(failure),
        _ => None,
    });
    match site_failed {
        Some(failure) => delivery.dead = Some(translated(failure, session)),
        None => delivery.reached = true,
    }
    for (at, verdict) in open.iter().zip(&outcome.verdicts) {
        if let Verdict::Failed(failure) = verdict {
            let failure = translated(failure, session);
            delivery.apply(*at, &failure, position, &relay, Some(stamps));
        }
    }
    for (at, verdict) in open.iter().zip(&outcome.verdicts) {
        if let Verdict::Sent(reply) = verdict {
            let (status, text) = (reply.status.to_string(), reply.one_line().into_owned());
            delivery.log(*at, &relay, stamps, &status, "sent", &text);
            let sent = Failure {
                status,
                reason: text.clone(),
                remote_mta: Some(session.place.host.clone()),
                diagnostic: Some(text),
            };
            delivery.left.settle(*at, job::Fate::Sent, sent);
        }
    }
}

fn translated(failure: &smtp::Failure, session: &Session) -> Failure {
    let smtp::Failure { status, reason, diagnostic, scope: _ } = failure;
    Failure {
        status: status.to_string(),
        reason: reason.clone(),
        remote_mta: diagnostic.is_some().then(|| session.place.host.clone()),
        diagnostic: diagnostic.clone(),
    }
}
