//! Handshakes in memory: what is accepted, what is checked, what is noted.

use std::sync::Arc;

use rcgen::KeyPair;
use rustls::pki_types::UnixTime;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::*;

/// A certificate of 1024 bits and version 1, and one of an elliptic curve that nobody here knows.
const ODD: [&str; 2] = [include_str!("odd-rsa1024-v1.pem"), include_str!("odd-brainpool.pem")];

fn levels(levels: &[&str]) -> Vec<String> {
    levels.iter().map(|level| format!("smtp_tls_security_level = {level}\n")).collect()
}

/// A handshake and its judgement.
fn meet(text: &str, chain: &[&CertificateDer<'static>], key: &KeyPair) -> Result<crate::Verified, Error> {
    let (engine, effective) = (lab::engine(text), effective(text));
    let session = engine.client_config(&effective).unwrap();
    let server = lab::server(chain.iter().map(|der| (*der).clone()).collect(), key);
    let negotiated = lab::handshake(&session, server)?;
    Ok(verify(&engine, &effective, &negotiated, &session.observed, SystemTime::now()))
}

#[test]
fn a_verified_handshake_is_summed_up_as_postfix_does() {
    let (files, root) = (Files::new(), Authority::root("Root"));
    let server = root.server(&["mx.dom.example"]);
    let ca = setting("smtp_tls_CAfile", &files.certificates("ca", &[&root.certificate]));
    for (protocols, summary) in [
        (
            "TLSv1.3",
            "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256",
        ),
        ("TLSv1.2", "TLSv1.2 with cipher ECDHE-ECDSA-AES256-GCM-SHA384 (256/256 bits)"),
    ] {
        let text =
            format!("{ca}smtp_tls_security_level = verify\nsmtp_tls_mandatory_protocols = {protocols}");
        let verified = meet(&text, &[&server.certificate], &server.key).unwrap();
        assert_eq!((verified.trust, verified.acceptable), (Trust::Verified, true));
        assert_eq!(verified.facts.summary.to_string(), summary);
    }
}

#[test]
fn whatever_a_certificate_is_encryption_is_had_where_nothing_more_is_asked() {
    let key = KeyPair::generate().unwrap();
    let mut odd: Vec<CertificateDer<'static>> = vec![CertificateDer::from(b"no certificate".to_vec())];
    odd.extend(ODD.iter().map(|text| pki_types::pem::PemObject::from_pem_slice(text.as_bytes()).unwrap()));
    for certificate in &odd {
        for protocols in [">=TLSv1.3", "<=TLSv1.2"] {
            for text in levels(&["may", "encrypt"]) {
                let text = format!(
                    "{text}smtp_tls_protocols = {protocols}\nsmtp_tls_mandatory_protocols = {protocols}"
                );
                let verified = meet(&text, &[certificate], &key).unwrap();
                assert_eq!(
                    (verified.trust, verified.acceptable, verified.problem),
                    (Trust::Untrusted, true, None)
                );
            }
        }
        for text in levels(&["verify", "secure"]) {
            assert!(meet(&text, &[certificate], &key).is_err());
        }
    }
}

#[test]
fn a_certificate_without_its_key_is_worth_nothing() {
    let (files, root) = (Files::new(), Authority::root("Root"));
    let (server, thief) = (root.server(&["mx.dom.example"]), KeyPair::generate().unwrap());
    let ca = setting("smtp_tls_CAfile", &files.certificates("ca", &[&root.certificate]));
    for text in levels(&["may", "encrypt"]) {
        assert_eq!(
            meet(&(ca.clone() + &text), &[&server.certificate], &server.key).unwrap().trust,
            Trust::Trusted
        );
        assert_eq!(
            meet(&(ca.clone() + &text), &[&server.certificate], &thief).unwrap().trust,
            Trust::Untrusted
        );
    }
    for text in levels(&["verify", "secure"]) {
        for protocols in [">=TLSv1.3", "<=TLSv1.2"] {
            let text = format!("{ca}{text}smtp_tls_mandatory_protocols = {protocols}");
            assert!(meet(&text, &[&server.certificate], &thief).is_err());
            assert!(meet(&text, &[&server.certificate], &server.key).is_ok());
        }
    }
}

#[test]
fn what_one_handshake_saw_is_not_what_another_saw() {
    let text = "smtp_tls_security_level = encrypt";
    let (engine, effective) = (lab::engine(text), effective(text));
    let (one, two) = (engine.client_config(&effective).unwrap(), engine.client_config(&effective).unwrap());
    let server = lab::self_signed(&[], |_| ());
    lab::handshake(&one, lab::server(vec![server.certificate], &server.key)).unwrap();
    assert!(one.observed.seen().scheme.is_some() && two.observed.seen().scheme.is_none());
    assert_eq!(engine.configs.lock().unwrap().len(), 1);
}

/// Asks for a certificate that is signed with one of these schemes, and takes any.
#[derive(Debug)]
struct Asking(Vec<SignatureScheme>);

impl ClientCertVerifier for Asking {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }
}

#[test]
fn our_certificate_is_the_one_that_the_server_can_check() {
    let files = Files::new();
    let server = lab::self_signed(&[], |_| ());
    let p256 = lab::self_signed(&[], |_| ());
    let rsa = include_str!("own-rsa2048.pem");
    let path = files.text("own", &(key_and(&p256) + rsa));
    let text = "smtp_tls_security_level = encrypt\n".to_owned() + &setting("smtp_tls_chain_files", &path);
    let (engine, effective) = (lab::engine(&text), effective(&text));
    assert_eq!(engine.unavailable(), None);
    for (scheme, told) in [
        (SignatureScheme::ECDSA_NISTP256_SHA256, " client-signature ECDSA (prime256v1) client-digest SHA256"),
        (SignatureScheme::RSA_PSS_SHA512, " client-signature RSA-PSS (2048 bits) client-digest SHA512"),
        (SignatureScheme::ED25519, " server-digest SHA256"),
    ] {
        let session = engine.client_config(&effective).unwrap();
        let config = asking(lab::server(vec![server.certificate.clone()], &server.key), scheme);
        let negotiated = lab::handshake(&session, config).unwrap();
        let verified = verify(&engine, &effective, &negotiated, &session.observed, SystemTime::now());
        let summary = verified.facts.summary.to_string();
        assert!(summary.ends_with(told), "{summary}");
    }
}

fn asking(config: rustls::ServerConfig, scheme: SignatureScheme) -> rustls::ServerConfig {
    let provider = Arc::clone(config.crypto_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(Asking(vec![scheme])))
        .with_cert_resolver(config.cert_resolver)
}
