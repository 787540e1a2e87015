//! The SMTP and LMTP client dialogue without sockets, files or a clock.
//!
//! Two machines, each driven by one loop: [`Hello`] from the greeting to a session that can carry mail ([`Ready`]), and
//! [`Transaction`] for one message. Octets from the network go into a [`ReplyReader`]; a machine takes replies from it,
//! appends what is to be written to a buffer, and says what to wait for. The shell decides nothing: it writes, reads,
//! keeps time, and reports losses.
mod address;
mod command;
mod data;
mod dialect;
mod envelope;
mod ext;
mod failure;
mod hello;
mod line;
mod reply;
mod stage;
mod status;
mod transaction;
mod xtext;

pub use address::{AddressError, Quoting};
pub use command::{BadHeloName, HeloName, QUIT};
pub use data::DataEncoder;
pub use dialect::{Dialect, EndReplies, Introduction};
pub use envelope::{Body, Envelope, Notify, Recipient, Ret, Utf8};
pub use ext::{Discard, EhloFacts, Extension, Extensions, Remark};
pub use failure::{Certainty, Conduct, Failure, Lost, Scope};
pub use hello::{
    EhloUse, Farewell, Greeted, Hello, HelloAction, HelloFailed, HelloOptions, Origin, OwnName, Plain, Ready,
    RefusedGreeting, Secured,
};
pub use line::EndlessLine;
pub use reply::{Code, Reply, ReplyClass, ReplyError, ReplyReader};
pub use stage::Stage;
pub use status::{Class, Status};
pub use transaction::{
    Abort, Action, Afterwards, Broken, Outcome, SessionEnd, Settled, Stale, Transaction, TransactionOptions,
    Verdict,
};
