//! Certificates of our own: read from chain files or pairs, shown where a server asks for one that it can check.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use maincf::params::TlsTrust;
use pki_types::pem::SectionKind;
use pki_types::{CertificateDer, PrivateKeyDer};
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::pem;
use super::witness::Observed;
use crate::policy::digest::Fields;
use crate::verify::certificate;

/// Our certificates, in the order in which they are preferred.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    keys: Vec<Arc<CertifiedKey>>,
    digest: [u8; 32],
}

/// A key and what follows it.
struct Pair {
    /// For messages.
    place: String,
    key: PrivateKeyDer<'static>,
    chain: Vec<CertificateDer<'static>>,
}

impl Identities {
    /// Reads `smtp_tls_chain_files`, or else the pairs of the older parameters. Returns also what was skipped.
    pub(super) fn read(
        trust: &TlsTrust,
        prefix: &str,
        provider: &CryptoProvider,
    ) -> Result<(Self, Vec<String>), String> {
        let mut remarks = Vec::new();
        let older = [(&trust.cert_file, &trust.key_file), (&trust.eccert_file, &trust.eckey_file)];
        let pairs = if trust.chain_files.is_empty() {
            let given = older
                .into_iter()
                .filter_map(|(certificate, key)| Some((certificate.as_deref()?, key.as_deref())));
            given
                .map(|(certificate, key)| pair(certificate, key.unwrap_or(certificate)))
                .collect::<Result<_, _>>()?
        } else {
            if older.iter().any(|(certificate, _)| certificate.is_some()) {
                remarks.push(format!("{prefix}tls_chain_files is set; the other parameters of certificates and keys are ignored"));
            }
            chains(&trust.chain_files)?
        };
        let mut identities = Self::default();
        for pair in pairs {
            match provider.key_provider.load_private_key(pair.key) {
                Ok(key) => identities.add(&pair.place, pair.chain, key)?,
                Err(error) => {
                    remarks.push(format!("{}: the key cannot be used and is skipped: {error}", pair.place))
                }
            }
        }
        identities.seal();
        Ok((identities, remarks))
    }

    fn add(
        &mut self,
        place: &str,
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
    ) -> Result<(), String> {
        let leaf = chain.first().ok_or_else(|| format!("{place}: no certificate"))?;
        let shown =
            certificate::key(leaf).ok_or_else(|| format!("{place}: the certificate cannot be read"))?;
        if key.public_key().is_some_and(|own| own.as_ref() != shown) {
            return Err(format!("{place}: the key does not match the certificate"));
        }
        self.keys.push(Arc::new(CertifiedKey::new(chain, key)));
        Ok(())
    }

    fn seal(&mut self) {
        let mut fields = Fields::new("baton tls identities 1");
        fields.each(self.keys.iter(), |fields, key| {
            fields.each(key.cert.iter(), |fields, certificate| {
                fields.octets(certificate);
            });
        });
        self.digest = fields.finish();
    }

    /// SHA-256 over all certificates.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// How many certificates each has.
    #[cfg(test)]
    pub(super) fn chains(&self) -> Vec<usize> {
        self.keys.iter().map(|key| key.cert.len()).collect()
    }

    /// Chooses for one handshake and notes what was chosen.
    pub(super) fn resolver(&self, observed: Observed) -> Arc<dyn ResolvesClientCert> {
        Arc::new(Chooser { identities: self.clone(), observed })
    }
}

/// A certificate file and a key file.
fn pair(certificates: &Path, key: &Path) -> Result<Pair, String> {
    let chain: Vec<CertificateDer<'static>> = pem::sections(certificates)?
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, octets)| octets.into())
        .collect();
    if chain.is_empty() {
        return Err(format!("cannot get certificate from file {:?}", certificates.display().to_string()));
    }
    let key_section =
        pem::sections(key)?.into_iter().find_map(|(kind, octets)| private_key(kind, octets).ok());
    let missing = || format!("no private key in {} (is it encrypted?)", key.display());
    Ok(Pair { place: key.display().to_string(), key: key_section.ok_or_else(missing)?, chain })
}

/// Keys, each directly followed by its certificate and what issued it; the files are one list.
fn chains(files: &[PathBuf]) -> Result<Vec<Pair>, String> {
    let mut pairs: Vec<Pair> = Vec::new();
    for path in files {
        for (index, (kind, octets)) in pem::sections(path)?.into_iter().enumerate() {
            match (private_key(kind, octets), pairs.last_mut()) {
                (Ok(_), Some(last)) if last.chain.is_empty() => return Err(not_followed(&last.place)),
                (Ok(key), _) => {
                    let place = format!("key at index {} in {}", index + 1, path.display());
                    pairs.push(Pair { place, key, chain: Vec::new() });
                }
                (Err(Some(certificate)), Some(last)) => last.chain.push(certificate),
                (Err(Some(_)), None) => {
                    return Err(format!("error loading chain from {}: key not first", path.display()));
                }
                (Err(None), _) => {}
            }
        }
    }
    match pairs.last() {
        None => Err("no keys and certificates in the chain files".into()),
        Some(last) if last.chain.is_empty() => Err(not_followed(&last.place)),
        Some(_) => Ok(pairs),
    }
}

fn not_followed(place: &str) -> String {
    format!("error loading certificate chain: {place} not followed by a certificate")
}

/// A private key, or else a certificate, or else neither.
fn private_key(
    kind: SectionKind,
    octets: Vec<u8>,
) -> Result<PrivateKeyDer<'static>, Option<CertificateDer<'static>>> {
    match kind {
        SectionKind::PrivateKey => Ok(PrivateKeyDer::Pkcs8(octets.into())),
        SectionKind::RsaPrivateKey => Ok(PrivateKeyDer::Pkcs1(octets.into())),
        SectionKind::EcPrivateKey => Ok(PrivateKeyDer::Sec1(octets.into())),
        SectionKind::Certificate => Err(Some(octets.into())),
        _ => Err(None),
    }
}

#[derive(Debug)]
struct Chooser {
    identities: Identities,
    observed: Observed,
}

impl ResolvesClientCert for Chooser {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let usable = |identity: &&Arc<CertifiedKey>| identity.key.choose_scheme(schemes).is_some();
        let chosen = self.identities.keys.iter().find(usable)?;
        let leaf = chosen.cert.first().and_then(certificate::key).unwrap_or_default();
        let noting = NotingKey { key: Arc::clone(&chosen.key), leaf, observed: self.observed.clone() };
        Some(Arc::new(CertifiedKey::new(chosen.cert.clone(), Arc::new(noting))))
    }

    fn has_certs(&self) -> bool {
        !self.identities.keys.is_empty()
    }
}

/// A key that notes with which scheme it signs.
#[derive(Debug)]
struct NotingKey {
    key: Arc<dyn SigningKey>,
    /// The certificate's SubjectPublicKeyInfo.
    leaf: Vec<u8>,
    observed: Observed,
}

impl SigningKey for NotingKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.choose_scheme(offered)?;
        self.observed.note_own(signer.scheme(), &self.leaf);
        Some(signer)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}
