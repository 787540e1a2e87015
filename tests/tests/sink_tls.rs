//! The sink's TLS against a client of rustls: what it agrees to, what it counts, how it misbehaves.
#![allow(clippy::unwrap_used, reason = "a test")]
use rcgen::CertificateParams;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use testkit::sink::{
    Act, Begins, ClientCertificate, Identity, KeyKind, Rule, Secured, Settings, Sink, Stage, Tls, TlsServer,
    Version,
};
use testkit::{Sandbox, wait};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Trusts `certificates` and nobody else.
fn trusting(certificates: &[CertificateDer<'static>]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A sink that does this, and a client's configuration that trusts it.
fn start(tls: &Tls) -> (Sink, Arc<ClientConfig>) {
    let server: TlsServer = tls.open().unwrap();
    let config = Arc::new(trusting(server.chain()));
    (Sink::start(Settings::smtp().tls_server(server)), config)
}

fn handshake(stream: TcpStream, config: &Arc<ClientConfig>) -> std::io::Result<Secure> {
    let name = ServerName::try_from("sink.test").unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(client, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Says `command`, if it is one, and gives the whole reply; empty when the sink has gone.
fn ask(stream: &mut (impl Read + Write), command: &str) -> String {
    if !command.is_empty() {
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        stream.flush().unwrap();
    }
    let (mut reply, mut octet) = (String::new(), [0]);
    loop {
        match stream.read(&mut octet) {
            Ok(1) => reply.push(octet[0].into()),
            _ => return reply,
        }
        let last = reply.lines().last().unwrap_or_default();
        if reply.ends_with('\n') && last.as_bytes().get(3) == Some(&b' ') {
            return reply;
        }
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    stream
}

/// The dialogue up to the handshake, which is next.
fn starttls(to: SocketAddr) -> TcpStream {
    let mut stream = connect(to);
    assert!(ask(&mut stream, "").starts_with("220"));
    assert!(ask(&mut stream, "EHLO client.test").contains("STARTTLS\r\n"));
    assert!(ask(&mut stream, "STARTTLS").starts_with("220"));
    stream
}

fn message(stream: &mut Secure) {
    for (command, code) in [
        ("MAIL FROM:<a@x>", "250"),
        ("RCPT TO:<b@y>", "250"),
        ("DATA", "354"),
        ("Subject: x\r\n\r\nx\r\n.", "250"),
    ] {
        let reply = ask(stream, command);
        assert!(reply.starts_with(code), "{command:?}: {reply}");
    }
}

#[test]
fn mail_comes_after_starttls_and_the_handshake_is_counted() {
    let (sink, config) = start(&Tls::default());
    let mut stream = handshake(starttls(sink.address()), &config).unwrap();
    let offered = ask(&mut stream, "EHLO client.test");
    assert!(offered.contains("PIPELINING") && !offered.contains("STARTTLS"), "{offered}");
    message(&mut stream);
    assert!(ask(&mut stream, "QUIT").starts_with("221"));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the end comes with close_notify");
    let record = sink.record();
    assert_eq!((record.messages.len(), record.connections.len(), record.handshakes), (1, 1, 1));
    let secured = record.connections[0].secured.as_ref().unwrap();
    assert_eq!((secured.protocol.as_str(), secured.server_name.as_deref()), ("TLSv1.3", Some("sink.test")));
    assert_eq!(record.violations, Vec::<String>::new());
}

#[test]
fn key_version_and_suite_are_as_asked_for() {
    for (key, lowest, highest, suite, protocol) in [
        (
            KeyKind::Ecdsa,
            Version::Tls12,
            Version::Tls12,
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLSv1.2",
        ),
        (
            KeyKind::Rsa,
            Version::Tls12,
            Version::Tls12,
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLSv1.2",
        ),
        (KeyKind::Rsa, Version::Tls13, Version::Tls13, "TLS_AES_128_GCM_SHA256", "TLSv1.3"),
        (KeyKind::Ecdsa, Version::Tls12, Version::Tls13, "TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3"),
    ] {
        let identity = Identity::Made { key, names: vec!["sink.test".into()] };
        let suite = suite.to_owned();
        let (sink, config) =
            start(&Tls { identity, lowest, highest, suite: Some(suite.clone()), ..Tls::default() });
        let mut stream = handshake(starttls(sink.address()), &config).unwrap();
        message(&mut stream);
        let expected = Secured {
            protocol: protocol.into(),
            suite,
            server_name: Some("sink.test".into()),
            ..Secured::default()
        };
        assert_eq!(sink.record().connections[0].secured, Some(expected));
    }
    let unknown = Tls { suite: Some("TLS_RSA_WITH_RC4_128_MD5".into()), ..Tls::default() };
    assert!(unknown.open().unwrap_err().to_string().contains("TLS_AES_128_GCM_SHA256"));
}

#[test]
fn implicit_tls_comes_before_the_greeting() {
    let (sink, config) = start(&Tls { begins: Begins::AtOnce, ..Tls::default() });
    let mut stream = handshake(connect(sink.address()), &config).unwrap();
    assert!(ask(&mut stream, "").starts_with("220"));
    assert!(!ask(&mut stream, "EHLO client.test").contains("STARTTLS"));
    message(&mut stream);
    assert_eq!(sink.record().handshakes, 1);
}

#[test]
fn a_certificate_from_files_is_the_one_that_is_shown() {
    let sandbox = Sandbox::new("pem");
    let key = KeyKind::Ecdsa.make().unwrap();
    let made = CertificateParams::new(vec!["sink.test".into()]).unwrap().self_signed(&key).unwrap();
    let certificate = sandbox.write("cert.pem", made.pem());
    let key = sandbox.write("key.pem", key.serialize_pem());
    let identity = Identity::Files { certificate: certificate.clone(), key };
    let (sink, config) = start(&Tls { identity, ..Tls::default() });
    let stream = handshake(starttls(sink.address()), &config).unwrap();
    assert_eq!(stream.conn.peer_certificates().unwrap(), [made.der().clone()]);
    let absent = Identity::Files { certificate: sandbox.join("no.pem"), key: certificate.clone() };
    let error = Tls { identity: absent, ..Tls::default() }.open().unwrap_err().to_string();
    assert!(error.contains("no.pem"), "{error}");
    let no_key = Identity::Files { certificate: certificate.clone(), key: certificate };
    assert!(Tls { identity: no_key, ..Tls::default() }.open().is_err());
}

#[test]
fn a_client_certificate_is_recorded_and_none_is_taken_too() {
    let (sink, without) = start(&Tls { client_certificate: ClientCertificate::Asked, ..Tls::default() });
    let stream = handshake(starttls(sink.address()), &without).unwrap();
    let key = KeyKind::Ecdsa.make().unwrap();
    let own = CertificateParams::new(vec!["client.test".into()]).unwrap().self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(stream.conn.peer_certificates().unwrap().iter().cloned());
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let with = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![own.der().clone()], key)
        .unwrap();
    let mut stream = handshake(starttls(sink.address()), &Arc::new(with)).unwrap();
    message(&mut stream);
    let record = sink.record();
    let shown = |number: usize| record.connections[number].secured.clone().unwrap().client_certificate;
    assert_eq!((shown(0), shown(1)), (None, Some(own.der().to_vec())));
}

#[test]
fn sessions_are_resumed_with_tickets_and_not_without() {
    for (tickets, resumed) in [(2, 1), (0, 0)] {
        let (sink, config) = start(&Tls { tickets, ..Tls::default() });
        for _ in 0..2 {
            // The ticket comes with the first record after the handshake.
            message(&mut handshake(starttls(sink.address()), &config).unwrap());
        }
        let record = sink.record();
        assert_eq!((record.handshakes, record.resumed), (2, resumed), "{tickets} tickets");
    }
}

#[test]
fn key_updates_come_before_every_so_many_replies() {
    let (sink, config) = start(&Tls { key_update_every: Some(2), ..Tls::default() });
    let mut stream = handshake(starttls(sink.address()), &config).unwrap();
    for sent in 1..=5 {
        message(&mut stream);
        assert_eq!(sink.record().key_updates, sent / 2);
    }
    assert_eq!(sink.record().violations, Vec::<String>::new());
}

#[test]
fn a_handshake_that_the_client_breaks_off_is_told() {
    let (sink, _) = start(&Tls::default());
    let stranger = Tls::default().open().unwrap();
    let refused = handshake(starttls(sink.address()), &Arc::new(trusting(stranger.chain())));
    assert!(refused.unwrap_err().to_string().contains("certificate"));
    sink.expect("the failure", wait::PATIENCE, |record| record.failed_handshakes.len() == 1);
    sink.expect("the end", wait::PATIENCE, |record| record.open == 0);
    assert_eq!(sink.record().handshakes, 0);
}

#[test]
fn starttls_can_be_refused_and_the_handshake_spoiled() {
    let settings = || Settings::smtp().tls(&Tls::default());
    let sink = Sink::start(settings().rule(Rule::at(Stage::Starttls).reply("454 4.7.0 not now")));
    let mut stream = connect(sink.address());
    ask(&mut stream, "");
    assert_eq!(ask(&mut stream, "STARTTLS"), "454 4.7.0 not now\r\n");
    assert!(ask(&mut stream, "MAIL FROM:<a@x>").starts_with("250"), "the dialogue goes on");

    for act in [Act::Close, Act::Reset, Act::Reply("554 5.7.0 go away".into())] {
        let sink = Sink::start(settings().rule(Rule::at(Stage::Handshake).act(act.clone())));
        let config = Arc::new(trusting(Tls::default().open().unwrap().chain()));
        assert!(handshake(starttls(sink.address()), &config).is_err(), "{act:?}");
        assert_eq!(sink.record().handshakes, 0);
    }
}

#[test]
fn what_comes_along_with_starttls_is_not_taken_for_a_part_of_the_secured_dialogue() {
    let (sink, _) = start(&Tls::default());
    let mut stream = connect(sink.address());
    ask(&mut stream, "");
    stream.write_all(b"STARTTLS\r\nMAIL FROM:<a@x>\r\n").unwrap();
    assert_eq!(ask(&mut stream, ""), "");
    assert_eq!(sink.record().violations.len(), 1);
    let plain = Sink::start(Settings::smtp());
    let mut stream = connect(plain.address());
    ask(&mut stream, "");
    assert!(ask(&mut stream, "STARTTLS").starts_with("503"));
    assert_eq!(plain.record().violations.len(), 1);
}

#[test]
fn the_program_takes_its_certificate_from_the_command_line_and_reports_handshakes() {
    let sandbox = Sandbox::new("sinktls");
    let (report, certificate) = (sandbox.join("report"), sandbox.join("cert.pem"));
    let mut sink = Command::new(env!("CARGO_BIN_EXE_baton-sink"))
        .args(["--starttls", "--rsa", "--tls-max", "1.2", "--messages", "1", "--ask-client-cert", "--report"])
        .args([report.as_os_str(), "--cert-out".as_ref(), certificate.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = std::io::BufReader::new(sink.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let address = line.trim().strip_prefix("listening ").unwrap().parse().unwrap();
    let chain = CertificateDer::from_pem_file(certificate).unwrap();
    let mut stream = handshake(starttls(address), &Arc::new(trusting(&[chain]))).unwrap();
    message(&mut stream);
    assert!(sink.wait().unwrap().success());
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!((&report["handshakes"], &report["connections"]), (&1.into(), &1.into()));
    assert_eq!(report["secured"][0]["protocol"], "TLSv1.2");
}
