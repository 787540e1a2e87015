//! What earlier relays left in the queue: taken in beside the current work, a batch at a time.

use super::Dispatcher;
use spool::{Found, Message, Place};
use std::time::{Duration, SystemTime};

/// How many messages that were found on disk are taken in between two looks at events.
const BATCH: usize = 200;
/// How often is looked while a worker of an earlier relay is still busy.
const POLL: Duration = Duration::from_millis(200);
/// The same, while only a result file is left that some process still has open.
const IDLE: Duration = Duration::from_secs(1);
/// The same, after something could not be read.
const AFTER_ERROR: Duration = Duration::from_secs(30);

impl Dispatcher {
    /// Takes in what earlier relays left, a batch at a time.
    pub(super) fn recover_some(&mut self) {
        let Some(mut recovery) = self.recovery.take() else { return };
        let mut found: Vec<_> = recovery.by_ref().take(BATCH).collect();
        let walked = found.is_empty();
        if walked {
            found = recovery.poll().into_iter().map(|result| result.map(Found::Ready)).collect();
        }
        let failed = found.iter().any(Result::is_err);
        for result in found {
            match result {
                Ok(Found::Ready(message)) => self.found(message),
                Ok(Found::InFlight(id)) => {
                    tracing::info!(service = "qmgr", "{id}: an earlier relay's worker is delivering it");
                }
                Err(error) => tracing::error!(service = "qmgr", "{error}"),
            }
        }
        let wait = match (walked, recovery.waiting()) {
            (false, _) => Duration::ZERO,
            (true, _) if failed => AFTER_ERROR,
            (true, 0) => IDLE,
            (true, _) => POLL,
        };
        self.recover_at = self.now() + wait;
        if !recovery.is_complete() {
            self.recovery = Some(recovery);
        }
    }

    /// A message from disk: its turn may be later, but never later than if it were deferred now. (The clock may have been
    /// wrong when that time was written down.)
    fn found(&mut self, message: Message) {
        if message.place() == Place::Hold {
            return;
        }
        let now = SystemTime::now();
        let next = message.pending().map(|(_, pending)| pending.next_attempt).min().flatten();
        match next.and_then(|next| next.duration_since(now).ok()) {
            Some(wait) if !message.is_finished() => {
                self.counters.queued += 1;
                let longest = self.back_off.maximal.max(self.back_off.minimal);
                self.timer.schedule(message.id().clone(), self.now() + wait.min(longest));
            }
            _ => self.admit(message),
        }
    }
}
