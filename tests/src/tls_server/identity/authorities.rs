//! The certificate authorities of one run.

use super::{Identity, Issued, Issuer, Key, Purpose, Sends, Validity};
use crate::programs;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData, SanType,
    date_time_ymd,
};
use std::net::IpAddr;
use std::process::Command;

/// Authorities below the root in the longest chain; OpenSSL's clients stop after nine.
const DEEP: usize = 11;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Authorities, and one RSA key for everybody, since making one takes time.
pub struct Authorities {
    root: Authority,
    unknown: Authority,
    intermediate: Authority,
    expired: Authority,
    deep: Vec<Authority>,
    none: Authority,
    rsa: String,
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorities")
    }
}

impl Default for Authorities {
    fn default() -> Self {
        Self::new()
    }
}

impl Authorities {
    /// Fresh ones.
    pub fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("Root"), key(Key::Ecdsa, "")).expect("a root");
        let unknown = CertifiedIssuer::self_signed(authority("Nobody"), key(Key::Ecdsa, "")).expect("a root");
        let below = |params: CertificateParams, above: &Authority| {
            CertifiedIssuer::signed_by(params, key(Key::Ecdsa, ""), above).expect("an authority")
        };
        let intermediate = below(authority("Intermediate"), &root);
        let mut old = authority("Expired Intermediate");
        old.not_after = date_time_ymd(2021, 1, 1);
        let expired = below(old, &root);
        let mut deep: Vec<Authority> = Vec::new();
        for number in 1..=DEEP {
            let above = deep.last().unwrap_or(&root);
            deep.push(below(authority(&format!("Depth {number}")), above));
        }
        let mut params = authority("No Authority");
        params.is_ca = IsCa::ExplicitNoCa;
        let none = below(params, &root);
        Self { root, unknown, intermediate, expired, deep, none, rsa: rsa() }
    }

    /// The root that clients trust, in PEM.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// The root that they do not trust, in PEM.
    pub fn unknown_pem(&self) -> String {
        self.unknown.pem()
    }

    /// The authority below the root, in PEM.
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// Makes a certificate for a server of this name, which serves this domain.
    pub fn issue(&self, identity: &Identity, host: &str, domain: &str) -> Issued {
        let key = key(identity.key, &self.rsa);
        let params = leaf(identity, host, domain);
        let issuers: Vec<&Authority> = match identity.issuer {
            Issuer::Own => vec![],
            Issuer::Root => vec![&self.root],
            Issuer::Intermediate => vec![&self.intermediate, &self.root],
            Issuer::ExpiredIntermediate => vec![&self.expired, &self.root],
            Issuer::Deep => self.deep.iter().rev().chain([&self.root]).collect(),
            Issuer::Unknown => vec![&self.unknown],
            Issuer::NoAuthority => vec![&self.none, &self.root],
        };
        let certificate = match issuers.first() {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        let leaf = certificate.expect("a certificate").der().to_vec();
        let sent = match identity.sends {
            Sends::LeafAlone => 0,
            Sends::WithRoot => issuers.len(),
            Sends::Chain => issuers.len().saturating_sub(1),
        };
        let of =
            |authority: &&Authority| (authority.der().to_vec(), authority.key().subject_public_key_info());
        Issued {
            leaf,
            leaf_key: key.subject_public_key_info(),
            issuers: issuers.iter().map(of).collect(),
            sent,
            private: key.serialize_der(),
        }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("Test {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2096, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

fn leaf(identity: &Identity, host: &str, domain: &str) -> CertificateParams {
    let fill = |text: &str| text.replace("{host}", host).replace("{domain}", domain);
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&fill(identity.names.cn));
    for name in identity.names.san {
        let name = fill(name);
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into().expect("a name in ASCII")),
        });
    }
    let years = match identity.validity {
        Validity::Now => (2020, 2096),
        Validity::Past => (2020, 2021),
        Validity::Future => (2095, 2096),
    };
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params.use_authority_key_identifier_extension = identity.issuer != Issuer::Own;
    match identity.purpose {
        Purpose::Server => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        Purpose::Client => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Purpose::Any => {}
        Purpose::Authority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
    }
    params
}

fn named(cn: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Lab");
    if !cn.is_empty() {
        name.push(DnType::CommonName, cn);
    }
    name
}

fn key(kind: Key, rsa: &str) -> KeyPair {
    match kind {
        Key::Ecdsa => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        Key::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
        Key::Rsa => KeyPair::from_pem(rsa),
    }
    .expect("a key")
}

/// ring makes no RSA keys.
fn rsa() -> String {
    let mut openssl = Command::new(programs::debian("openssl"));
    openssl.args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let output = openssl.output().expect("openssl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    text
}
