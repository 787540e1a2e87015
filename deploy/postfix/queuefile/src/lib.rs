//! Postfix's queue files, as far as a delivery agent goes: it finds and locks one ([`file`], [`name`]), reads the message
//! out of it ([`content`]) and marks who is done with.
//!
//! A file is a sequence of records. Filters (milters) change a message by pointers that lead out of the content and back,
//! so only following the records gives the message. What the records say is never trusted: a file that is not as it
//! should be is an error at that place, and the message must not be ended then.

pub mod content;
pub mod file;
pub mod name;
pub mod octets;
