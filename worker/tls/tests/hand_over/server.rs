//! A TLS server that answers every line, on a real socket.

use pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

/// It serves one connection.
pub(crate) struct Server {
    address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    pub(crate) fn start(suite: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || serve(&listener, config(suite)));
        Self { address, thread }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// After the connection ended: every line, which came in records that opened in order.
    pub(crate) fn heard(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn config(suite: u16) -> ServerConfig {
    let mut provider = (*tls::provider::provider()).clone();
    provider.cipher_suites.retain(|one| u16::from(one.suite()) == suite);
    let identity = rcgen::generate_simple_self_signed(vec!["mx.example.test".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap()
}

fn serve(listener: &TcpListener, config: ServerConfig) -> Vec<String> {
    let (socket, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(Arc::new(config)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, socket));
    let mut heard = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        match stream.read_line(&mut line) {
            // A session that was dropped ends without close_notify; a record that does not open is another matter.
            Ok(0) => return heard,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => panic!("{error}"),
            Err(_) => return heard,
            Ok(_) => heard.push(line.trim_end().to_owned()),
        }
        // New keys every other time; the client has to answer, in whichever hands it is.
        if heard.len() % 2 == 0 {
            let _ = stream.get_mut().conn.refresh_traffic_keys();
        }
        let reply = format!("250 {}\r\n", heard.len());
        if stream.get_mut().write_all(reply.as_bytes()).and_then(|()| stream.get_mut().flush()).is_err() {
            return heard;
        }
    }
}
