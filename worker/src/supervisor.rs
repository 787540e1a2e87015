//! The worker's side of its supervisor: requests in, reports out, and what is left of duty when it is gone.

use proto::channel::{AsyncChannel, Channel, ChannelError};
use proto::deposit::DepositKeys;
use proto::job::{CHUNK, FromWorker, Recipient, RecipientResult, Report, Request, ToWorker};
use proto::orphan::OrphanRecord;
use proto::secret::Secret;
use std::os::fd::{AsFd, OwnedFd};

/// What the supervisor wants.
#[derive(Debug)]
pub enum Order {
    /// Deliver this, with the message.
    Deliver(Box<Job>),
    /// Use this channel to scache.
    Cache(Channel),
    /// Seal what goes to scache under these keys.
    DepositKeys(DepositKeys),
    /// End when idle.
    Drain,
}

/// One request, complete.
#[derive(Debug)]
pub struct Job {
    /// What to do.
    pub request: Request,
    /// For whom, in order; never empty.
    pub recipients: Vec<Recipient>,
    /// The message, read-only, its lock held by this description.
    pub message: OwnedFd,
}

/// The keys that the supervisor's greeting brings.
#[derive(Debug)]
pub struct Keys {
    /// Of cache keys and seals.
    pub secret: Secret,
    /// Of deposits in scache, until an [`Order::DepositKeys`] brings others.
    pub deposit: DepositKeys,
}

/// Why the worker ends.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// It has gone.
    #[error("the supervisor has gone")]
    Gone,
    /// It speaks another version.
    #[error("the supervisor speaks version {0}, this worker {own}", own = proto::VERSION)]
    Version(u16),
    /// It broke the protocol.
    #[error("the supervisor sent what cannot be understood: {0}")]
    Broken(&'static str),
    /// The channel failed.
    #[error("channel to the supervisor: {0}")]
    Channel(ChannelError),
}

impl From<ChannelError> for SupervisorError {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Closed => Self::Gone,
            other => Self::Channel(other),
        }
    }
}

/// The channel, and the results that nobody has taken note of yet.
#[derive(Debug)]
pub struct Supervisor {
    channel: AsyncChannel,
    coming: Vec<Recipient>,
    results: OwnedFd,
    /// The last report, and the message with its lock: the next order says that it was recorded.
    unrecorded: Option<(OrphanRecord, Option<OwnedFd>)>,
}

impl Supervisor {
    /// Exchanges greetings.
    ///
    /// # Errors
    /// [`SupervisorError`]: the worker ends.
    pub async fn greet(channel: Channel) -> Result<(Self, Keys), SupervisorError> {
        let mut channel =
            channel.into_async().map_err(|error| SupervisorError::Channel(ChannelError::Io(error)))?;
        channel.send(&FromWorker::Hello { version: proto::VERSION }, &[]).await?;
        match channel.receive::<ToWorker>().await? {
            (ToWorker::Hello { version: proto::VERSION, secret, deposit }, descriptors) => {
                let results = descriptors.only().ok_or(SupervisorError::Broken("no result file"))?;
                let supervisor = Self { channel, coming: Vec::new(), results, unrecorded: None };
                Ok((supervisor, Keys { secret, deposit }))
            }
            (ToWorker::Hello { version, .. }, _) => Err(SupervisorError::Version(version)),
            _ => Err(SupervisorError::Broken("no greeting")),
        }
    }

    /// The next order. Cancel-safe.
    ///
    /// # Errors
    /// [`SupervisorError`]; the last report is in the result file then.
    pub async fn order(&mut self) -> Result<Order, SupervisorError> {
        loop {
            let (message, descriptors) = match self.channel.receive::<ToWorker>().await {
                Ok(received) => received,
                Err(error) => {
                    self.record_last();
                    return Err(error.into());
                }
            };
            match message {
                ToWorker::Recipients(more) => self.coming.extend(more),
                ToWorker::Deliver(mut request) => {
                    self.unrecorded = None;
                    let message = descriptors.only().ok_or(SupervisorError::Broken("no message"))?;
                    let mut recipients = std::mem::take(&mut self.coming);
                    recipients.append(&mut request.recipients);
                    if recipients.is_empty() || recipients.len() != request.recipient_count as usize {
                        return Err(SupervisorError::Broken("not the recipients that were announced"));
                    }
                    return Ok(Order::Deliver(Box::new(Job { request, recipients, message })));
                }
                ToWorker::Cache => {
                    let channel = descriptors.only().ok_or(SupervisorError::Broken("no channel"))?;
                    return Ok(Order::Cache(Channel::from(channel)));
                }
                ToWorker::DepositKeys(keys) => return Ok(Order::DepositKeys(keys)),
                ToWorker::Drain => return Ok(Order::Drain),
                ToWorker::Recorded => {}
                ToWorker::Hello { .. } => return Err(SupervisorError::Broken("a second greeting")),
            }
        }
    }

