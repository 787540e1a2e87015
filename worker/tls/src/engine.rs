//! What TLS is made of here: trusted authorities, certificates of our own, configurations of handshakes. Read once.

mod anchors;
mod identities;
mod pem;
mod witness;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use anchors::{Anchor, AnchorSet, Dates};
use identities::Identities;
use maincf::Protocol;
use maincf::params::TlsTrust;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
pub use witness::Observed;
pub(crate) use witness::Seen;
use witness::{Checking, Witness};

use crate::policy::{DigestName, Effective, Offer, PolicyError};
use crate::{Level, provider};

/// The authorities that Debian trusts (`tls_append_default_CA`).
const DEFAULT_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Configurations kept; there are as many as there are different offers in the policies.
const MOST_CONFIGS: usize = 64;

/// Everything about TLS that is read from files, and the library's configurations. Opened once, before privileges are dropped.
pub struct Engine {
    provider: Arc<CryptoProvider>,
    unavailable: Option<String>,
    authorities: Arc<AnchorSet>,
    identities: Identities,
    digest: Option<DigestName>,
    remarks: Vec<String>,
    configs: Mutex<HashMap<Offer, Arc<ClientConfig>>>,
}

/// Whether TLS is used with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsUse {
    /// Not at all: the level is none, or it is may and TLS cannot be had for this reason.
    Never {
        /// Why, at level may.
        why: Option<String>,
    },
    /// If the server offers it.
    IfOffered,
    /// Nothing is sent without it.
    Required,
}

/// No handshake can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// TLS as a whole cannot be used.
    #[error("TLS engine is unavailable: {0}")]
    Unavailable(String),
    /// The policy has nothing to offer.
    #[error("nothing to offer in a TLS handshake")]
    NothingToOffer,
    /// The library refuses the offer.
    #[error("TLS library: {0}")]
    Library(#[from] rustls::Error),
}

/// One handshake's configuration, and what it will have seen.
#[derive(Clone, Debug)]
pub struct ClientSession {
    /// For this handshake only. It resumes nothing and accepts every certificate: [`crate::verify()`] judges afterwards.
    pub config: Arc<ClientConfig>,
    /// Goes to [`crate::verify()`].
    pub observed: Observed,
}

impl Engine {
    /// Reads all files. Nothing is read later, but for anchors that a policy names.
    pub fn open(trust: &TlsTrust, protocol: Protocol) -> Self {
        let mut engine = Self {
            provider: provider::provider(),
            unavailable: None,
            authorities: Arc::default(),
            identities: Identities::default(),
            digest: DigestName::named(&trust.fingerprint_digest),
            remarks: Vec::new(),
            configs: Mutex::default(),
        };
        if let Err(reason) = engine.read(trust, protocol) {
            engine.remarks.push(format!("{reason}: disabling TLS support"));
            engine.unavailable = Some(reason);
        }
        engine
    }

    fn read(&mut self, trust: &TlsTrust, protocol: Protocol) -> Result<(), String> {
        let prefix = protocol.prefix();
        match self.digest {
            None => return Err(format!("Digest algorithm {:?} not found", trust.fingerprint_digest)),
            Some(weak @ (DigestName::Md5 | DigestName::Sha1)) if !trust.fingerprint_match.is_empty() => {
                self.remarks.push(format!(
                    "{prefix}tls_fingerprint_digest: fingerprints made with {} can be forged; use sha256",
                    weak.name()
                ))
            }
            Some(_) => {}
        }
        let ca_file = trust.ca_file.as_deref();
        let ca_path = trust.ca_path.as_deref();
        let default = Some(Path::new(DEFAULT_AUTHORITIES))
            .filter(|_| trust.append_default_ca && (ca_file.is_some() || ca_path.is_some()));
        let (authorities, remarks) = AnchorSet::authorities(ca_file, ca_path, default)?;
        self.authorities = Arc::new(authorities);
        self.remarks.extend(remarks);
        let (identities, remarks) = Identities::read(trust, prefix, &self.provider)?;
        self.identities = identities;
        self.remarks.extend(remarks);
        Ok(())
    }

