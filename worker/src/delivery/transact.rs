//! One transaction, driven over the wire: the dialogue says what, this does it.

use super::content::Content;
use super::converse::{exchange, limit, patience};
use super::fate::Position;
use super::outgoing::{self, Outgoing};
use super::recipients::Failure;
use super::session::Connection;
use super::watch::watch;
use super::{Delivery, Ending};
use crate::duty::Abandoned;
use crate::log::delivery::{Relay, Stamps};
use crate::wire::{Discretion, WireError};
use maincf::value::{DeliveryFlags, VerifyTarget};
use proto::job;
use smtp::{
    Action, Afterwards, Body, Certainty, ClientSource, EndReplies, Envelope, Extension, OriginalClient,
    Outcome, ProbeUntil, Purpose, Quoting, Ready, Recipient, Reply, ReplyClass, Scope, Settled, Transaction,
    TransactionOptions, Utf8, Verdict,
};

/// Offers the recipients at these positions.
pub(super) async fn transact(
    delivery: &Delivery<'_>,
    connection: &mut Connection,
    ready: Ready,
    open: &[usize],
    afterwards: Afterwards,
) -> Result<Outcome, Abandoned> {
    let prepared = outgoing::prepare(delivery, ready.facts(), open);
    let (mut outgoing, obstacle) = match prepared {
        Ok(outgoing) => (outgoing, None),
        Err(why) => (Outgoing::unchanged(), Some(why)),
    };
    let (sender, rewritten) = (outgoing.sender.take(), std::mem::take(&mut outgoing.recipients));
    let asked = open.iter().filter_map(|at| delivery.left.at(*at));
    let new = rewritten.iter().map(Option::as_deref).chain(std::iter::repeat(None));
    let recipients: Vec<_> = asked.zip(new).map(|(of, new)| recipient(of, new)).collect();
    let sender = sender.as_deref().unwrap_or(&delivery.request.sender);
    let envelope = envelope(delivery, sender, outgoing.body, &recipients);
    let peer = connection.place.peer();
    let quoting =
        if delivery.context.config.lines.quote_envelope { Quoting::Rfc5321 } else { Quoting::DotsPass };
    let content = Content::new(delivery, &mut outgoing, ready.facts());
    let options = TransactionOptions { quoting, purpose: purpose(delivery), afterwards };
    let mut transaction = ready.transaction(&peer, &envelope, options);
    if let Some(why) = obstacle {
        transaction.on_abort(why);
    }
    watch(delivery.context, delivery.request, &connection.place, &mut connection.wire);
    drive(delivery, connection, &mut transaction, content).await?;
    // QUIT, perhaps.
    connection.wire.write_and_forget();
    Ok(transaction.into_outcome())
}

/// `smtp_address_verify_target`.
fn purpose(delivery: &Delivery<'_>) -> Purpose {
    match (delivery.request.purpose, delivery.context.config.errors.address_verify_target) {
        (job::Purpose::Delivery, _) => Purpose::Delivery,
        (job::Purpose::Probe, VerifyTarget::Rcpt) => Purpose::Probe(ProbeUntil::Rcpt),
        (job::Purpose::Probe, VerifyTarget::Data) => Purpose::Probe(ProbeUntil::Data),
    }
}

async fn drive(
    delivery: &Delivery<'_>,
    connection: &mut Connection,
    transaction: &mut Transaction<'_>,
    mut content: Content<'_>,
) -> Result<(), Abandoned> {
    let (context, duty, wire) = (delivery.context, delivery.duty, &mut connection.wire);
    loop {
        let from = wire.outgoing.len();
        let action = transaction.next_action(&mut wire.replies, &mut wire.outgoing);
        wire.log_heard(Discretion::Open);
        wire.log_said(from, Discretion::Open);
        for warning in transaction.take_warnings() {
            tracing::warn!("host {} {warning}", connection.place.relay());
        }
        let passed = match action {
            Action::Await(stage) => {
                let patience = patience(context, stage);
                wire.log_wait(stage, patience);
                exchange(wire, duty, limit(context, patience)).await
            }
            Action::SendContent => content.send(delivery, wire, transaction).await,
            Action::Flush => {
                duty.commit()?;
                wire.flush(duty, content.limit).await
            }
            Action::Done => return Ok(()),
        };
        match passed {
            Ok(()) => {}
            Err(WireError::Abandoned(abandoned)) => return Err(abandoned),
            Err(WireError::Lost { how, unwritten }) => {
                wire.last_words();
                transaction.on_lost(&mut wire.replies, how, unwritten);
            }
        }
    }
}

