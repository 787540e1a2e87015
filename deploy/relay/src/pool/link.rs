//! One worker process: its channel, its task, what it was told and what it said.

use super::programs::{LogTo, Program, ProgramError, Programs};
use super::{Event, Service, WorkerId};
use proto::channel::{AsyncChannel, Channel, ChannelError};
use proto::deposit::DepositKeys;
use proto::job::{CHUNK, FromWorker, Recipient, RecipientResult, Request, ToWorker};
use proto::secret::Secret;
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use tokio::process::Child;
use tokio::sync::mpsc;

/// One delivery, with the message opened for it.
#[derive(Debug)]
pub struct Job {
    /// What to do. `recipients` of it is set when it is sent.
    pub request: Request,
    /// For whom.
    pub recipients: Vec<Recipient>,
    /// The message; its lock is held until the worker closes it.
    pub message: OwnedFd,
}

/// What the pool tells a worker's task.
#[derive(Debug)]
pub(super) enum Order {
    Deliver(Box<Job>),
    Cache(Channel),
    DepositKeys(DepositKeys),
    Drain,
    Recorded,
}

/// The pool's end of a worker's task.
#[derive(Debug, Clone)]
pub(super) struct WorkerLink(mpsc::UnboundedSender<Order>);

impl WorkerLink {
    /// Passes an order on; it comes back when the task has ended.
    pub(super) fn order(&self, order: Order) -> Result<(), Order> {
        self.0.send(order).map_err(|unsent| unsent.0)
    }
}

/// Starts the process.
pub(super) fn launch(
    programs: &Programs,
    service: &Service,
    cache: Option<Channel>,
) -> Result<(Child, Channel), ProgramError> {
    programs.start(Program::Worker, &arguments(service), cache.map(OwnedFd::from), LogTo::File)
}

/// What a new worker is told first, and who hears it.
pub(super) struct Greeting<'a> {
    pub(super) id: WorkerId,
    pub(super) secret: &'a Secret,
    pub(super) deposit: &'a DepositKeys,
    pub(super) results: &'a Rc<OwnedFd>,
    pub(super) events: mpsc::UnboundedSender<Event>,
}

impl Greeting<'_> {
    /// Greets a process and starts its task. The greeting waits in the channel until the process reads it.
    pub(super) fn send(self, child: Child, mut channel: Channel) -> Result<WorkerLink, ProgramError> {
        let Self { id, secret, deposit, results, events } = self;
        let failed = |error: ChannelError| {
            ProgramError::Channel("baton-worker", std::io::Error::other(error.to_string()))
        };
        let (secret, deposit) = (secret.clone(), deposit.clone());
        let hello = ToWorker::Hello { version: proto::VERSION, secret, deposit };
        channel.send(&hello, &[results.as_fd()]).map_err(failed)?;
        let channel = channel.into_async().map_err(|error| ProgramError::Channel("baton-worker", error))?;
        let (orders, receiver) = mpsc::unbounded_channel();
        let conversation = Conversation {
            id,
            channel,
            events,
            job: None,
            results: Vec::new(),
            greeted: false,
            drained: false,
        };
        tokio::task::spawn_local(conversation.run(receiver, child));
        Ok(WorkerLink(orders))
    }
}

fn arguments(service: &Service) -> Vec<OsString> {
    let protocol = match service.protocol {
        maincf::Protocol::Smtp => "smtp",
        maincf::Protocol::Lmtp => "lmtp",
    };
    let own = ["--service", &service.name, "--protocol", protocol].map(OsString::from);
    own.into_iter().chain(service.arguments.iter().cloned()).collect()
}

/// A worker's task.
struct Conversation {
    id: WorkerId,
    channel: AsyncChannel,
    events: mpsc::UnboundedSender<Event>,
    job: Option<u64>,
    results: Vec<RecipientResult>,
    greeted: bool,
    drained: bool,
}

