//! What keeps a handed-over session with one holder: the socket's own marks and lock, and a seal that only workers open.

mod claim;
mod counters;
mod deposit;
mod mark;
#[cfg(test)]
mod tests;

pub use claim::{ClaimError, claim, release};
pub use deposit::{DepositKey, DepositKeys, SealError};
pub use mark::{SocketMark, cookie};
