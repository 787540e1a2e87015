//! Connections that wait for the answer to QUIT, or for the server's close_notify, while other mail is delivered.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;

/// How many may wait; more are closed at once.
const MOST: usize = 32;
/// How long a process that leaves stays for their sake, and one that can do nothing beside them until it has other work
/// (an agent under Postfix): servers that are silent take no more of its time than this, whatever `*_quit_timeout` says.
const LAST: Duration = Duration::from_secs(5);

/// All of them. They end with this.
#[derive(Debug, Default)]
pub struct Farewells(RefCell<JoinSet<()>>);

impl Farewells {
    /// Whether another one may wait.
    pub fn has_room(&self) -> bool {
        let mut waiting = self.0.borrow_mut();
        while waiting.try_join_next().is_some() {}
        waiting.len() < MOST
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Goes on with a farewell beside other work.
    pub fn wait_for(&self, farewell: impl Future<Output = ()> + Send + 'static) {
        self.0.borrow_mut().spawn(farewell);
    }

    /// The process ends, or waits for other work: servers that answer soon are heard, the others' connections are closed.
    pub async fn last(&self) {
        let mut waiting = self.0.take();
        let all = async { while waiting.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST, all).await.is_err() {
            // Told to end they do so only when they run next, which may be with the next delivery.
            waiting.shutdown().await;
        }
    }
}
