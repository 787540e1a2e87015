//! Which cryptography is built in: the only place that chooses between ring and aws-lc-rs.

use rustls::crypto::CryptoProvider;
use std::sync::{Arc, OnceLock};

#[cfg(all(feature = "ring", feature = "aws-lc-rs"))]
compile_error!("choose one: the feature `ring` (the default), or `aws-lc-rs` with --no-default-features");
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!("choose one: the feature `ring` or the feature `aws-lc-rs`");

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
pub(crate) use aws_lc_rs::aead;
#[cfg(feature = "ring")]
pub(crate) use ring::aead;

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
use rustls::crypto::aws_lc_rs as chosen;
#[cfg(feature = "ring")]
use rustls::crypto::ring as chosen;

/// The cipher suites, key exchanges and signatures of this build, for rustls; made once per process.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(chosen::default_provider())).clone()
}
