//! What a worker owes once its supervisor is gone: nothing before the final dot, everything after it.
//!
//! Before the dot is written a delivery without supervisor is given up where it stands, since the next supervisor
//! will start it again. Once the dot is on its way the server may take responsibility at any moment, so the reply
//! is waited for and written down.

use std::cell::Cell;
use std::future::Future;
use tokio::sync::Notify;

/// Shared by the delivery and by whoever listens to the supervisor.
#[derive(Debug, Default)]
pub struct Duty {
    gone: Cell<bool>,
    committed: Cell<bool>,
    changed: Notify,
}

/// The supervisor is gone and nothing obliges us to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the supervisor is gone")]
pub struct Abandoned;

impl Duty {
    /// The supervisor is gone.
    pub fn supervisor_gone(&self) {
        self.gone.set(true);
        self.changed.notify_waiters();
    }

    /// The final dot is about to be written.
    ///
    /// # Errors
    /// [`Abandoned`]: do not write it.
    pub fn commit(&self) -> Result<(), Abandoned> {
        self.check()?;
        self.committed.set(true);
        Ok(())
    }

    /// The reply to the dot was read, or never will be.
    pub fn release(&self) {
        self.committed.set(false);
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Abandoned`].
    pub fn check(&self) -> Result<(), Abandoned> {
        if self.gone.get() && !self.committed.get() { Err(Abandoned) } else { Ok(()) }
    }

    /// Waits for `work` as long as there is a duty to.
    ///
    /// # Errors
    /// [`Abandoned`]; `work` was dropped.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, Abandoned> {
        let mut work = std::pin::pin!(work);
        loop {
            let changed = self.changed.notified();
            self.check()?;
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = changed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn work_ends_with_the_supervisor_unless_it_is_committed() {
        let duty = Duty::default();
        let abandoned =
            tokio::join!(duty.guard(std::future::pending::<()>()), async { duty.supervisor_gone() });
        assert_eq!(abandoned.0, Err(Abandoned));
        assert_eq!(duty.commit(), Err(Abandoned));

        let duty = Duty::default();
        duty.commit().unwrap();
        duty.supervisor_gone();
        assert_eq!(duty.guard(async { 1 }).await, Ok(1));
        duty.release();
        assert_eq!(duty.guard(std::future::pending::<()>()).await, Err(Abandoned));
    }
}
