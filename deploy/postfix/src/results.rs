//! What became of each recipient: told to bounce, defer, trace or verify, then logged, then marked in the queue file.
//!
//! In this order: a death between report and mark costs a second notice, the other order would cost mail. Only what was
//! recorded counts as done; what could not be recorded is deferred.

use crate::order::{DELAY, SUCCESS};
use crate::services::{ServiceError, Services};
use crate::waiting_sites::WaitingSites;
use maincf::params::UnderPostfix;
use maincf::value::TransportNexthop;
use postfix_wire::greeting::Server;
use postfix_wire::reply::Outcome;
use postfix_wire::report::{Append, Dsn};
use postfix_wire::request::{Flags, Recipient, Request};
use postfix_wire::text::Text;
use postfix_wire::verify::{Found, Update};
use proto::job::{Fate, RecipientResult};
use queuefile::file::{MarkError, QueueFile};
use std::time::Duration;
use worker::log::delivery as log;
use worker::register::{Register, Settled};

/// Where results go.
#[derive(Debug)]
pub struct Results<'a> {
    /// Postfix's daemons.
    pub services: &'a Services,
    /// Their names.
    pub names: &'a UnderPostfix,
    /// Whom flush(8) wants to hear of.
    pub sites: &'a WaitingSites,
    /// The transport's name.
    pub service: &'a str,
    /// `flags=X` or `lmtp_assume_final`: an LMTP server is the last hop.
    pub final_delivery: bool,
    /// The request.
    pub request: &'a Request,
    /// Its recipients, in its order.
    pub recipients: &'a [Recipient],
    /// The message.
    pub file: &'a QueueFile,
    /// So far.
    pub outcome: Outcome,
    /// How many recipients have a result.
    pub heard_of: usize,
}

/// Whether a recipient needs nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Done,
    Waits,
}

impl Register for Results<'_> {
    fn settled(&mut self, settled: &Settled<'_>) {
        let recipients = self.recipients;
        let Some(recipient) = recipients.get(settled.result.index as usize) else { return };
        self.heard_of += 1;
        let standing = match settled.result.fate {
            Fate::Sent | Fate::Relayed | Fate::Delivered => self.sent(settled, recipient),
            Fate::Bounced => self.bounced(settled, recipient),
            Fate::Deferred | Fate::Passed => self.deferred(settled, recipient),
            Fate::Deliverable => self.probed(settled, recipient, Found::Deliverable),
            Fate::Undeliverable if settled.result.status.starts_with('5') => {
                self.probed(settled, recipient, Found::Undeliverable)
            }
            Fate::Undeliverable => self.probed(settled, recipient, Found::Unknown),
        };
        match standing {
            Standing::Done => self.mark(recipient),
            Standing::Waits => self.outcome = Outcome::Deferred,
        }
    }
}

