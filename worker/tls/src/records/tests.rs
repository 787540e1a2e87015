//! Tests of the record layer.

mod limits;
mod peer;
mod refusals;
mod rfc8448;
mod rustls_traits;
mod session;
mod splits;
mod states;
mod unwritten;
