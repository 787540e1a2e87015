//! The SMTP and LMTP client dialogue without sockets, files or a clock.
//!
//! Four machines, each driven by one loop: [`Hello`] from the greeting to a session that can carry mail ([`Ready`]),
//! [`StartTls`] between two of them where TLS is wanted, [`Login`] where we must log in, and [`Transaction`] for one message. Octets from the network go into a [`ReplyReader`]; a machine takes replies from it,
//! appends what is to be written to a buffer, and says what to wait for. The shell decides nothing: it writes, reads,
//! keeps time, and reports losses.
//!
//! # The shell
//!
//! All there is to do for one message on a session (greetings are the same with [`HelloAction`]):
//!
//! ```
//! use smtp::{Action, DataEncoder, Lost, Outcome, ReplyReader, SessionEnd, Transaction, Verdict};
//! # use smtp::*;
//! # struct Wire(&'static [(&'static str, &'static str)], String);
//! # impl Wire {
//! #     fn write(&mut self, octets: &[u8]) -> Result<(), (Lost, usize)> {
//! #         self.1.push_str(std::str::from_utf8(octets).unwrap());
//! #         Ok(())
//! #     }
//! #     fn read(&mut self, _: Stage) -> Result<&'static [u8], Lost> {
//! #         let ((wanted, answer), rest) = self.0.split_first().ok_or(Lost::Closed)?;
//! #         self.0 = rest;
//! #         assert_eq!(std::mem::take(&mut self.1), *wanted);
//! #         Ok(answer.as_bytes())
//! #     }
//! # }
//!
//! fn drive(mut transaction: Transaction<'_>, content: &[u8], wire: &mut Wire) -> Outcome {
//!     let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
//!     loop {
//!         match transaction.next_action(&mut replies, &mut out) {
//!             Action::Await(stage) => {
//!                 // Write. `unwritten` is how much of the buffer did not go out.
//!                 if let Err((how, unwritten)) = wire.write(&out) {
//!                     transaction.on_lost(&mut replies, how, unwritten);
//!                 }
//!                 out.clear();
//!                 // Read until there is a reply, within the time that the stage may take in all.
//!                 while !transaction.is_done() && !replies.has_reply() {
//!                     match wire.read(stage) {
//!                         Ok(octets) => replies.feed(octets),
//!                         Err(how) => transaction.on_lost(&mut replies, how, 0),
//!                     }
//!                 }
//!             }
//!             Action::SendContent => {
//!                 let mut encoder = DataEncoder::new(998);
//!                 encoder.encode(content, &mut out); // piece by piece; write when the buffer is large
//!                 encoder.finish(&mut out);
//!                 transaction.on_content_written();
//!             }
//!             Action::Flush => {
//!                 if let Err((how, unwritten)) = wire.write(&out) {
//!                     transaction.on_lost(&mut replies, how, unwritten);
//!                 }
//!                 out.clear();
//!             }
//!             Action::Done => break,
//!         }
//!     }
//!     let _the_verdicts_stand = wire.write(&out); // QUIT, perhaps
//!     transaction.into_outcome()
//! }
//! # let facts = EhloFacts { extensions: [Extension::Pipelining].into_iter().collect(), ..EhloFacts::default() };
//! # let to = [Recipient { address: "a@x", ..Recipient::default() }];
//! # let envelope = Envelope {
//! #     sender: "s@x", size: 7, body: Body::Undeclared, utf8: Utf8::NotAsked, envid: None, ret: None, auth: MailAuth::Unsaid,
//! #     client: None, recipients: &to,
//! # };
//! # let options = TransactionOptions { quoting: Quoting::Rfc5321, purpose: Purpose::Delivery, afterwards: Afterwards::Keep };
//! # let session = Ready::from_facts(Dialect::SMTP, facts);
//! # let transaction = session.transaction("h[1]", &envelope, options);
//! # let commands = "RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n";
//! # let script = Box::leak(Box::new([
//! #     (commands, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
//! #     ("Hello.\r\n.\r\n", "250 2.0.0 queued\r\n"),
//! # ]));
//! # let outcome = drive(transaction, b"Hello.\n", &mut Wire(script, String::new()));
//!
//! let Outcome::Settled(settled) = outcome else { panic!("deliver over a fresh connection") };
//! assert!(matches!(&settled.verdicts[..], [Verdict::Sent(reply)] if reply.text == "250 2.0.0 queued"));
//! assert!(matches!(settled.session, SessionEnd::Ready(_))); // park it, if nothing is unread
//! ```
//!
//! Before a session is parked, nothing may be unread: neither in the [`ReplyReader`] nor in the socket.

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
pub use envelope::{Body, Envelope, MailAuth, Notify, Recipient, Ret, Utf8};
pub use ext::{
    ClientSource, Discard, EhloFacts, Extension, Extensions, FinalDot, OriginalClient, Remark, Standing,
};
pub use failure::{Certainty, Conduct, Failure, Lost, Scope};
pub use hello::{
    Admission, Channel, EhloUse, Encryption, Entrance, Farewell, Greeted, Hello, HelloAction, HelloFailed,
    HelloOptions, Identification, Login, LoginRefusals, LoginTerms, Onward, Origin, OwnName, PixWorkarounds,
    Plain, Ready, RefusedGreeting, Secured, StartTls, TlsAnswer, Upgrade,
};
pub use line::EndlessLine;
pub use reply::{Code, FilterFailed, Reply, ReplyClass, ReplyError, ReplyFilter, ReplyReader, Secrecy};
pub use stage::Stage;
pub use status::{Class, Status};
pub use transaction::{
    Abort, Action, Afterwards, Broken, Outcome, ProbeUntil, Purpose, SessionEnd, Settled, Stale, Transaction,
    TransactionOptions, Verdict,
};
