//! Files read at the start, and handshakes in memory.

use std::time::SystemTime;

use pki_types::CertificateDer;

use super::*;
use crate::lab::{self, Authority, Files, Server, effective};
use crate::{Trust, verify};

mod handshakes;

fn setting(name: &str, path: &Path) -> String {
    format!("{name} = {}\n", path.display())
}

fn key_and(server: &Server) -> String {
    server.key.serialize_pem() + &certificate(server)
}

fn certificate(server: &Server) -> String {
    lab::pem("CERTIFICATE", &server.certificate)
}

fn unavailable(text: &str) -> String {
    lab::engine(text).unavailable().unwrap().to_owned()
}

#[test]
fn with_nothing_configured_there_is_an_engine_that_trusts_nobody() {
    let engine = lab::engine("");
    assert_eq!(engine.unavailable(), None);
    assert!(engine.authorities().is_empty() && engine.remarks().is_empty());
    assert!(lab::engine("tls_append_default_CA = yes").authorities().is_empty());
}

#[test]
fn authorities_that_cannot_be_read_make_tls_unavailable() {
    let files = Files::new();
    let missing = files.0.path().join("missing.pem");
    let no_pem = files.text("empty.pem", "nothing here\n");
    let folder = files.0.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("README"), "nothing").unwrap();
    for path in [&missing, &no_pem] {
        assert!(unavailable(&setting("smtp_tls_CAfile", path)).contains(&path.display().to_string()));
    }
    for path in [&missing, &folder] {
        assert!(unavailable(&setting("smtp_tls_CApath", path)).contains(&path.display().to_string()));
    }
    assert!(unavailable("smtp_tls_fingerprint_digest = crc32").contains("crc32"));
}

#[test]
fn one_broken_root_is_skipped_and_told() {
    let (files, root) = (Files::new(), Authority::root("Root"));
    let text = lab::pem("CERTIFICATE", b"broken") + &lab::pem("CERTIFICATE", &root.certificate);
    let engine = lab::engine(&setting("smtp_tls_CAfile", &files.text("ca.pem", &text)));
    assert_eq!(
        (engine.unavailable(), engine.remarks().len(), engine.authorities().anchors.len()),
        (None, 1, 1)
    );
    let only_broken = files.text("broken.pem", &lab::pem("CERTIFICATE", b"broken"));
    unavailable(&setting("smtp_tls_CAfile", &only_broken));
}

#[test]
fn a_folder_of_authorities_is_read_whatever_its_files_are_called() {
    let (one, two) = (Authority::root("One"), Authority::root("Two"));
    let files = Files::new();
    files.certificates("12345678.0", &[&one.certificate]);
    files.certificates("two.crt", &[&two.certificate, &one.certificate]);
    files.text("README", "not PEM\n");
    let engine = lab::engine(&setting("smtp_tls_CApath", files.0.path()));
    assert_eq!((engine.unavailable(), engine.authorities().anchors.len()), (None, 2));
}

#[test]
fn the_system_s_authorities_come_on_top_where_they_are_asked_for() {
    let (files, root) = (Files::new(), Authority::root("Root"));
    let own = setting("smtp_tls_CAfile", &files.certificates("ca.pem", &[&root.certificate]));
    let anchors = |text: &str| lab::engine(text).authorities().anchors.len();
    assert_eq!(anchors(&own), 1);
    assert!(anchors(&(own + "tls_append_default_CA = yes\n")) > 1);
}

#[test]
fn without_an_engine_mandatory_levels_fail_and_may_goes_on() {
    let broken = "smtp_tls_CAfile = /nonexistent/ca.pem\n";
    let used = |level: &str| {
        let text = format!("{broken}smtp_tls_security_level = {level}");
        let engine = lab::engine(&text);
        assert!(engine.client_config(&effective(&text)).is_err());
        engine.tls_use(&effective(&text))
    };
    assert_eq!(used("none"), Ok(TlsUse::Never { why: None }));
    assert!(matches!(used("may"), Ok(TlsUse::Never { why: Some(_) })));
    for level in ["encrypt", "verify", "secure"] {
        let error = used(level).unwrap_err();
        assert_eq!(
            (error.status, error.text.as_str()),
            ("4.7.5", "TLS is required, but our TLS engine is unavailable")
        );
    }
}

