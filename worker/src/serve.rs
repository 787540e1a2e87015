//! One request after the other, until the process has done its share.

use crate::cache::Cache;
use crate::context::Context;
use crate::delivery::{self, Done};
use crate::duty::Duty;
use crate::register::Lines;
use crate::supervisor::{Job, Order, Supervisor};
use crate::wire::Mail;
use proto::channel::Channel;
use proto::orphan::OrphanRecord;
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Whether the worker goes on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// Serves until `max_use` requests are done, `max_idle` is over, the supervisor says so, or it is gone.
pub async fn run(context: &Context, supervisor: Supervisor, cache: Cache) {
    let mut server = Server { context, supervisor, cache };
    let mut idle = Idle::new(context.config.process.max_idle.get());
    let mut left = context.config.process.max_use.get();
    while left > 0 {
        let order = tokio::select! {
            biased;
            order = server.supervisor.order() => order,
            () = idle.over() => return server.supervisor.leave().await,
        };
        match order {
            Ok(Order::Deliver(job)) => {
                left -= 1;
                let last = if left == 0 { Next::End } else { Next::GoOn };
                if server.serve(*job, last).await == Next::End {
                    return;
                }
                idle.begins();
            }
            Ok(Order::Cache(channel)) => server.cache.connect(channel),
            Ok(Order::DepositKeys(keys)) => drop(context.deposit.replace(keys)),
            Ok(Order::Drain) => return server.supervisor.leave().await,
            Err(error) => return tracing::debug!("{error}"),
        }
    }
}

/// `max_idle`, with one timer for the life of the process. One that is set anew for every request would be the earliest
/// each time, and cost the runtime a wake-up of itself.
struct Idle {
    timer: std::pin::Pin<Box<Sleep>>,
    since: Instant,
    limit: Duration,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { timer: Box::pin(tokio::time::sleep(limit)), since: Instant::now(), limit }
    }

    /// A request has ended.
    fn begins(&mut self) {
        self.since = Instant::now();
    }

    /// Until nothing has happened for so long.
    async fn over(&mut self) {
        loop {
            self.timer.as_mut().await;
            let until = self.since + self.limit;
            if Instant::now() >= until {
                return;
            }
            self.timer.as_mut().reset(until);
        }
    }
}

/// Whether a descriptor is a channel: a worker that is started without scache has something else there.
#[must_use]
pub fn is_channel(descriptor: impl AsFd) -> bool {
    rustix::net::sockopt::socket_type(descriptor).is_ok_and(|kind| kind == rustix::net::SocketType::SEQPACKET)
}

struct Server<'a> {
    context: &'a Context,
    supervisor: Supervisor,
    cache: Cache,
}

impl Server<'_> {
    async fn serve(&mut self, job: Job, next: Next) -> Next {
        let Job { request, recipients, message } = job;
        let mail = Mail::new(message, request.content_offset, request.content_length);
        let mut register = Lines { service: &self.context.service, queue_id: &request.queue_id };
        let order = delivery::Order { request: &request, recipients, mail: &mail, register: &mut register };
        let duty = Duty::default();
        let mut heard = Heard::default();
        let done = {
            let mut delivering =
                std::pin::pin!(delivery::deliver(self.context, &mut self.cache, &duty, order));
            loop {
                tokio::select! {
                    biased;
                    done = &mut delivering => break done,
                    order = self.supervisor.order(), if !heard.gone => match order {
                        Ok(Order::Cache(channel)) => heard.channel = Some(channel),
                        // At once: what this delivery parks at its end is for workers that have them too.
                        Ok(Order::DepositKeys(keys)) => drop(self.context.deposit.replace(keys)),
                        Ok(Order::Drain) => heard.drain = true,
                        Ok(Order::Deliver(_)) | Err(_) => {
                            heard.gone = true;
                            duty.supervisor_gone();
                        }
                    }
                }
            }
        };
        self.finish(request.queue_id, done, mail, heard, next).await
    }

    async fn finish(&mut self, queue_id: String, done: Done, mail: Mail, heard: Heard, next: Next) -> Next {
        let Done { results, mut report } = done;
        let record = OrphanRecord { queue_id, time: delivery::now_micros(), results };
        if heard.gone {
            // The message's lock goes only after this is on stable storage.
            self.supervisor.record(record);
            return Next::End;
        }
        report.leaving = heard.drain || next == Next::End;
        let leaving = report.leaving;
        if self.supervisor.report(record, report, mail.into_descriptor()).await.is_err() {
            return Next::End;
        }
        if leaving {
            self.supervisor.settle().await;
            return Next::End;
        }
        if self.cache.take_loss() && self.supervisor.cache_lost().await.is_err() {
            return Next::End;
        }
        if let Some(channel) = heard.channel {
            self.cache.connect(channel);
        }
        Next::GoOn
    }
}

/// What the supervisor said during a delivery.
#[derive(Debug, Default)]
struct Heard {
    channel: Option<Channel>,
    drain: bool,
    gone: bool,
}

#[cfg(test)]
mod tests;
