//! One transaction, driven over the wire: the dialogue says what, this does it.

use super::content::Content;
use super::converse::{exchange, limit, patience};
use super::fate::Position;
use super::outgoing::{self, Outgoing};
use super::recipients::Failure;
use super::session::{Connection, Place};
use super::watch::watch;
use super::{Delivery, Ending, now_micros};
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
    delivery: &mut Delivery<'_>,
    connection: &mut Connection,
    ready: Ready,
    settlement: &mut Settlement<'_>,
    afterwards: Afterwards,
) -> Result<Outcome, Abandoned> {
    let (open, all) = (settlement.open, delivery.left.all());
    let prepared = outgoing::prepare(delivery, ready.facts(), open);
    let (mut outgoing, obstacle) = match prepared {
        Ok(outgoing) => (outgoing, None),
        Err(why) => (Outgoing::unchanged(), Some(why)),
    };
    let (sender, rewritten) = (outgoing.sender.take(), std::mem::take(&mut outgoing.recipients));
    let asked = open.iter().filter_map(|at| all.get(*at));
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
    drive(delivery, connection, &mut transaction, content, settlement).await?;
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
    delivery: &mut Delivery<'_>,
    connection: &mut Connection,
    transaction: &mut Transaction<'_>,
    mut content: Content<'_>,
    settlement: &mut Settlement<'_>,
) -> Result<(), Abandoned> {
    let (context, duty) = (delivery.context, delivery.duty);
    loop {
        let wire = &mut connection.wire;
        let from = wire.outgoing.len();
        let action = transaction.next_action(&mut wire.replies, &mut wire.outgoing);
        wire.log_heard(Discretion::Open);
        wire.log_said(from, Discretion::Open);
        for warning in transaction.take_warnings() {
            tracing::warn!("host {} {warning}", connection.place.relay());
        }
        let passed = match action {
            Action::Await(stage) => {
                settlement.so_far(delivery, &connection.place, connection.history.uses, transaction);
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

fn envelope<'e, 'd: 'e>(
    delivery: &Delivery<'d>,
    sender: &'e str,
    body: Body,
    recipients: &'e [Recipient<'e>],
) -> Envelope<'e> {
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

/// Verdicts of one transaction on their way to results, in the order in which they fell.
pub(super) struct Settlement<'o> {
    /// Whom the transaction is for: positions among the recipients.
    pub(super) open: &'o [usize],
    /// Whether another host comes after this one.
    pub(super) position: Position,
    /// Where success would leave the sender's wish to hear of it.
    pub(super) success: job::Fate,
    /// When the session was ready, in microseconds since the epoch.
    pub(super) started: u64,
    /// How many verdicts are results already.
    pub(super) concluded: usize,
}

impl Settlement<'_> {
    /// Once a server has taken the message for somebody, as LMTP servers do for one after the other, no verdict waits for
    /// the next: whoever has the message is to be known should this process end now.
    fn so_far(
        &mut self,
        delivery: &mut Delivery<'_>,
        place: &Place,
        uses: u32,
        transaction: &Transaction<'_>,
    ) {
        let verdicts = || transaction.verdicts().skip(self.concluded);
        if verdicts().any(|(_, verdict)| matches!(verdict, Verdict::Sent(_))) {
            let verdicts: Vec<_> = verdicts().collect();
            // This message counts when all is over.
            self.conclude(delivery, place, uses.saturating_add(1), &verdicts, now_micros());
        }
    }

    /// All that is left, and what the transaction means for the destination.
    pub(super) fn finish(
        &mut self,
        delivery: &mut Delivery<'_>,
        connection: &Connection,
        Settled { verdicts, order, .. }: &Settled,
        finished: u64,
    ) {
        let site_failure = verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Failed(failure) if failure.scope == Scope::Site => Some(failure),
            _ => None,
        });
        match site_failure {
            Some(failure) => delivery.dead = Some(Failure::of_dialogue(failure, &connection.place.host)),
            None => delivery.reached = true,
        }
        let left = order.iter().skip(self.concluded);
        let left: Vec<_> = left.filter_map(|at| Some((*at, verdicts.get(*at)?))).collect();
        self.conclude(delivery, &connection.place, connection.history.uses, &left, finished);
    }

    fn conclude(
        &mut self,
        delivery: &mut Delivery<'_>,
        place: &Place,
        uses: u32,
        verdicts: &[(usize, &Verdict)],
        now: u64,
    ) {
        let (host, relay) = (&place.host, Relay { name: place.relay(), uses });
        let stamps = Stamps { ready: Some(self.started), done: Some(now) };
        for (at, verdict) in verdicts {
            self.concluded += 1;
            let Some(at) = self.open.get(*at) else { continue };
            let (reply, word) = match verdict {
                Verdict::Sent(reply) => (reply, "sent"),
                Verdict::Deliverable(reply) => (reply, "deliverable"),
                Verdict::Failed(failure) => {
                    delivery.apply(*at, &Failure::of_dialogue(failure, host), self.position, &relay, stamps);
                    continue;
                }
            };
            let sent = delivery.context.rewordings.result(accepted(reply, host));
            let asked = delivery.left.at(*at).and_then(|recipient| recipient.notify);
            let fate = match verdict {
                Verdict::Deliverable(_) => job::Fate::Deliverable,
                _ if asked.is_some_and(|notify| notify.success) => self.success,
                _ => job::Fate::Sent,
            };
            let ending = Ending { fate, word, failure: sent, success: self.success };
            delivery.conclude(*at, ending, &relay, stamps);
        }
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