#[test]
fn chain_files_hold_keys_each_followed_by_its_certificate() {
    let (files, ours) = (Files::new(), Authority::root("Ours"));
    let (one, two) = (ours.server(&["one"]), ours.server(&["two"]));
    let chain = |name: &str, text: String| setting("smtp_tls_chain_files", &files.text(name, &text));
    let issuer = lab::pem("CERTIFICATE", &ours.certificate);
    let good = chain("good", key_and(&one) + &issuer + &key_and(&two));
    assert_eq!(lab::engine(&good).unavailable(), None);
    assert_eq!(lab::engine(&good).identities.chains(), [2, 1]);
    let key = |server: &Server| server.key.serialize_pem();
    for (name, text, problem) in [
        ("first", certificate(&one) + &key(&one), "key not first"),
        ("alone", key(&one), "not followed by a certificate"),
        ("twice", key(&one) + &key_and(&two), "not followed by a certificate"),
        ("last", key_and(&one) + &key(&two), "not followed by a certificate"),
        ("other", key(&one) + &certificate(&two), "does not match"),
        ("empty", String::new(), "no keys"),
    ] {
        let told = unavailable(&chain(name, text));
        assert!(told.contains(problem), "{name}: {told}");
    }
}

#[test]
fn chain_files_are_one_list_and_stand_instead_of_pairs() {
    let (files, ours) = (Files::new(), Authority::root("Ours"));
    let server = ours.server(&["one"]);
    let key = files.text("key", &server.key.serialize_pem());
    let own = files.text("own", &certificate(&server));
    let text = format!(
        "smtp_tls_chain_files = {}, {}\nsmtp_tls_cert_file = /nonexistent",
        key.display(),
        own.display()
    );
    let engine = lab::engine(&text);
    assert_eq!((engine.unavailable(), engine.identities.chains()), (None, vec![1]));
    assert_eq!(engine.remarks().len(), 1);
}

#[test]
fn pairs_are_one_file_or_two() {
    let (files, ours) = (Files::new(), Authority::root("Ours"));
    let (one, two) = (ours.server(&["one"]), ours.server(&["two"]));
    let both =
        setting("smtp_tls_cert_file", &files.text("both", &(certificate(&one) + &one.key.serialize_pem())));
    let own = setting("smtp_tls_eccert_file", &files.text("own", &certificate(&two)));
    let key = setting("smtp_tls_eckey_file", &files.text("key", &two.key.serialize_pem()));
    assert_eq!(lab::engine(&(both.clone() + &own + &key)).identities.chains(), [1, 1]);
    let apart = setting("smtp_tls_cert_file", &files.text("apart", &certificate(&one)));
    let its_key = setting("smtp_tls_key_file", &files.text("its-key", &one.key.serialize_pem()));
    assert!(unavailable(&apart).contains("no private key"));
    assert_eq!(lab::engine(&(apart + &its_key)).identities.chains(), [1]);
    let wrong = setting("smtp_tls_eckey_file", &files.text("wrong", &one.key.serialize_pem()));
    assert!(unavailable(&(own.clone() + &wrong)).contains("does not match"));
    assert!(unavailable(&own).contains("no private key"));
    assert!(unavailable("smtp_tls_cert_file = /nonexistent").contains("/nonexistent"));
}

#[test]
fn what_is_offered_is_what_the_policy_says() {
    let text = "smtp_tls_security_level = encrypt\nsmtp_tls_mandatory_protocols = >=TLSv1.3\ntls_eecdh_auto_curves = P-384";
    let session = lab::engine(text).client_config(&effective(text)).unwrap();
    let provider = session.config.crypto_provider();
    assert_eq!((provider.cipher_suites.len(), provider.kx_groups.len()), (3, 1));
}
