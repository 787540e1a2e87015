//! A sink's certificate and key: from files, or made for it.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem};

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Made on the spot, signed by itself.
    Made {
        /// The kind of its key.
        key: KeyKind,
        /// The names in it (DNS), at least one.
        names: Vec<String>,
    },
    /// From PEM files.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// The key of the first certificate.
        key: PathBuf,
    },
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

impl Default for Identity {
    fn default() -> Self {
        Self::Made { key: KeyKind::Ecdsa, names: vec!["sink.test".into()] }
    }
}

/// A certificate or key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It cannot be made.
    #[error("cannot make a certificate: {0}")]
    Made(#[from] rcgen::Error),
    /// The program that makes RSA keys.
    #[error("openssl makes no RSA key: {0}")]
    Openssl(String),
    /// A file.
    #[error("{0}: {1}")]
    File(PathBuf, pem::Error),
    /// A file without a certificate.
    #[error("{0}: no certificate in it")]
    Empty(PathBuf),
}

/// An identity, ready for use.
pub(super) struct Opened {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// The chain in PEM.
    pub(super) pem: String,
}

impl Identity {
    /// The chain and the key.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub(super) fn open(&self) -> Result<Opened, IdentityError> {
        match self {
            Self::Made { key, names } => {
                let key = key.make()?;
                let certificate = CertificateParams::new(names.clone())?.self_signed(&key)?;
                let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
                let pem = certificate.pem();
                Ok(Opened { chain: vec![certificate.into()], key, pem })
            }
            Self::Files { certificate, key } => {
                let text = std::fs::read(certificate).map_err(pem::Error::Io);
                let text = text.map_err(|error| IdentityError::File(certificate.clone(), error))?;
                let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
                    .collect::<Result<_, _>>()
                    .map_err(|error| IdentityError::File(certificate.clone(), error))?;
                if chain.is_empty() {
                    return Err(IdentityError::Empty(certificate.clone()));
                }
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| IdentityError::File(key.clone(), error))?;
                Ok(Opened { chain, key, pem: String::from_utf8_lossy(&text).into_owned() })
            }
        }
    }
}

impl KeyKind {
    /// A new key; for RSA the same for the whole process, since one takes a while.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn make(self) -> Result<KeyPair, IdentityError> {
        match self {
            Self::Ecdsa => Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?),
            Self::Rsa => {
                static PEM: OnceLock<Result<String, String>> = OnceLock::new();
                let pem = PEM.get_or_init(rsa_pem).clone().map_err(IdentityError::Openssl)?;
                Ok(KeyPair::from_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256)?)
            }
        }
    }
}

/// rcgen makes no RSA keys with ring.
fn rsa_pem() -> Result<String, String> {
    let words = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let made = Command::new("openssl").args(words).output().map_err(|error| error.to_string())?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned());
    }
    String::from_utf8(made.stdout).map_err(|error| error.to_string())
}