impl Results<'_> {
    /// The delivery has ended. Somebody without a result waits: told otherwise, the queue manager might remove the file.
    #[must_use]
    pub fn end(&self) -> Outcome {
        if self.heard_of == self.recipients.len() { self.outcome } else { Outcome::Deferred }
    }

    /// Whose mail would come back to this machine goes to `best_mx_transport`, and is that agent's to report and mark.
    /// `handed` is when this agent got the request.
    pub fn passed(&mut self, index: u32, to: &TransportNexthop, handed: Duration) {
        let Some(recipient) = self.recipients.get(index as usize) else { return };
        self.heard_of += 1;
        let mut request = Request { recipient_count: 1, ..self.request.clone() };
        if let Some(nexthop) = &to.nexthop {
            request.nexthop = nexthop.as_str().into();
        }
        request.stats.agent_handoff = handed;
        match self.services.pass_on(&to.transport, &request, recipient) {
            Ok(Outcome::Settled) => {}
            Ok(Outcome::Deferred) => self.outcome = Outcome::Deferred,
            Err(_) => {
                self.outcome = Outcome::Deferred;
                let dsn = Dsn {
                    status: "4.3.0".into(),
                    action: "delayed".into(),
                    reason: "mail transport unavailable".into(),
                    ..Dsn::default()
                };
                let _logged = self.append(&self.names.defer_service, recipient, &dsn);
            }
        }
    }

    fn sent(&self, settled: &Settled<'_>, recipient: &Recipient) -> Standing {
        let told_by_server = settled.success == Fate::Sent;
        let notify = if told_by_server { recipient.notify & !SUCCESS } else { recipient.notify };
        let flags = self.request.flags;
        let late = flags.has(Flags::REC_DLY_SENT) && (notify == 0 || notify & DELAY != 0);
        let reasons = [flags.has(Flags::RECORD) || late, notify & SUCCESS != 0];
        let reports = reasons.into_iter().filter(|reason| *reason).count();
        let recipient = Recipient { notify, ..recipient.clone() };
        let last = self.final_delivery && settled.success == Fate::Delivered;
        let dsn = dsn(settled, if last { "delivered" } else { "relayed" });
        let told = (0..reports).try_for_each(|_| self.trace(settled, &recipient, &dsn));
        self.ended(settled, &recipient, settled.word, told, "trace service failed")
    }

    fn bounced(&self, settled: &Settled<'_>, recipient: &Recipient) -> Standing {
        let dsn = dsn(settled, "failed");
        let recorded = self.append(&self.names.bounce_service, recipient, &dsn).and_then(|()| {
            let wished = self.request.flags.has(Flags::RECORD);
            if wished { self.trace(settled, recipient, &dsn) } else { Ok(()) }
        });
        self.ended(settled, recipient, settled.word, recorded, "bounce or trace service failure")
    }

    /// The recipient is done with if all who are to know were told; if not, it waits for this reason.
    fn ended(
        &self,
        settled: &Settled<'_>,
        recipient: &Recipient,
        word: &str,
        told: Result<(), ServiceError>,
        otherwise: &str,
    ) -> Standing {
        if told.is_err() {
            return self.defer_for(settled, recipient, otherwise);
        }
        self.log(settled, &settled.result.status, word, &settled.result.reason);
        Standing::Done
    }

    fn deferred(&self, settled: &Settled<'_>, recipient: &Recipient) -> Standing {
        let dsn = dsn(settled, "delayed");
        // The message waits all the same if this fails: only its reason is not in the report.
        let _logged = self.append(&self.names.defer_service, recipient, &dsn);
        self.log(settled, &settled.result.status, settled.word, &settled.result.reason);
        if self.request.flags.has(Flags::RECORD) {
            let _logged = self.trace(settled, recipient, &dsn);
        }
        // A refusal that is not taken for one does not wait for the site.
        if settled.word == "deferred" {
            self.waits(recipient);
        }
        Standing::Waits
    }

    /// Something of ours failed: the recipient waits, whatever the server said.
    fn defer_for(&self, settled: &Settled<'_>, recipient: &Recipient, why: &str) -> Standing {
        const STATUS: &str = "4.3.0";
        let reason = format!("{}: {why}", self.request.queue_id.lossy());
        let dsn = Dsn {
            status: STATUS.into(),
            reason: reason.as_str().into(),
            // What the server said stays, as in Postfix.
            ..dsn(settled, "delayed")
        };
        let _logged = self.append(&self.names.defer_service, recipient, &dsn);
        self.log(settled, STATUS, "deferred", &reason);
        self.waits(recipient);
        Standing::Waits
    }

    fn waits(&self, recipient: &Recipient) {
        self.sites.tell(self.services, &self.names.flush_service, recipient, &self.request.queue_id);
    }

    /// A probe has its answer, good or bad, once that is written down.
    fn probed(&self, settled: &Settled<'_>, recipient: &Recipient, found: Found) -> Standing {
        let mut word = if found == Found::Deliverable { "deliverable" } else { "undeliverable" };
        let told = if self.request.flags.has(Flags::MTA_VRFY) {
            if found == Found::Deliverable || self.names.negative_cache {
                self.verified(settled, recipient, found)
            } else {
                word = "undeliverable-but-not-cached";
                Ok(())
            }
        } else {
            self.trace(settled, recipient, &dsn(settled, word))
        };
        self.ended(settled, recipient, word, told, "verify or trace service failure")
    }

    /// Both addresses of a recipient that has two.
    fn verified(
        &self,
        settled: &Settled<'_>,
        recipient: &Recipient,
        found: Found,
    ) -> Result<(), ServiceError> {
        let reason = Text::from(settled.result.reason.as_str());
        let original = Some(&recipient.original).filter(|original| !original.is_empty());
        let other = Some(&recipient.address).filter(|address| Some(*address) != original);
        for address in [original, other].into_iter().flatten() {
            let update = Update { address, found, reason: &reason }.encode();
            self.services.ask(&self.names.verify_service, Server::Verify, &update)?;
        }
        Ok(())
    }

    fn trace(&self, settled: &Settled<'_>, recipient: &Recipient, dsn: &Dsn) -> Result<(), ServiceError> {
        let mut dsn = dsn.clone();
        if !settled.relay.name.is_empty() {
            let reason = format!("delivery via {}: {}", settled.relay.name, settled.result.reason);
            dsn.reason = reason.into();
        }
        self.append(&self.names.trace_service, recipient, &dsn)
    }

    fn append(&self, name: &str, recipient: &Recipient, dsn: &Dsn) -> Result<(), ServiceError> {
        let Request { flags, queue_id, .. } = self.request;
        let append = Append { flags: *flags, queue_id, recipient, dsn };
        self.services.ask(name, Server::DeliveryStatus, &append.encode())
    }

    fn log(&self, settled: &Settled<'_>, dsn: &str, status: &str, reason: &str) {
        let result = log::Result { dsn, status, reason };
        let queue_id = self.request.queue_id.lossy();
        log::line(self.service, &queue_id, settled.recipient, settled.relay, &settled.delays, result);
    }

    /// Without the flag a copy was delivered, of a message that another agent is responsible for.
    fn mark(&mut self, recipient: &Recipient) {
        let Ok(at) = u64::try_from(recipient.offset) else { return };
        if !self.request.flags.has(Flags::SUCCESS) {
            return;
        }
        let Err(error) = self.file.mark_done(at) else { return };
        let queue_id = self.request.queue_id.lossy();
        tracing::error!("{queue_id}: cannot mark a recipient: {error}");
        // It would be lost otherwise should the queue manager remove the file for want of others.
        self.outcome = Outcome::Deferred;
        // Not the file that the queue manager read. Left in the queue it would be delivered again at each try.
        if matches!(error, MarkError::NotARecipient { .. })
            && let Err(error) = self.file.mark_corrupt()
        {
            tracing::error!("{queue_id}: cannot mark the file as damaged: {error}");
        }
    }
}

/// The fields of a notification.
fn dsn(settled: &Settled<'_>, action: &str) -> Dsn {
    let RecipientResult { status, reason, remote_mta, diagnostic, .. } = settled.result;
    let kind = |present: bool, word: &str| if present { Text::from(word) } else { Text::default() };
    let text = |of: &Option<String>| of.as_deref().map_or_else(Text::default, Text::from);
    Dsn {
        status: status.as_str().into(),
        diag_type: kind(diagnostic.is_some(), "smtp"),
        diag_text: text(diagnostic),
        mta_type: kind(remote_mta.is_some(), "dns"),
        mta_mname: text(remote_mta),
        action: action.into(),
        reason: reason.as_str().into(),
    }
}
