//! What a handshake negotiated.

use pki_types::CertificateDer;

/// What both sides agreed on, and what the server showed.
#[derive(Clone, Debug)]
pub struct Negotiated {
    /// `0x0303` or `0x0304`.
    pub protocol: u16,
    /// The cipher suite's number.
    pub suite: u16,
    /// The key exchange group's number; 0 where it is not known.
    pub group: u16,
    /// The server's certificates, its own first.
    pub chain: Vec<CertificateDer<'static>>,
}
