//! One connection of the queue manager: greeting, request, delivery, answer.

use crate::introduction::Way;
use crate::order::{self, Obstacle, OrderError, QueuedMail};
use crate::results::Results;
use crate::services::Services;
use crate::waiting_sites::WaitingSites;
use maincf::params::UnderPostfix;
use postfix_wire::attr::AttrError;
use postfix_wire::reply::{Final, Outcome};
use postfix_wire::report::Dsn;
use postfix_wire::request::{Delivery, RequestReader};
use proto::job::{Fate, Purpose, Recipient, RecipientResult, Request, Site};
use queuefile::file::{OpenError, QueueFile};
use queuefile::name::Hashing;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use worker::cache::Cache;
use worker::context::Context;
use worker::delivery::{self, Order};
use worker::duty::Duty;
use worker::log::delivery::{Delays, Relay, Stamps};
use worker::register::{Register, Settled};

/// Nothing can be delivered; nobody's fault but that of this machine or its configuration.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("malformed request: {0}")]
    Request(#[from] AttrError),
    #[error("{0}")]
    Order(#[from] OrderError),
    #[error("no queue file can have this name")]
    Name,
    #[error("{0}")]
    Open(#[from] OpenError),
    #[error("no recipients")]
    Nobody,
}

/// What is delivered, if nothing is against it.
struct Prepared {
    request: Request,
    obstacle: Option<Obstacle>,
    file: QueueFile,
}

/// What all conversations of a process have in common.
#[derive(Debug)]
pub struct Agent {
    /// Configuration and tables.
    pub context: Context,
    /// Postfix's daemons.
    pub services: Services,
    /// Whom flush(8) wants to hear of.
    pub sites: WaitingSites,
    /// Their names, and the queue's shape.
    pub names: UnderPostfix,
    /// Folders in queues.
    pub hashing: Hashing,
    /// scache.
    pub cache: Cache,
    /// The way to it; `None` for a process that has no keys to share sessions.
    pub way: Option<Way>,
    /// What deliveries run on.
    pub runtime: tokio::runtime::Runtime,
}

impl Agent {
    /// Serves one connection. The queue file's lock is held until the queue manager has hung up.
    ///
    /// # Errors
    /// The connection broke: the queue manager knows best what that means.
    pub fn serve(&mut self, mut stream: UnixStream) -> io::Result<()> {
        // What is written here has room in the socket: nothing waits for a reader.
        stream.write_all(&self.services.release.agent_greeting())?;
        let (answer, _lock) = match self.receive(&mut stream)? {
            // It had wanted an agent, and has no use for it any more.
            None => return Ok(()),
            Some(Ok(asked)) => self.answer(&asked),
            Some(Err(error)) => {
                tracing::warn!("{}", Refusal::Request(error));
                (Final::default(), None)
            }
        };
        stream.write_all(&answer.encode())?;
        let _anything = stream.read(&mut [0; 1])?;
        Ok(())
    }

    /// Ends what the delivery left to be ended: while the process waits for the next one nothing would happen to it.
    pub fn part(&mut self) {
        if !self.context.farewells.is_empty() {
            self.runtime.block_on(self.context.farewells.last());
        }
    }

    /// Waits for as long as the queue manager likes for the first octet, then for a complete request.
    fn receive(&self, stream: &mut UnixStream) -> io::Result<Option<Result<Delivery, AttrError>>> {
        let mut reader = RequestReader::default();
        let mut buffer = [0; 4 * 1024];
        loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(reader.has_begun().then_some(Err(AttrError::Ended)));
            }
            stream.set_read_timeout(Some(self.services.patience))?;
            match reader.feed(buffer.get(..count).unwrap_or_default()) {
                Ok(None) => {}
                Ok(Some(asked)) => return Ok(Some(Ok(asked))),
                Err(error) => return Ok(Some(Err(error))),
            }
        }
    }

    fn answer(&mut self, asked: &Delivery) -> (Final, Option<QueueFile>) {
        match self.prepare(asked) {
            Ok(prepared) => (self.deliver(asked, &prepared), Some(prepared.file)),
            Err(refusal) => {
                tracing::warn!("{}: {refusal}", asked.request.queue_id.lossy());
                (Final::default(), None)
            }
        }
    }

    fn prepare(&self, asked: &Delivery) -> Result<Prepared, Refusal> {
        let Delivery { request, recipients } = asked;
        if recipients.is_empty() {
            return Err(Refusal::Nobody);
        }
        let names = request.queue_name.to_str().zip(request.queue_id.to_str());
        let path = names.and_then(|(queue, id)| self.hashing.path(queue, id)).ok_or(Refusal::Name)?;
        let file = QueueFile::open(&path)?;
        let (request, obstacle) = order::or_obstacle(request, delivery::now_micros())?;
        Ok(Prepared { request, obstacle, file })
    }

    fn deliver(&mut self, asked: &Delivery, prepared: &Prepared) -> Final {
        let Prepared { request, obstacle, file } = prepared;
        let Self { context, services, sites, names, cache, way, runtime, .. } = self;
        let wanted = request.cache.load || request.cache.store || !context.permanent.is_empty();
        if let Some(way) = way.as_mut().filter(|_| wanted) {
            way.find(cache);
        }
        let mail = QueuedMail::new(file, request.content_offset, request.content_length);
        let mut results = Results {
            services,
            names,
            sites,
            service: &context.service,
            final_delivery: context.flags.final_delivery || context.assumes_final(),
            request: &asked.request,
            recipients: &asked.recipients,
            file,
            outcome: Outcome::Settled,
            heard_of: 0,
        };
        let (recipients, strange) = order::recipients(&asked.recipients);
        for (recipient, why) in &strange {
            refuse(&mut results, request, recipient, NO_ADDRESS, &why.to_string());
        }
        if let Some(Obstacle { status, why }) = obstacle {
            recipients.iter().for_each(|one| refuse(&mut results, request, one, status, why));
        }
        if obstacle.is_some() || recipients.is_empty() {
            return Final { outcome: results.end(), ..Final::default() };
        }
        let order = Order { request, recipients, mail: &mail, register: &mut results };
        let done = runtime.block_on(delivery::deliver(context, cache, &Duty::default(), order));
        if let Some(other) = &context.config.nexthop.best_mx_transport {
            let handed = Duration::from_micros(request.times.handed);
            let passed = done.results.iter().filter(|result| result.fate == Fate::Passed);
            passed.for_each(|result| results.passed(result.index, other, handed));
        }
        let mut outcome = results.end();
        if mail.is_damaged() && outcome == Outcome::Settled {
            outcome = put_aside(file, &request.queue_id);
        }
        let hop = match done.report.site {
            Site::Dead { status, reason } if outcome == Outcome::Deferred => Dsn {
                status: status.into(),
                action: "delayed".into(),
                reason: reason.into(),
                ..Dsn::default()
            },
            Site::Dead { .. } | Site::Reached => Dsn::default(),
        };
        Final { hop, outcome }
    }
}

/// RFC 3463 §3.2.
const NO_ADDRESS: &str = "4.1.3";

/// This recipient does not get the message from here.
fn refuse(results: &mut Results<'_>, request: &Request, recipient: &Recipient, status: &str, why: &str) {
    let (fate, word) = match request.purpose {
        Purpose::Probe => (Fate::Undeliverable, "undeliverable"),
        Purpose::Delivery => (Fate::Deferred, "deferred"),
    };
    let result = RecipientResult {
        index: recipient.index,
        fate,
        status: status.to_owned(),
        reason: why.to_owned(),
        remote_mta: None,
        diagnostic: None,
    };
    let delays = Delays::new(&request.times, Stamps::default(), delivery::now_micros(), 2);
    let (success, relay) = (Fate::Sent, &Relay::default());
    results.settled(&Settled { recipient, result: &result, word, success, relay, delays });
}

/// The sender was told that the message cannot be read; the queue manager puts the file where people find it.
fn put_aside(file: &QueueFile, queue_id: &str) -> Outcome {
    tracing::warn!("{queue_id}: the queue file is damaged");
    if let Err(error) = file.mark_corrupt() {
        tracing::error!("{queue_id}: cannot mark the file as damaged: {error}");
    }
    Outcome::Deferred
}