    /// Reports, and remembers the report until the next order shows that it was recorded.
    ///
    /// # Errors
    /// [`SupervisorError`]; the report is in the result file then.
    pub async fn report(
        &mut self,
        record: OrphanRecord,
        mut report: Report,
        message: OwnedFd,
    ) -> Result<(), SupervisorError> {
        let (record, _) = self.unrecorded.insert((record, Some(message)));
        let mut chunks = chunks(&record.results);
        report.results = chunks.pop().unwrap_or_default();
        for chunk in chunks {
            if let Err(error) = self.channel.send(&FromWorker::Results(chunk), &[]).await {
                self.record_last();
                return Err(error.into());
            }
        }
        let sent = self.channel.send(&FromWorker::Report(report), &[]).await;
        if sent.is_err() {
            self.record_last();
        }
        Ok(sent?)
    }

    /// Asks for another channel to scache.
    ///
    /// # Errors
    /// [`SupervisorError`]; the last report is in the result file then.
    pub async fn cache_lost(&mut self) -> Result<(), SupervisorError> {
        let sent = self.channel.send(&FromWorker::CacheLost, &[]).await;
        if sent.is_err() {
            self.record_last();
        }
        Ok(sent?)
    }

    /// Before the process ends: waits until the last report was written down by the supervisor, or does it itself.
    pub async fn settle(&mut self) {
        while self.unrecorded.is_some() {
            match self.channel.receive::<ToWorker>().await {
                Ok((ToWorker::Recorded, _)) => self.unrecorded = None,
                // What was said before it had the report says nothing about it.
                Ok(_) => {}
                Err(_) => self.record_last(),
            }
        }
    }

    /// The same for a worker whose last report did not say that it leaves.
    pub async fn leave(&mut self) {
        if self.unrecorded.is_none() {
            return;
        }
        match self.channel.send(&FromWorker::Leaving, &[]).await {
            Ok(()) => self.settle().await,
            Err(_) => self.record_last(),
        }
    }

    /// Writes down what the supervisor is not there to hear.
    pub fn record(&mut self, record: OrphanRecord) {
        self.unrecorded = Some((record, None));
        self.record_last();
    }

    fn record_last(&mut self) {
        // The message is closed, and so free for others, only when this function ends.
        let Some((record, _message)) = self.unrecorded.take() else { return };
        if record.results.is_empty() {
            return;
        }
        let written = proto::orphan::encode(&record)
            .map_err(std::io::Error::other)
            .and_then(|bytes| append(&self.results, &bytes));
        if let Err(error) = written {
            tracing::error!("{}: cannot record the result: {error}", record.queue_id);
        }
    }
}

/// One write, then on stable storage. A short one (disk full) leaves a record that readers pass over: the whole is
/// written again, once.
fn append(file: &OwnedFd, bytes: &[u8]) -> std::io::Result<()> {
    let write = || rustix::io::retry_on_intr(|| rustix::io::write(file.as_fd(), bytes));
    if write()? < bytes.len() && write()? < bytes.len() {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    Ok(rustix::fs::fdatasync(file)?)
}

/// Results in packets of at most [`CHUNK`] bytes of text each.
fn chunks(results: &[RecipientResult]) -> Vec<Vec<RecipientResult>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    let mut size = 0;
    for result in results {
        let own = weight(result);
        if size + own > CHUNK && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            size = 0;
        }
        size += own;
        chunk.push(result.clone());
    }
    chunks.push(chunk);
    chunks
}

/// An upper bound of the bytes a result takes in a packet.
fn weight(result: &RecipientResult) -> usize {
    let RecipientResult { index: _, fate: _, status, reason, remote_mta, diagnostic } = result;
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    32 + status.len() + reason.len() + optional(remote_mta) + optional(diagnostic)
}
