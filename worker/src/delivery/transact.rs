//! One transaction, driven over the wire: the dialogue says what, this does it.

use super::Delivery;
use super::converse::patience;
use super::fate::Position;
use super::recipients::Failure;
use super::session::Connection;
use crate::duty::Abandoned;
use crate::log::delivery::{Relay, Stamps};
use crate::wire::{Limit, Reader, WireError};
use proto::job;
use smtp::{
    Abort, Action, Afterwards, Body, Certainty, DataEncoder, Envelope, Outcome, Quoting, Ready, Recipient,
    Scope, Transaction, TransactionOptions, Utf8, Verdict,
};

use std::time::Duration;
use tokio::time::Instant;

/// How much of a message is gathered before it is written.
const GATHER: usize = 64 * 1024;

/// Offers the recipients at these positions.
pub(super) async fn transact(
    delivery: &Delivery<'_>,
    connection: &mut Connection,
    ready: Ready,
    open: &[usize],
    afterwards: Afterwards,
) -> Result<Outcome, Abandoned> {
    let recipients: Vec<_> = open.iter().filter_map(|at| delivery.left.at(*at)).map(recipient).collect();
    let envelope = envelope(delivery, &recipients);
    let peer = connection.place.peer();
    let quoting =
        if delivery.context.config.lines.quote_envelope { Quoting::Rfc5321 } else { Quoting::DotsPass };
    let mut transaction = ready.transaction(&peer, &envelope, TransactionOptions { quoting, afterwards });
    drive(delivery, connection, &mut transaction).await?;
    // QUIT, perhaps.
    connection.wire.write_and_forget();
    Ok(transaction.into_outcome())
}

async fn drive(
    delivery: &Delivery<'_>,
    connection: &mut Connection,
    transaction: &mut Transaction<'_>,
) -> Result<(), Abandoned> {
    let (context, duty, wire) = (delivery.context, delivery.duty, &mut connection.wire);
    let limit = context.config.lines.text_line_limit.map_or(0, |limit| limit.get() as usize);
    let (reader, encoder) = (delivery.mail.reader(), DataEncoder::new(limit));
    let mut content = Content { reader, encoder, limit: content_limit(delivery) };
    loop {
        let action = transaction.next_action(&mut wire.replies, &mut wire.outgoing);
        let passed = match action {
            Action::Await(stage) => {
                let patience = patience(context, stage);
                match wire.flush(duty, Limit::EachStep(patience)).await {
                    Ok(()) => wire.hear(duty, patience).await,
                    lost => lost,
                }
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

/// How far the text has come.
struct Content<'a> {
    reader: Reader<'a>,
    encoder: DataEncoder,
    limit: Limit,
}

/// `*_data_xfer_timeout` for each step, or with `*_per_request_deadline` for all of it, and as long as the message takes
/// at `*_min_data_rate`.
fn content_limit(delivery: &Delivery<'_>) -> Limit {
    let timeouts = &delivery.context.config.timeouts;
    let step = timeouts.data_xfer.get();
    if !timeouts.per_request_deadline {
        return Limit::EachStep(step);
    }
    let transfer = delivery.mail.length() / u64::from(timeouts.min_data_rate.get());
    Limit::Until(Instant::now() + step + Duration::from_secs(transfer))
}

impl Content<'_> {
    /// The text as far as the server does not interrupt it. Its end stays outgoing, to leave with the final dot.
    async fn send(
        &mut self,
        delivery: &Delivery<'_>,
        wire: &mut crate::wire::Wire,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), WireError> {
        loop {
            match self.reader.next_chunk() {
                Ok(Some(chunk)) => self.encoder.encode(chunk, &mut wire.outgoing),
                Ok(None) => break,
                Err(error) => {
                    tracing::error!("{}: cannot read the message: {error}", delivery.request.queue_id);
                    transaction.on_abort(Abort::UnreadableContent);
                    wire.outgoing.clear();
                    return Ok(());
                }
            }
            if wire.outgoing.len() >= GATHER && !self.reader.is_at_end() {
                delivery.duty.check()?;
                wire.flush(delivery.duty, self.limit).await?;
                if wire.was_interrupted()? {
                    return Ok(());
                }
            }
        }
        self.encoder.finish(&mut wire.outgoing);
        transaction.on_content_written();
        Ok(())
    }
}

fn envelope<'a>(delivery: &Delivery<'a>, recipients: &'a [Recipient<'a>]) -> Envelope<'a> {
    let request = delivery.request;
    Envelope {
        sender: &request.sender,
        size: delivery.mail.length(),
        body: match request.body {
            job::Body::Unset => Body::Undeclared,
            job::Body::SevenBit => Body::SevenBit,
            job::Body::EightBitMime => Body::EightBitMime,
        },
        utf8: if request.smtputf8 { Utf8::Needed } else { Utf8::NotAsked },
        envid: request.envid.as_deref(),
        ret: request.ret.map(|ret| match ret {
            job::Ret::Full => smtp::Ret::Full,
            job::Ret::Hdrs => smtp::Ret::Hdrs,
        }),
        auth: delivery.context.sasl.mail_auth,
        recipients,
    }
}

fn recipient(of: &job::Recipient) -> Recipient<'_> {
    let job::Recipient { index: _, address, original, orcpt, notify } = of;
    Recipient {
        address,
        original,
        orcpt: orcpt.as_deref(),
        notify: notify.map(|job::Notify { success, failure, delay }| smtp::Notify {
            success,
            failure,
            delay,
        }),
    }
}

/// Verdicts become results: failures first, since their replies came first.
pub(super) fn settle(
    delivery: &mut Delivery<'_>,
    connection: &Connection,
    open: &[usize],
    verdicts: &[Verdict],
    position: Position,
    stamps: Stamps,
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
    for (at, verdict) in open.iter().zip(verdicts) {
        if let Verdict::Failed(failure) = verdict {
            delivery.apply(*at, &Failure::of_dialogue(failure, host), position, &relay, stamps);
        }
    }
    for (at, verdict) in open.iter().zip(verdicts) {
        if let Verdict::Sent(reply) = verdict {
            let (status, text) = (reply.status.to_string(), reply.one_line().into_owned());
            delivery.log(*at, &relay, stamps, &status, "sent", &text);
            let said = Some(text.clone());
            let certainty = Certainty::NotDelivered;
            let sent =
                Failure { status, reason: text, remote_mta: Some(host.clone()), diagnostic: said, certainty };
            delivery.left.settle(*at, job::Fate::Sent, sent);
        }
    }
}
