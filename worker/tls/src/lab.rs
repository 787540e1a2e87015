//! For tests: settings from text, authorities and servers made on the spot, handshakes in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maincf::{DeliveryConfig, MainCf, Protocol};
use pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use crate::handshake::Negotiated;
use crate::{Effective, Engine, HostNames, Policies, Policy, PolicyError, PolicyTable, Transport, provider};

/// A main.cf.
pub(crate) fn settings(text: &str) -> DeliveryConfig {
    let cf = MainCf::parse(text, Path::new("main.cf")).unwrap().with_system_hostname("me.example");
    DeliveryConfig::load(&cf, Protocol::Smtp).unwrap()
}

pub(crate) fn engine(text: &str) -> Engine {
    Engine::open(&settings(text).tls_trust, Protocol::Smtp)
}

/// A lookup table in memory; the key `broken` cannot be looked up.
#[derive(Debug, Default)]
pub(crate) struct Fake(BTreeMap<String, String>);

impl Fake {
    pub(crate) fn of(entries: &[(&str, &str)]) -> Box<Self> {
        Box::new(Self(entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()))
    }
}

impl PolicyTable for Fake {
    fn lookup(&self, key: &str) -> Result<Option<String>, String> {
        if key == "broken" { Err("no answer".into()) } else { Ok(self.0.get(key).cloned()) }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Policies of a main.cf, of a policy table and of a per-site table.
pub(crate) fn policies(text: &str, maps: &[(&str, &str)], per_site: &[(&str, &str)]) -> Policies {
    let settings = settings(text);
    let engine = Engine::open(&settings.tls_trust, Protocol::Smtp);
    let (maps, per_site) = (Fake::of(maps), Fake::of(per_site));
    Policies::new(&settings.tls, &settings.tls_trust, Protocol::Smtp, "me.example", maps, per_site, &engine)
}

/// The policy of the host mx.dom.example for dom.example.
pub(crate) fn policy(text: &str, maps: &[(&str, &str)]) -> Result<Policy, PolicyError> {
    policies(text, maps, &[]).configured("dom.example", "dom.example", "mx.dom.example", Transport::Tcp)
}

pub(crate) const NAMES: HostNames<'_> =
    HostNames { nexthop: "dom.example", host: "mx.dom.example", mx: None };

/// What a main.cf comes to for that host.
pub(crate) fn effective(text: &str) -> Effective {
    policy(text, &[]).unwrap().for_host(&NAMES).unwrap()
}

/// An authority.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub(crate) certificate: CertificateDer<'static>,
}

/// A server's certificate and key.
pub(crate) struct Server {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        Self::changed_root(name, |_| ())
    }

    pub(crate) fn changed_root(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (authority_params(name), KeyPair::generate().unwrap());
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { params, key, certificate }
    }

    /// An authority below this one.
    pub(crate) fn below(&self, name: &str) -> Self {
        let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
        Self { params, key, certificate }
    }

    pub(crate) fn server(&self, names: &[&str]) -> Server {
        self.changed_server(names, |_| ())
    }

    pub(crate) fn changed_server(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Server {
        let (mut params, key) = (server_params(names), KeyPair::generate().unwrap());
        change(&mut params);
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
        Server { certificate, key }
    }

    /// The public key, DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        rcgen::PublicKeyData::subject_public_key_info(&self.key)
    }

    pub(crate) fn public_key_pem(&self) -> String {
        self.key.public_key_pem()
    }
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}

pub(crate) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Server {
    let (mut params, key) = (server_params(names), KeyPair::generate().unwrap());
    params.distinguished_name.push(DnType::CommonName, "Self");
    change(&mut params);
    Server { certificate: params.self_signed(&key).unwrap().der().clone(), key }
}

/// A folder with files of certificates.
pub(crate) struct Files(pub(crate) tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn certificates(&self, name: &str, certificates: &[&CertificateDer<'_>]) -> PathBuf {
        self.text(name, &certificates.iter().map(|der| pem("CERTIFICATE", der)).collect::<String>())
    }

    pub(crate) fn text(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in der.chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let number = octet(0) << 16 | octet(1) << 8 | octet(2);
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at)) as usize & 63] as char;
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl rustls::server::ResolvesServerCert for Always {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A server that shows these octets as its certificates.
pub(crate) fn server(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> ServerConfig {
    let provider = provider::provider();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = provider.key_provider.load_private_key(key).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(chain, key)))))
}

/// A whole handshake in memory.
pub(crate) fn handshake(
    client: &crate::ClientSession,
    server: ServerConfig,
) -> Result<Negotiated, rustls::Error> {
    let name = ServerName::try_from("ignored.example").unwrap();
    let mut client = ClientConnection::new(Arc::clone(&client.config), name)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        wire.clear();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(Negotiated {
        protocol: client.protocol_version().unwrap().into(),
        suite: client.negotiated_cipher_suite().unwrap().suite().into(),
        group: client.negotiated_key_exchange_group().unwrap().name().into(),
        chain: client
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|der| der.clone().into_owned())
            .collect(),
    })
}
