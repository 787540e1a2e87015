//! An SMTP server with STARTTLS that counts every octet of every connection, and says unasked what a test wants said.

use crate::dialogue::{Dialogue, Next};
use std::io::{Cursor, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a server offers STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offers {
    Tls,
    Plaintext,
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// SHA-256 of its certificate, as a policy table writes it.
    pub(crate) fingerprint: String,
    listener: TcpListener,
    accepted: Arc<(Mutex<Vec<Arc<Connection>>>, Condvar)>,
}

/// One connection, as it was accepted.
pub(crate) struct Connection {
    stream: TcpStream,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tls: Option<ServerConnection>,
    dialogue: Dialogue,
    /// Everything that came over the socket, encrypted or not.
    octets: u64,
    over: bool,
    /// Nothing is read from now on.
    deaf: bool,
}

impl Server {
    pub(crate) fn start(offers: Offers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted: Arc<(Mutex<Vec<Arc<Connection>>>, Condvar)> = Arc::default();
        let (config, fingerprint) = identity();
        let ours = Arc::clone(&accepted);
        let accepting = listener.try_clone().unwrap();
        std::thread::spawn(move || {
            for stream in accepting.incoming().map_while(Result::ok) {
                let connection = Arc::new(Connection::new(stream, offers));
                ours.0.lock().unwrap().push(Arc::clone(&connection));
                ours.1.notify_all();
                let config = Arc::clone(&config);
                std::thread::spawn(move || connection.serve(&config));
            }
        });
        Self { address, fingerprint, listener, accepted }
    }

    /// No connection is accepted from now on.
    pub(crate) fn leave(&self) {
        rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both).unwrap();
    }

    pub(crate) fn nexthop(&self) -> String {
        format!("[127.0.0.1]:{}", self.address.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.accepted.0.lock().unwrap().len()
    }

    /// The so-many-th connection, counted from 0, as soon as it is there.
    pub(crate) fn connection(&self, at: usize) -> Arc<Connection> {
        let accepted = self.accepted.0.lock().unwrap();
        let waited = self.accepted.1.wait_timeout_while(accepted, PATIENCE, |all| all.len() <= at);
        Arc::clone(waited.unwrap().0.get(at).expect("the connection did not come"))
    }

    /// How many messages came over all connections.
    pub(crate) fn messages(&self) -> usize {
        self.accepted.0.lock().unwrap().iter().map(|connection| connection.messages()).sum()
    }
}

fn identity() -> (Arc<ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["sink.test".into()]).unwrap().self_signed(&key).unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(certificate.der());
    let fingerprint = digest.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .unwrap();
    (Arc::new(config), fingerprint)
}

impl Connection {
    fn new(stream: TcpStream, offers: Offers) -> Self {
        let dialogue = Dialogue::new(offers == Offers::Tls);
        Self { stream, state: Mutex::new(State { dialogue, ..State::default() }), changed: Condvar::new() }
    }

    fn serve(&self, config: &Arc<ServerConfig>) {
        self.send_raw(b"220 sink.test ESMTP\r\n");
        let mut buffer = [0; 16 * 1024];
        loop {
            let state = self.state.lock().unwrap();
            drop(self.changed.wait_while(state, |state| state.deaf).unwrap());
            match (&self.stream).read(&mut buffer) {
                Ok(count @ 1..) => self.state.lock().unwrap().take_in(&self.stream, config, &buffer[..count]),
                _ => break,
            }
            self.changed.notify_all();
        }
        self.state.lock().unwrap().over = true;
        self.changed.notify_all();
    }

    /// Waits until something is so.
    fn wait(&self, what: &str, mut so: impl FnMut(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.state.lock().unwrap();
        let (state, timeout) = self.changed.wait_timeout_while(state, PATIENCE, |state| !so(state)).unwrap();
        assert!(!timeout.timed_out(), "{what} did not happen: {:?}", state.dialogue.lines);
        state
    }

    /// Octets received so far.
    pub(crate) fn octets(&self) -> u64 {
        self.state.lock().unwrap().octets
    }

    /// All octets that were ever received: waits for the end of the connection.
    pub(crate) fn octets_at_end(&self) -> u64 {
        self.wait("the end of the connection", |state| state.over).octets
    }

    /// Whether the client closes in that time.
    pub(crate) fn ends_within(&self, time: Duration) -> bool {
        let state = self.state.lock().unwrap();
        !self.changed.wait_timeout_while(state, time, |state| !state.over).unwrap().1.timed_out()
    }

    pub(crate) fn messages(&self) -> usize {
        self.state.lock().unwrap().dialogue.messages
    }

    /// Waits for a command.
    pub(crate) fn wait_for(&self, verb: &str, times: usize) {
        let heard = |state: &State| state.dialogue.lines.iter().filter(|line| line.starts_with(verb)).count();
        drop(self.wait(verb, |state| heard(state) >= times));
    }

    /// Reads on.
    pub(crate) fn hear_again(&self) {
        self.state.lock().unwrap().deaf = false;
        self.changed.notify_all();
    }

    /// Stops reading: what the client writes stays in the kernel.
    pub(crate) fn turn_deaf_at(&self, verb: &str) {
        self.state.lock().unwrap().dialogue.deaf_at = Some(verb.to_owned());
    }

    pub(crate) fn send_raw(&self, octets: &[u8]) {
        // A client that has gone hears nothing.
        let _ = (&self.stream).write_all(octets);
    }

    /// A record, or the first octets of it.
    pub(crate) fn send_record(&self, text: &[u8], octets: Option<usize>) {
        let mut state = self.state.lock().unwrap();
        let tls = state.tls.as_mut().unwrap();
        tls.writer().write_all(text).unwrap();
        let mut record = Vec::new();
        tls.write_tls(&mut record).unwrap();
        self.send_raw(&record[..octets.unwrap_or(record.len())]);
    }

    pub(crate) fn send_close_notify(&self) {
        let mut state = self.state.lock().unwrap();
        let tls = state.tls.as_mut().unwrap();
        tls.send_close_notify();
        let mut record = Vec::new();
        tls.write_tls(&mut record).unwrap();
        self.send_raw(&record);
    }

    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// RST: there are octets in the receive queue when the socket is shut, or the linger time is none.
    pub(crate) fn reset(&self) {
        rustix::net::connect_unspec(&self.stream).unwrap();
    }
}

impl State {
    fn take_in(&mut self, stream: &TcpStream, config: &Arc<ServerConfig>, octets: &[u8]) {
        self.octets += octets.len() as u64;
        let Some(tls) = &mut self.tls else {
            let (reply, next) = self.dialogue.hear(octets);
            let _ = (&*stream).write_all(&reply);
            match next {
                Next::StartTls => self.tls = Some(ServerConnection::new(Arc::clone(config)).unwrap()),
                Next::Deaf => self.deaf = true,
                Next::GoOn => {}
            }
            return;
        };
        let mut cipher = Cursor::new(octets);
        while cipher.position() < octets.len() as u64 {
            if tls.read_tls(&mut cipher).is_err() || tls.process_new_packets().is_err() {
                break;
            }
            let mut plain = Vec::new();
            let _ = tls.reader().read_to_end(&mut plain);
            let (reply, next) = self.dialogue.hear(&plain);
            tls.writer().write_all(&reply).unwrap();
            self.deaf |= next == Next::Deaf;
        }
        while tls.wants_write() && tls.write_tls(&mut &*stream).is_ok() {}
    }
}
