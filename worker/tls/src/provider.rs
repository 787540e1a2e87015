//! The cryptography that every handshake and every check of a signature uses.

use std::sync::Arc;

/// The library's provider, as the build chose it.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    #[cfg(feature = "ring")]
    return Arc::new(rustls::crypto::ring::default_provider());
    #[cfg(not(feature = "ring"))]
    return Arc::new(rustls::crypto::aws_lc_rs::default_provider());
}