impl Conversation {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>, mut child: Child) {
        if let Err(error) = self.until_it_ends(&mut orders).await {
            tracing::warn!("worker {}: {error}", child.id().unwrap_or_default());
        }
        let Self { id, channel, events, job, results, greeted, drained } = self;
        // Closing our end first: a worker that broke the protocol must not wait for us.
        drop(channel);
        let status = child.wait().await;
        if let Ok(status) = status
            && !status.success()
        {
            tracing::warn!("a worker ended: {status}");
        }
        let _relay_ends =
            events.send(Event::Ended { worker: id, job, results, silent: !greeted && !drained });
    }

    async fn until_it_ends(
        &mut self,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> Result<(), ChannelError> {
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => match self.obey(order).await {
                        Ok(()) => {}
                        Err(ChannelError::Closed) => return self.hear_the_rest().await,
                        Err(error) => return Err(error),
                    },
                    None => return Ok(()),
                },
                message = self.channel.receive::<FromWorker>() => match message {
                    Ok((message, _)) => self.hear(message)?,
                    Err(ChannelError::Closed) => return Ok(()),
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// The worker has ended, but what it said before that is still to be read: a report that is lost is mail that is
    /// delivered twice.
    async fn hear_the_rest(&mut self) -> Result<(), ChannelError> {
        loop {
            match self.channel.receive::<FromWorker>().await {
                Ok((message, _)) => self.hear(message)?,
                Err(ChannelError::Closed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), ChannelError> {
        match order {
            Order::Deliver(job) => self.deliver(*job).await,
            Order::Cache(channel) => self.channel.send(&ToWorker::Cache, &[channel.as_fd()]).await,
            Order::DepositKeys(keys) => self.channel.send(&ToWorker::DepositKeys(keys), &[]).await,
            Order::Recorded => self.channel.send(&ToWorker::Recorded, &[]).await,
            Order::Drain => {
                self.drained = true;
                self.channel.send(&ToWorker::Drain, &[]).await
            }
        }
    }

    async fn deliver(&mut self, job: Job) -> Result<(), ChannelError> {
        let Job { mut request, recipients, message } = job;
        self.job = Some(request.job);
        request.recipient_count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        let mut chunks = chunks(recipients);
        request.recipients = chunks.pop().unwrap_or_default();
        for chunk in chunks {
            self.channel.send(&ToWorker::Recipients(chunk), &[]).await?;
        }
        self.channel.send(&ToWorker::Deliver(request), &[message.as_fd()]).await
    }

    fn hear(&mut self, message: FromWorker) -> Result<(), ChannelError> {
        let event = match message {
            FromWorker::Hello { version: proto::VERSION } => {
                self.greeted = true;
                return Ok(());
            }
            FromWorker::Hello { version } => {
                tracing::error!("worker speaks version {version}, this relay {}", proto::VERSION);
                return Err(ChannelError::Closed);
            }
            FromWorker::Results(results) => {
                self.results.extend(results);
                return Ok(());
            }
            FromWorker::Report(mut report) if self.job == Some(report.job) => {
                self.job = None;
                let mut results = std::mem::take(&mut self.results);
                results.append(&mut report.results);
                Event::Done { worker: self.id, results, report }
            }
            FromWorker::Report(report) => {
                tracing::error!("report for job {}, which this worker does not have", report.job);
                return Err(ChannelError::Closed);
            }
            FromWorker::CacheLost => Event::CacheLost(self.id),
            FromWorker::Leaving => Event::Leaving(self.id),
        };
        self.events.send(event).map_err(|_| ChannelError::Closed)
    }
}

/// Recipients in packets of at most [`CHUNK`] bytes of text each.
fn chunks(recipients: Vec<Recipient>) -> Vec<Vec<Recipient>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    let mut size = 0;
    for recipient in recipients {
        let own = weight(&recipient);
        if size + own > CHUNK && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            size = 0;
        }
        size += own;
        chunk.push(recipient);
    }
    chunks.push(chunk);
    chunks
}

/// An upper bound of the bytes a recipient takes in a packet.
fn weight(recipient: &Recipient) -> usize {
    let Recipient { index: _, address, original, orcpt, notify: _ } = recipient;
    32 + address.len() + original.len() + orcpt.as_ref().map_or(0, String::len)
}
