//! What a delivery agent and Postfix's daemons (3.4 to 3.12) say to each other. Pure: octets in, octets out.
//!
//! ```text
//!  master ◄── master::Status ── agent ◄── request::Delivery ── qmgr
//!                                 │  └─── reply::Final ──────► qmgr
//!                                 ├── report::Append ────────► bounce, defer, trace
//!                                 ├── verify::Update ────────► verify
//!                                 ├── flush::Add ────────────► flush
//!                                 └── proxymap::Asked ───────► proxymap
//! ```
//!
//! Everything is a list of attributes in the null encoding ([`attr`]), written with one write. Who speaks first, and what
//! it says, depends on the release ([`greeting`]), and so do the dialect of [`proxymap`] and the name of one attribute of requests.

pub mod attr;
pub mod flush;
pub mod greeting;
pub mod master;
pub mod proxymap;
pub mod reply;
pub mod report;
pub mod request;
pub mod stats;
pub mod text;
pub mod verify;
