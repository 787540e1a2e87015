//! What is read of a certificate: its key, its names, its dates. Tolerant: what cannot be read is absent.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// The names of a certificate that a server can be known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// DNS names of the subject's alternative names; without any, the common names. As they are written there.
    pub(crate) dns: Vec<String>,
    /// Addresses of the subject's alternative names.
    pub(crate) addresses: Vec<IpAddr>,
}

/// When a certificate is valid: seconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// What a key is, as the log says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa { bits: u16 },
    Curve(&'static str),
    Other,
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

/// The key (SubjectPublicKeyInfo, DER).
pub(crate) fn key(der: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    parse(der.as_ref()).map(|certificate| certificate.tbs_certificate.subject_pki.raw.to_vec())
}

/// What is inside a SubjectPublicKeyInfo's outer sequence; `None` if it is none.
pub(crate) fn key_contents(key: &[u8]) -> Option<&[u8]> {
    SubjectPublicKeyInfo::from_der(key).ok().filter(|(rest, _)| rest.is_empty())?;
    contents(key)
}

/// What is inside the sequence of an issuer's name.
pub(crate) fn issuer_contents(der: &[u8]) -> Option<Vec<u8>> {
    parse(der).and_then(|certificate| contents(certificate.issuer().as_raw()).map(<[u8]>::to_vec))
}

/// The octets inside a DER element of at most 64 KiB.
fn contents(element: &[u8]) -> Option<&[u8]> {
    let length = *element.get(1)?;
    let header = if length < 0x80 { 2 } else { 2 + usize::from(length & 0x7F) };
    element.get(header..)
}

/// Subject and issuer are the same.
pub(crate) fn is_self_issued(der: &[u8]) -> Option<bool> {
    parse(der).map(|certificate| certificate.subject().as_raw() == certificate.issuer().as_raw())
}

/// The certificate is the issuer of the other, by its name.
pub(crate) fn issued(issuer: &[u8], der: &[u8]) -> bool {
    match (parse(issuer), parse(der)) {
        (Some(issuer), Some(certificate)) => issuer.subject().as_raw() == certificate.issuer().as_raw(),
        _ => false,
    }
}

pub(crate) fn validity(der: &[u8]) -> Option<Validity> {
    let certificate = parse(der)?;
    let validity = certificate.validity();
    Some(Validity { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() })
}

/// The names that count. If the alternative names cannot be read, there are none: the common name does not stand in.
pub(crate) fn names(der: &[u8]) -> Names {
    let Some(certificate) = parse(der) else { return Names::default() };
    let mut names = Names::default();
    let mut unreadable = false;
    for extension in certificate.extensions() {
        if extension.oid != x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME {
            continue;
        }
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(san) => {
                for name in &san.general_names {
                    match name {
                        GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
                        GeneralName::IPAddress(octets) => names.addresses.extend(address(octets)),
                        // A DNS name that is not text: it is there, and matches nothing.
                        GeneralName::Invalid(..) => unreadable = true,
                        _ => {}
                    }
                }
            }
            _ => unreadable = true,
        }
    }
    if names.dns.is_empty() && !unreadable {
        let values = certificate.subject().iter_common_name().filter_map(|value| value.as_str().ok());
        names.dns.extend(values.map(str::to_owned));
    }
    names
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().next().and_then(|value| value.as_str().ok()).map(str::to_owned)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The subject's and the issuer's common names, fit for a log; the issuer's organisation where it has no common name.
pub(crate) fn shown_names(der: &[u8]) -> (String, String) {
    let Some(certificate) = parse(der) else { return (String::new(), String::new()) };
    let organization =
        || certificate.issuer().iter_organization().next().and_then(|value| value.as_str().ok());
    let issuer = common_name(certificate.issuer()).or_else(|| organization().map(str::to_owned));
    let subject = common_name(certificate.subject());
    (printable(&subject.unwrap_or_default()), printable(&issuer.unwrap_or_default()))
}

/// The issuer's name on one line: `/C=DE/CN=An Authority`.
pub(crate) fn issuer_line(der: &[u8]) -> String {
    let Some(certificate) = parse(der) else { return String::new() };
    let mut line = String::new();
    for attribute in certificate.issuer().iter_attributes() {
        let kind = attribute.attr_type().to_id_string();
        let value = attribute.as_str().map_or_else(|_| "?".to_owned(), str::to_owned);
        line.push_str(&format!("/{}={value}", short_name(&kind)));
    }
    printable(&line)
}

fn short_name(kind: &str) -> &str {
    match kind {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "0.9.2342.19200300.100.1.25" => "DC",
        other => other,
    }
}

/// Whatever a peer calls itself is one short line.
fn printable(text: &str) -> String {
    let clean = |sign: char| if sign.is_ascii_graphic() || sign == ' ' { sign } else { '?' };
    text.chars().take(256).map(clean).collect()
}

/// What a key (SubjectPublicKeyInfo) is.
pub(crate) fn key_kind(key: &[u8]) -> KeyKind {
    let Ok((_, info)) = SubjectPublicKeyInfo::from_der(key) else { return KeyKind::Other };
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let modulus = rsa.modulus.iter().skip_while(|octet| **octet == 0).count() * 8;
            let top = rsa
                .modulus
                .iter()
                .find(|octet| **octet != 0)
                .map_or(0, |octet| octet.leading_zeros() as usize);
            KeyKind::Rsa { bits: u16::try_from(modulus.saturating_sub(top)).unwrap_or(u16::MAX) }
        }
        Ok(PublicKey::EC(_)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|any| any.as_oid().ok())
                .map(|oid| oid.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => KeyKind::Curve("prime256v1"),
                Some("1.3.132.0.34") => KeyKind::Curve("secp384r1"),
                Some("1.3.132.0.35") => KeyKind::Curve("secp521r1"),
                _ => KeyKind::Other,
            }
        }
        _ => KeyKind::Other,
    }
}
