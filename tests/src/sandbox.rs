//! A private folder and ports for one test.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder that goes away with the test, unless the test fails or `BATON_KEEP` is set: then it says where it is.
#[derive(Debug)]
pub struct Sandbox {
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
}

impl Sandbox {
    /// A fresh folder whose name holds `purpose`. Short, since Unix sockets below it have 107 octets for their path.
    pub fn new(purpose: &str) -> Self {
        let folder =
            tempfile::Builder::new().prefix(&format!("baton-{purpose}-")).tempdir().expect("a folder");
        let path = folder.path().to_owned();
        // A relay that root starts gives root up, and must still get to its queue.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own folder");
        Self { folder: Some(folder), path }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file below it and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("folder in the sandbox");
        }
        fs::write(&path, content).expect("file in the sandbox");
        path
    }

    /// Makes a folder below it and gives its path.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).expect("folder in the sandbox");
        path
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if (std::thread::panicking() || std::env::var_os("BATON_KEEP").is_some())
            && let Some(folder) = self.folder.take()
        {
            eprintln!("kept: {}", folder.keep().display());
        }
    }
}

/// A port of 127.0.0.1 that is free for TCP and UDP, for programs that must be told a number.
///
/// It is reserved until [`ReservedPort::release`], right before the program starts.
#[derive(Debug)]
pub struct ReservedPort {
    tcp: TcpListener,
    _udp: UdpSocket,
}

impl ReservedPort {
    /// The number.
    pub fn number(&self) -> u16 {
        self.tcp.local_addr().expect("bound").port()
    }

    /// Gives the port up and says which it was.
    pub fn release(self) -> u16 {
        self.number()
    }
}

/// Reserves a port.
pub fn free_port() -> ReservedPort {
    for _ in 0..100 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address: SocketAddr = tcp.local_addr().expect("bound");
        if let Ok(udp) = UdpSocket::bind(address) {
            return ReservedPort { tcp, _udp: udp };
        }
    }
    panic!("no port is free for both TCP and UDP");
}
