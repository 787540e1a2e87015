//! A verifier that accepts every certificate, and checks the handshake's signature where somebody relies on it.

use std::sync::{Arc, Mutex, PoisonError};

use pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::verify::certificate;

/// Schemes in OpenSSL's order: servers choose the first that they can.
const SCHEMES: [SignatureScheme; 12] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    // Older ones, which nobody here checks.
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];

/// What one handshake showed beside what was negotiated. Shared between the handshake and whoever judges it.
#[derive(Clone, Debug, Default)]
pub struct Observed(Arc<Mutex<Seen>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The scheme of the server's signature.
    pub(crate) scheme: Option<SignatureScheme>,
    /// The server proved that it has the certificate's key.
    pub(crate) proved: bool,
    /// The scheme of our own signature, and our key.
    pub(crate) own: Option<(SignatureScheme, Vec<u8>)>,
}

impl Observed {
    /// Whether the server asked for a certificate of ours, and was shown one.
    pub fn showed_ours(&self) -> bool {
        self.seen().own.is_some()
    }

    pub(crate) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, scheme: SignatureScheme, proved: bool) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.scheme = Some(scheme);
        seen.proved = proved;
    }

    pub(super) fn note_own(&self, scheme: SignatureScheme, key: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).own = Some((scheme, key.to_vec()));
    }

    /// A handshake whose signature was good.
    #[cfg(test)]
    pub(crate) fn proved(scheme: SignatureScheme) -> Self {
        let observed = Self::default();
        observed.note(scheme, true);
        observed
    }
}

/// What a wrong signature means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checking {
    /// The handshake fails: the level relies on the certificate.
    Required,
    /// The certificate is worth nothing; only a word in the log relies on it.
    Noted,
    /// Nobody looks.
    Skipped,
}

/// Made for one handshake.
#[derive(Debug)]
pub(super) struct Witness {
    checking: Checking,
    algorithms: WebPkiSupportedAlgorithms,
    observed: Observed,
}

impl Witness {
    pub(super) fn new(checking: Checking, algorithms: WebPkiSupportedAlgorithms, observed: Observed) -> Self {
        Self { checking, algorithms, observed }
    }

    fn judge(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        version: Version,
    ) -> Result<HandshakeSignatureValid, Error> {
        let good = match self.checking {
            Checking::Skipped => Ok(false),
            Checking::Required | Checking::Noted => {
                self.check(message, certificate, signed, version).map(|()| true)
            }
        };
        match (good, self.checking) {
            (Err(error), Checking::Required) => Err(error),
            (good, _) => {
                self.observed.note(signed.scheme, good.unwrap_or(false));
                Ok(HandshakeSignatureValid::assertion())
            }
        }
    }

    /// Reads no more of the certificate than its key: whatever else is odd about it is not this signature's business.
    fn check(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        version: Version,
    ) -> Result<(), Error> {
        let unusable = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let key = SubjectPublicKeyInfoDer::from(certificate::key(certificate).ok_or_else(unusable)?);
        let key = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| unusable())?;
        let of_scheme = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let algorithms = of_scheme.map(|(_, algorithms)| *algorithms).unwrap_or_default();
        // In TLS 1.3 a scheme names the curve, too, and the old RSA signatures are gone (RFC 8446 section 4.2.3).
        let algorithms = match version {
            Version::Tls12 => algorithms,
            Version::Tls13 if is_pkcs1(signed.scheme) => &[],
            Version::Tls13 => algorithms.get(..1).unwrap_or_default(),
        };
        let good = |algorithm: &&dyn pki_types::SignatureVerificationAlgorithm| {
            key.verify_signature(*algorithm, message, signed.signature()).is_ok()
        };
        if algorithms.iter().any(good) {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(CertificateError::BadSignature))
        }
    }
}

#[derive(Clone, Copy)]
enum Version {
    Tls12,
    Tls13,
}

fn is_pkcs1(scheme: SignatureScheme) -> bool {
    use SignatureScheme as S;
    matches!(scheme, S::RSA_PKCS1_SHA1 | S::RSA_PKCS1_SHA256 | S::RSA_PKCS1_SHA384 | S::RSA_PKCS1_SHA512)
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge(message, certificate, signed, Version::Tls12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge(message, certificate, signed, Version::Tls13)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let checked = self.algorithms.supported_schemes();
        // What cannot be checked does no harm where nothing relies on it. ED448 is not among it: in TLS 1.2 the library's
        // handshake fails with it.
        let offered =
            |scheme: &&SignatureScheme| self.checking != Checking::Required || checked.contains(scheme);
        let mut schemes: Vec<SignatureScheme> = SCHEMES.iter().filter(offered).copied().collect();
        schemes.extend(checked.iter().filter(|scheme| !SCHEMES.contains(scheme)));
        schemes
    }
}