    /// Why TLS as a whole cannot be used, if so.
    pub fn unavailable(&self) -> Option<&str> {
        self.unavailable.as_deref()
    }

    /// What was odd about the files; for the log, once.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Whether TLS is used under this policy. Errors: it must be and cannot; a mandatory level never comes to plaintext.
    pub fn tls_use(&self, effective: &Effective) -> Result<TlsUse, PolicyError> {
        let why = self.unavailable().or(effective.unavailable()).map(str::to_owned);
        match (effective.level, why) {
            (Level::None, _) => Ok(TlsUse::Never { why: None }),
            (Level::May, Some(why)) => Ok(TlsUse::Never { why: Some(why) }),
            (Level::May, None) => Ok(TlsUse::IfOffered),
            (_, Some(why)) => Err(PolicyError {
                warning: Some(why),
                before_connecting: false,
                ..PolicyError::unmet("TLS is required, but our TLS engine is unavailable")
            }),
            (_, None) => Ok(TlsUse::Required),
        }
    }

    /// The configuration of one handshake. Made anew each time from one that is kept, since it records what it saw.
    pub fn client_config(&self, effective: &Effective) -> Result<ClientSession, EngineError> {
        if let Some(reason) = &self.unavailable {
            return Err(EngineError::Unavailable(reason.clone()));
        }
        let offer = effective.offer.as_deref().ok_or(EngineError::NothingToOffer)?;
        let mut config = (*self.config(offer)?).clone();
        let observed = Observed::default();
        let checking = match effective.level.must_match() {
            true => Checking::Required,
            false if !self.authorities.is_empty() => Checking::Noted,
            false => Checking::Skipped,
        };
        let algorithms = self.provider.signature_verification_algorithms;
        let witness = Witness::new(checking, algorithms, observed.clone());
        config.dangerous().set_certificate_verifier(Arc::new(witness));
        config.client_auth_cert_resolver = self.identities.resolver(observed.clone());
        Ok(ClientSession { config: Arc::new(config), observed })
    }

    fn config(&self, offer: &Offer) -> Result<Arc<ClientConfig>, EngineError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(offer) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.new_config(offer)?);
        if configs.len() >= MOST_CONFIGS {
            configs.clear();
        }
        configs.insert(offer.clone(), Arc::clone(&config));
        Ok(config)
    }

    fn new_config(&self, offer: &Offer) -> Result<ClientConfig, EngineError> {
        let mut provider = (*self.provider).clone();
        let suites = &self.provider.cipher_suites;
        let suite = |id: &u16| suites.iter().find(|suite| u16::from(suite.suite()) == *id).copied();
        provider.cipher_suites = offer.suites.iter().filter_map(suite).collect();
        let groups = &self.provider.kx_groups;
        let group = |id: &u16| groups.iter().find(|group| u16::from(group.name()) == *id).copied();
        provider.kx_groups = offer.groups.iter().filter_map(group).collect();
        let versions: Vec<_> = [
            offer.versions.tls13.then_some(&rustls::version::TLS13),
            offer.versions.tls12.then_some(&rustls::version::TLS12),
        ]
        .into_iter()
        .flatten()
        .collect();
        let algorithms = provider.signature_verification_algorithms;
        let placeholder = Witness::new(Checking::Required, algorithms, Observed::default());
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(placeholder))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        Ok(config)
    }

    /// The numbers of the library's key exchange groups.
    pub(crate) fn groups(&self) -> Vec<u16> {
        self.provider.kx_groups.iter().map(|group| group.name().into()).collect()
    }

    pub(crate) fn authorities(&self) -> &Arc<AnchorSet> {
        &self.authorities
    }

    pub(crate) fn identity_digest(&self) -> &[u8; 32] {
        self.identities.digest()
    }

    pub(crate) fn fingerprint_digest(&self) -> Option<DigestName> {
        self.digest
    }

    pub(crate) fn algorithms(&self) -> rustls::crypto::WebPkiSupportedAlgorithms {
        self.provider.signature_verification_algorithms
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("unavailable", &self.unavailable).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
