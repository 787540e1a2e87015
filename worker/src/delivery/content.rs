//! The text of a message on its way to the wire: read, changed where it must be, encoded, written.

use super::Delivery;
use super::outgoing::{self, Asked, Outgoing};
use crate::wire::{Limit, Reader, Wire, WireError};
use mime::{Conversion, Filter};
use smtp::{Abort, DataEncoder, EhloFacts, FinalDot, Transaction};
use std::time::Duration;
use tokio::time::Instant;

/// How much of a message is gathered before it is written; what is read at once is twice that, and comes on top.
const GATHER: usize = 32 * 1024;
/// Quoted-printable makes three octets of one.
const LARGEST_GROWTH: u64 = 3;

/// How far the text has come.
pub(super) struct Content<'a> {
    reader: Box<dyn Reader + 'a>,
    /// What goes in front.
    added: Vec<u8>,
    changes: Option<Changes<'a>>,
    encoder: DataEncoder,
    line_limit: usize,
    /// How long writing may take.
    pub(super) limit: Limit,
    /// How long the end of the text goes before the final dot, where the server wants that.
    pause: Option<Duration>,
}

/// What is done to the text.
struct Changes<'a> {
    filter: Filter,
    asked: Asked<'a>,
    /// What came out of the last piece.
    changed: Vec<u8>,
}

impl<'a> Content<'a> {
    /// All of the message. Where nothing changes it is not looked into.
    pub(super) fn new(delivery: &Delivery<'a>, outgoing: &mut Outgoing, facts: &EhloFacts) -> Self {
        let context = delivery.context;
        let line_limit = context.config.lines.text_line_limit.map_or(0, |limit| limit.get() as usize);
        let known = std::mem::take(&mut outgoing.known);
        let (generic, checks) = (context.generic.as_ref(), context.checks.as_ref());
        let changes = outgoing.conversion == Conversion::SevenBit || generic.is_some() || checks.is_some();
        let changes = changes.then(|| {
            let asked = Asked { generic, checks, queue_id: &delivery.request.queue_id, known };
            let filter = Filter::new(&outgoing::limits(delivery), outgoing.conversion);
            Changes { filter, asked, changed: Vec::new() }
        });
        let (reader, encoder) = (delivery.mail.reader(), DataEncoder::new(line_limit));
        let pause = (facts.dot == FinalDot::Late).then(|| context.config.hello.pix_delay.get());
        let added = std::mem::take(&mut outgoing.added);
        Self {
            reader,
            added,
            changes,
            encoder,
            line_limit,
            limit: limit(delivery, outgoing.conversion),
            pause,
        }
    }

    /// The text as far as the server does not interrupt it. Its end stays outgoing, to leave with the final dot.
    pub(super) async fn send(
        &mut self,
        delivery: &Delivery<'_>,
        wire: &mut Wire,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), WireError> {
        loop {
            match self.advance(delivery, wire) {
                Ok(Progress::Some) => {}
                Ok(Progress::End) => break,
                Err(why) => {
                    transaction.on_abort(why);
                    wire.take_back();
                    return Ok(());
                }
            }
            if wire.pending() >= GATHER && !self.reader.is_at_end() {
                delivery.duty.check()?;
                wire.flush(delivery.duty, self.limit).await?;
                if wire.was_interrupted()? {
                    return Ok(());
                }
            }
        }
        self.encoder.finish(&mut wire.outgoing);
        if self.encoder.folded() > 0 {
            let (id, limit) = (&delivery.request.queue_id, self.line_limit);
            tracing::info!("{id}: breaking line > {limit} bytes with <CR><LF>SPACE");
        }
        if let Some(pause) = self.pause {
            wire.flush(delivery.duty, self.limit).await?;
            delivery.duty.guard(tokio::time::sleep(pause)).await?;
            self.limit = self.limit.later(pause);
            if wire.was_interrupted()? {
                return Ok(());
            }
        }
        transaction.on_content_written();
        Ok(())
    }

    /// One piece further.
    fn advance(&mut self, delivery: &Delivery<'_>, wire: &mut Wire) -> Result<Progress, Abort> {
        let out = &mut wire.outgoing;
        let added = std::mem::take(&mut self.added);
        if !added.is_empty() {
            match &mut self.changes {
                None => self.encoder.encode(&added, out),
                Some(changes) => {
                    changes.pass(delivery, Some(&added))?;
                    self.encoder.encode(&changes.changed, out);
                }
            }
            return Ok(Progress::Some);
        }
        let chunk = self.reader.next_chunk().map_err(|error| outgoing::unreadable(delivery, &error))?;
        match (&mut self.changes, chunk) {
            (None, None) => return Ok(Progress::End),
            (None, Some(chunk)) => {
                let (verbatim, odd) = chunk.split_at(self.encoder.verbatim(chunk));
                wire.say(verbatim);
                self.encoder.encode(odd, &mut wire.outgoing);
            }
            (Some(changes), chunk) => {
                changes.pass(delivery, chunk)?;
                self.encoder.encode(&changes.changed, out);
                if chunk.is_none() {
                    return Ok(Progress::End);
                }
            }
        }
        Ok(Progress::Some)
    }
}

enum Progress {
    Some,
    End,
}

impl Changes<'_> {
    /// Changes one piece, or with `None` ends the text.
    fn pass(&mut self, delivery: &Delivery<'_>, chunk: Option<&[u8]>) -> Result<(), Abort> {
        self.changed.clear();
        let out = &mut self.changed;
        let passed = match chunk {
            Some(chunk) => self.filter.feed(chunk, &mut self.asked, out),
            None => self.filter.finish(&mut self.asked, out),
        };
        passed.map_err(|error| why(delivery, error))
    }
}

fn why<E: std::fmt::Display>(delivery: &Delivery<'_>, error: mime::Error<E>) -> Abort {
    match error {
        mime::Error::TooDeep => Abort::NestedTooDeep,
        mime::Error::Check(error) => outgoing::failed(delivery, &error),
        mime::Error::Rewrite(error) => outgoing::failed(delivery, &error),
    }
}

/// `*_data_xfer_timeout` for each step, or with `*_per_request_deadline` for all of it, and as long as the message takes
/// at `*_min_data_rate`.
fn limit(delivery: &Delivery<'_>, conversion: Conversion) -> Limit {
    let timeouts = &delivery.context.config.timeouts;
    let step = timeouts.data_xfer.get();
    if !timeouts.per_request_deadline {
        return Limit::EachStep(step);
    }
    let length = match conversion {
        Conversion::None => delivery.mail.length(),
        Conversion::SevenBit => delivery.mail.length().saturating_mul(LARGEST_GROWTH),
    };
    Limit::Until(
        Instant::now() + step + Duration::from_secs(length / u64::from(timeouts.min_data_rate.get())),
    )
}
