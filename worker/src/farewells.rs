//! Connections that wait for the answer to QUIT, or for the server's close_notify, while other mail is delivered.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;

/// How many may wait; more are closed at once.
const MOST: usize = 32;
/// How long a process that leaves stays for their sake.
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

    /// The process ends: servers that answer soon are heard.
    pub async fn last(&self) {
        let mut waiting = self.0.take();
        let all = async { while waiting.join_next().await.is_some() {} };
        let _those_that_take_longer_are_closed = tokio::time::timeout(LAST, all).await;
    }
}
