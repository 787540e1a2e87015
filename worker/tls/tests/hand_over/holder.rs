//! A holder of a session: in this process, or a process of its own that obeys orders.

use pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tls::handover::{DepositKey, DepositKeys, SocketMark, claim, release};
use tls::handshake::{Handshake, Step};
use tls::records::{Opened, Records, TlsState};
use zeroize::Zeroizing;

/// Of what a deposit is part of the seal.
const CONTEXT: &[&[u8]] = &[b"mx.example.test", b"25"];

/// A session at rest: what scache would hold.
pub(crate) struct Sealed {
    pub(crate) socket: TcpStream,
    pub(crate) blob: Vec<u8>,
}

/// Why a session was not taken up. Nothing was written then.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    Claim,
    Seal,
    Mark,
}

#[derive(Serialize, Deserialize)]
struct Deposit {
    mark: SocketMark,
    tls: TlsState,
}

fn keys() -> DepositKeys {
    DepositKeys { current: DepositKey::new(1, [7; 32]), previous: None }
}

/// A session in use.
pub(crate) struct Session<'a> {
    socket: BorrowedFd<'a>,
    records: Records,
    out: Vec<u8>,
}

impl<'a> Session<'a> {
    pub(crate) fn fresh(socket: &'a TcpStream) -> Self {
        let socket = socket.as_fd();
        claim(socket).unwrap();
        let mut handshake = Handshake::new(&config(), Some("mx.example.test")).unwrap();
        let mut out = Vec::new();
        loop {
            match handshake.next(&mut out).unwrap() {
                Step::Write => write(socket, &mut out),
                Step::Read => {
                    let mut octets = [0; 4096];
                    let read = rustix::io::read(socket, &mut octets).unwrap();
                    assert_ne!(read, 0);
                    handshake.feed(&octets[..read]);
                }
                Step::Done => break,
            }
        }
        Self { socket, records: handshake.finish().unwrap().records, out }
    }

    pub(crate) fn take(sealed: &'a Sealed) -> Result<Self, Refusal> {
        Self::take_from(sealed.socket.as_fd(), &sealed.blob)
    }

    fn take_from(socket: BorrowedFd<'a>, blob: &[u8]) -> Result<Self, Refusal> {
        claim(socket).map_err(|_| Refusal::Claim)?;
        let plain = keys().open(CONTEXT, blob).map_err(|_| Refusal::Seal)?;
        let Deposit { mark, tls } = postcard::from_bytes(&plain).map_err(|_| Refusal::Seal)?;
        if SocketMark::of(socket).unwrap() != mark {
            return Err(Refusal::Mark);
        }
        Ok(Self { socket, records: Records::from_state(tls).unwrap(), out: Vec::new() })
    }

    /// Says a line and waits for one.
    pub(crate) fn command(&mut self, line: &str) {
        self.records.seal(format!("{line}\r\n").as_bytes(), &mut self.out).unwrap();
        write(self.socket, &mut self.out);
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n") {
            match self.records.open(&mut self.out).unwrap() {
                Opened::Plaintext(piece) => reply.extend_from_slice(piece),
                Opened::Nothing => {
                    let read = rustix::io::read(self.socket, self.records.read_buffer()).unwrap();
                    assert_ne!(read, 0);
                    self.records.filled(read);
                }
                Opened::Closed => panic!("closed"),
            }
        }
        write(self.socket, &mut self.out);
    }

    /// The state leaves first, so that nothing can be sealed after the mark; the claim goes last.
    pub(crate) fn deposit(self) -> Vec<u8> {
        let tls = self.records.into_state().unwrap();
        let mark = SocketMark::of(self.socket).unwrap();
        let plain = Zeroizing::new(postcard::to_stdvec(&Deposit { mark, tls }).unwrap());
        let blob = keys().seal(CONTEXT, plain).unwrap();
        release(self.socket);
        blob
    }

    pub(crate) fn close(mut self) {
        self.records.seal_close_notify(&mut self.out).unwrap();
        write(self.socket, &mut self.out);
    }
}

fn write(socket: BorrowedFd<'_>, out: &mut Vec<u8>) {
    while !out.is_empty() {
        let written = rustix::io::write(socket, out).unwrap();
        out.drain(..written);
    }
}

#[derive(Serialize, Deserialize)]
enum Order {
    Take(Vec<u8>),
    Command(String),
    Deposit,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answer {
    Taken(Result<(), Refusal>),
    Answered,
    Deposited(Vec<u8>),
}

/// A process that was given a socket.
pub(crate) struct Holder {
    process: Child,
    control: UnixStream,
}

impl Holder {
    /// The copy of the socket for the process is closed here before anything is claimed: that would end a claim.
    pub(crate) fn start(socket: &TcpStream) -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "holder", "--ignored", "--nocapture"])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
            .spawn()
            .unwrap();
        Self { process, control }
    }

    pub(crate) fn take(&mut self, sealed: &Sealed) -> Result<(), Refusal> {
        match self.order(&Order::Take(sealed.blob.clone())) {
            Answer::Taken(taken) => taken,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn command(&mut self, line: &str) {
        assert_eq!(self.order(&Order::Command(line.to_owned())), Answer::Answered);
    }

    pub(crate) fn deposit(&mut self) -> Vec<u8> {
        match self.order(&Order::Deposit) {
            Answer::Deposited(blob) => blob,
            other => panic!("{other:?}"),
        }
    }

    /// After the last order it goes by itself.
    pub(crate) fn ended(self) -> bool {
        let Self { mut process, control } = self;
        drop(control);
        process.wait().unwrap().success()
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn order(&mut self, order: &Order) -> Answer {
        send(&mut self.control, order);
        receive(&mut self.control).unwrap()
    }
}

fn send<T: Serialize>(control: &mut UnixStream, message: &T) {
    let octets = postcard::to_stdvec(message).unwrap();
    let length = u32::try_from(octets.len()).unwrap().to_le_bytes();
    control.write_all(&[&length[..], &octets].concat()).unwrap();
}

fn receive<T: for<'de> Deserialize<'de>>(control: &mut UnixStream) -> Option<T> {
    let mut length = [0; 4];
    control.read_exact(&mut length).ok()?;
    let mut octets = vec![0; u32::from_le_bytes(length) as usize];
    control.read_exact(&mut octets).ok()?;
    postcard::from_bytes(&octets).ok()
}

/// The process: orders come by its input, the socket is where errors would go.
pub(crate) fn obey() {
    let (input, error) = (std::io::stdin(), std::io::stderr());
    let mut control = UnixStream::from(input.as_fd().try_clone_to_owned().unwrap());
    let mut session = None;
    while let Some(order) = receive(&mut control) {
        let answer = match order {
            Order::Take(blob) => Answer::Taken(Session::take_from(error.as_fd(), &blob).map(|taken| {
                session = Some(taken);
            })),
            Order::Command(line) => {
                session.as_mut().unwrap().command(&line);
                Answer::Answered
            }
            Order::Deposit => Answer::Deposited(session.take().unwrap().deposit()),
        };
        send(&mut control, &answer);
    }
}

fn config() -> ClientConfig {
    ClientConfig::builder_with_provider(tls::provider::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth()
}

/// Certificates are another test's matter.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        tls::provider::provider().signature_verification_algorithms.supported_schemes()
    }
}
