//! Waiting for something to become true, with a deadline; the only place where tests let time pass.

use std::time::{Duration, Instant};

/// How long a test waits for what should take moments. Long, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks at something that cannot announce itself (a file, a process).
const INTERVAL: Duration = Duration::from_millis(2);

/// Looks until `probe` gives a value or `limit` has passed.
pub fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(INTERVAL);
    }
}

/// As [`until`] with [`PATIENCE`]; ends the test with `what` when it does not come about.
pub fn expect<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    until(PATIENCE, probe).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Lets `time` pass: for faults whose point is duration (a pause between two stops), not for synchronisation.
pub fn pass(time: Duration) {
    std::thread::sleep(time);
}