fn envelope<'a>(
    delivery: &'a Delivery<'_>,
    sender: &'a str,
    body: Body,
    recipients: &'a [Recipient<'a>],
) -> Envelope<'a> {
    let request = delivery.request;
    Envelope {
        sender,
        size: delivery.mail.length(),
        body,
        utf8: match request.smtputf8 {
            job::SmtpUtf8::NotAsked => Utf8::NotAsked,
            job::SmtpUtf8::Asked => Utf8::Asked,
            job::SmtpUtf8::Needed => Utf8::Needed,
        },
        envid: request.envid.as_deref(),
        ret: request.ret.map(|ret| match ret {
            job::Ret::Full => smtp::Ret::Full,
            job::Ret::Hdrs => smtp::Ret::Hdrs,
        }),
        auth: delivery.context.sasl.mail_auth,
        client: delivery.context.config.hello.send_xforward.then(|| client(&request.client)),
        recipients,
    }
}

fn client(of: &job::Client) -> OriginalClient<'_> {
    let job::Client { name, address, port, helo, protocol, ident, source } = of;
    let source = match source {
        job::ClientSource::Local => ClientSource::Local,
        job::ClientSource::Remote => ClientSource::Remote,
    };
    OriginalClient { name, address, port, protocol, helo, ident, source }
}

/// A recipient, perhaps with a new address: then the old one is the original, for ORCPT.
fn recipient<'a>(of: &'a job::Recipient, new: Option<&'a str>) -> Recipient<'a> {
    let job::Recipient { index: _, address, original, orcpt, notify } = of;
    Recipient {
        address: new.unwrap_or(address),
        original: if new.is_some() && original.is_empty() { address } else { original },
        orcpt: orcpt.as_deref(),
        notify: notify.map(|job::Notify { success, failure, delay }| smtp::Notify {
            success,
            failure,
            delay,
        }),
    }
}

/// What success means for those who want to hear of it (RFC 3461 §5.2): a server with DSN tells them.
pub(super) fn success(ready: &Ready, flags: DeliveryFlags) -> job::Fate {
    match (ready.facts().offers(Extension::Dsn), ready.dialect().end_replies) {
        (true, _) => job::Fate::Sent,
        (false, EndReplies::One) if flags.final_delivery => job::Fate::Delivered,
        (false, EndReplies::One) => job::Fate::Relayed,
        (false, EndReplies::PerRecipient) => job::Fate::Delivered,
    }
}

/// Verdicts become results, in the order in which they fell.
pub(super) fn settle(
    delivery: &mut Delivery<'_>,
    connection: &Connection,
    open: &[usize],
    Settled { verdicts, order, .. }: &Settled,
    position: Position,
    stamps: Stamps,
    success: job::Fate,
) {
    let relay = Relay { name: connection.place.relay(), uses: connection.history.uses };
    let host = &connection.place.host;
    let site_failure = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Failed(failure) if failure.scope == Scope::Site => Some(failure),
        _ => None,
    });
    match site_failure {
        Some(failure) => delivery.dead = Some(Failure::of_dialogue(failure, host)),
        None => delivery.reached = true,
    }
    for at in order {
        let (Some(verdict), Some(at)) = (verdicts.get(*at), open.get(*at)) else { continue };
        let (reply, word) = match verdict {
            Verdict::Sent(reply) => (reply, "sent"),
            Verdict::Deliverable(reply) => (reply, "deliverable"),
            Verdict::Failed(failure) => {
                delivery.apply(*at, &Failure::of_dialogue(failure, host), position, &relay, stamps);
                continue;
            }
        };
        let sent = delivery.context.rewordings.result(accepted(reply, host));
        let asked = delivery.left.at(*at).and_then(|recipient| recipient.notify);
        let fate = match verdict {
            Verdict::Deliverable(_) => job::Fate::Deliverable,
            _ if asked.is_some_and(|notify| notify.success) => success,
            _ => job::Fate::Sent,
        };
        delivery.conclude(*at, Ending { fate, word, failure: sent, success }, &relay, stamps);
    }
}

fn accepted(reply: &Reply, host: &str) -> Failure {
    // 354 has no status of its own.
    let is_final = reply.code.class() == ReplyClass::Completed;
    let text = reply.one_line().into_owned();
    Failure {
        status: if is_final { reply.status.to_string() } else { "2.0.0".into() },
        reason: text.clone(),
        remote_mta: Some(host.to_owned()),
        diagnostic: Some(text),
        certainty: Certainty::NotDelivered,
        elsewhere: false,
    }
}
