//! The SMTP and LMTP client dialogue without sockets, files or a clock.
//!
//! Three machines, each driven by a shell that owns the connection: [`Greeting`] goes from the server's first line to
//! [`Ready`]; [`Transaction`] carries one message; [`ReplyReader`] makes replies out of octets. The shell
//! puts what a machine says on the wire, and gives it every reply in order:
//!
//! ```
//! use smtp::{Action, Dialect, Ending, Envelope, Recipient, ReplyReader, Start, Transaction};
//!
//! # let facts = smtp::EhloFacts { pipelining: true, ..Default::default() };
//! let envelope = Envelope {
//!     sender: "me@example.org".into(),
//!     recipients: vec![Recipient::plain("you@example.net")],
//!     ..Envelope::default()
//! };
//! let (peer, start) = ("mx[192.0.2.1]", Start::Fresh);
//! let mut transaction = Transaction::new(&envelope, Dialect::SMTP, &facts, peer, start, Ending::Quit);
//! let (mut wire, mut replies) = (Vec::new(), ReplyReader::default());
//! replies.feed(b"250 ok\r\n250 ok\r\n354 go\r\n");
//! loop {
//!     match transaction.next_action(&mut wire) {
//!         Action::Await(stage) => match replies.next_reply().unwrap() {
//!             Some(reply) => transaction.on_reply(&reply),
//!             None => break transaction.on_lost(smtp::Loss::Closed, stage),
//!         },
//!         Action::SendContent => {
//!             wire.extend_from_slice(b"Subject: hi\r\n\r\n.\r\n");
//!             transaction.content_sent();
//!             replies.feed(b"250 2.0.0 taken\r\n221 bye\r\n");
//!         }
//!         Action::Done => break,
//!     }
//! }
//! let outcome = transaction.into_outcome();
//! assert!(matches!(outcome.verdicts[0], smtp::Verdict::Sent(_)));
//! assert!(wire.ends_with(b".\r\nQUIT\r\n"));
//! ```

mod address;
mod command;
mod data;
mod dialect;
mod ext;
mod hello;
mod line;
mod reply;
mod stage;
mod status;
mod transaction;

pub use address::{AddressFault, Quoting};
pub use command::{Body, Envelope, Notify, Recipient, Ret, quit};
pub use data::DataEncoder;
pub use dialect::{Dialect, EndReplies};
pub use ext::{Discard, EhloFacts, SizeLimit};
pub use hello::{Greeting, GreetingAction, GreetingFailure, GreetingOptions, Hello, Plain, Ready, Secured};
pub use reply::{Code, Reply, ReplyClass, ReplyError, ReplyReader};
pub use stage::Stage;
pub use status::{Class, Status};
pub use transaction::{Action, Ending, Failure, Loss, Outcome, Scope, Session, Start, Transaction, Verdict};
