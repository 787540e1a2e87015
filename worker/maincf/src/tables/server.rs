//! A server that answers lookups: connected to when it is first asked, kept, and connected to again once it has gone.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};

use crate::value::{Service, Value};

/// How long a lookup may take from connecting to the last octet of the reply. Postfix waits 100 s for each step, which
/// is long when a delivery waits for it. Finding the address of a host that is given by name is the system's
/// resolver's, and takes as long as that is set to.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a request may be, in octets.
const LONGEST_REQUEST: usize = 64 << 10;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// Why a server's answer is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("cannot connect to {0}: {1}")]
    Connect(Address, io::Error),
    #[error("lost the connection to {0}: {1}")]
    Lost(Address, io::Error),
    #[error("{0} has closed the connection")]
    Closed(Address),
    #[error("{0} has not answered in {1:?}")]
    Slow(Address, Duration),
    #[error("the key has more than {LONGEST_REQUEST} octets")]
    LongKey,
    #[error("a NUL in the {0}")]
    Nul(&'static str),
    #[error("a reply of more than {0} octets")]
    LongReply(usize),
    #[error("malformed reply {0:?}")]
    Malformed(String),
    #[error("the value is not valid UTF-8")]
    NotUtf8,
    /// The server says that it cannot answer.
    #[error("the server reports {0:?}")]
    Reported(String),
}

impl NoAnswer {
    /// A reply that is not one.
    pub(super) fn malformed(octets: &[u8]) -> Self {
        Self::Malformed(shown(octets))
    }
}

/// The beginning of what a server said, on one line.
pub(super) fn shown(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets.get(..200).unwrap_or(octets)).into_owned()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Address {
    /// Reads `host:port`, `[address]:port` or `port` alone, which is on this machine.
    pub(super) fn tcp(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.contains(['[', ']']) || (bare == host && host.contains(':')) {
            return None;
        }
        let service = Service::parse(port, "").ok()?;
        let port = match (service.port(), &service) {
            (None, Service::Name(name)) => listed_port(name)?,
            (port, _) => port?,
        };
        Some(Self::Tcp { host: if bare.is_empty() { "localhost" } else { bare }.into(), port })
    }

    fn connect(&self, deadline: Instant) -> io::Result<Stream> {
        match self {
            Self::Tcp { host, port } => {
                let mut last = io::Error::other("the name has no address");
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, left(deadline)?) {
                        Ok(stream) => return Ok(Stream(stream.into())),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Self::Unix(path) => {
                // The library's own call has no time limit, and waits while the server's queue is full.
                let socket =
                    socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
                set_socket_timeout(&socket, Timeout::Send, Some(left(deadline)?))?;
                connect(&socket, &SocketAddrUnix::new(path.as_path())?)?;
                Ok(Stream(socket))
            }
        }
    }
}

/// The TCP port of a service in the system's list.
fn listed_port(name: &str) -> Option<u16> {
    let services = std::fs::read_to_string("/etc/services").ok()?;
    services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let (official, place) = (words.next()?, words.next()?);
        let is_it =
            official.eq_ignore_ascii_case(name) || words.any(|alias| alias.eq_ignore_ascii_case(name));
        place.strip_suffix("/tcp").filter(|_| is_it)?.parse().ok()
    })
}

/// The time that is left; an error when there is none.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A connected socket of either kind.
#[derive(Debug)]
struct Stream(OwnedFd);

impl Stream {
    fn read(&self, into: &mut [u8], deadline: Instant) -> io::Result<usize> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(left(deadline)?))?;
        let (read, _) = retry_on_intr(|| recv(&self.0, &mut *into, RecvFlags::empty()))?;
        Ok(read)
    }

    fn write(&self, from: &[u8], deadline: Instant) -> io::Result<usize> {
        set_socket_timeout(&self.0, Timeout::Send, Some(left(deadline)?))?;
        Ok(retry_on_intr(|| send(&self.0, from, SendFlags::NOSIGNAL))?)
    }

    /// Whether nothing has come since the last reply, not even the end: what comes unasked must not pass for the next.
    fn is_quiet(&self) -> bool {
        matches!(recv(&self.0, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
    }
}

/// What is made of octets that have come: the reply when it is complete, and how many octets it has.
pub(super) type Complete<T> = Result<Option<(T, usize)>, NoAnswer>;

/// A server and the connection to it.
#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    patience: Duration,
    connection: Mutex<Option<Stream>>,
}

impl Server {
    pub(super) fn new(address: Address) -> Self {
        Self { address, patience: PATIENCE, connection: Mutex::new(None) }
    }

    /// Sends a request and reads until `reply` has its reply.
    pub(super) fn ask<T>(&self, request: &[u8], reply: impl Fn(&[u8]) -> Complete<T>) -> Result<T, NoAnswer> {
        if request.len() > LONGEST_REQUEST {
            return Err(NoAnswer::LongKey);
        }
        let deadline = Instant::now() + self.patience;
        // A lookup that died has taken its connection with it.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = connection.take()
            && stream.is_quiet()
        {
            match self.exchange(&stream, request, deadline, &reply) {
                // The server was started again, or had enough of the connection.
                Err(NoAnswer::Closed(_) | NoAnswer::Lost(..)) => {}
                result => return keep(&mut connection, stream, result),
            }
        }
        let stream = self.address.connect(deadline).map_err(|error| self.failed(error, NoAnswer::Connect))?;
        let result = self.exchange(&stream, request, deadline, &reply);
        keep(&mut connection, stream, result)
    }

    fn failed(&self, error: io::Error, otherwise: fn(Address, io::Error) -> NoAnswer) -> NoAnswer {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                NoAnswer::Slow(self.address.clone(), self.patience)
            }
            _ => otherwise(self.address.clone(), error),
        }
    }

    fn exchange<T>(
        &self,
        stream: &Stream,
        request: &[u8],
        deadline: Instant,
        reply: &impl Fn(&[u8]) -> Complete<T>,
    ) -> Result<T, NoAnswer> {
        let lost = |error| self.failed(error, NoAnswer::Lost);
        let mut rest = request;
        while !rest.is_empty() {
            let written = stream.write(rest, deadline).map_err(lost)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        let mut octets = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match stream.read(&mut chunk, deadline).map_err(lost)? {
                0 if octets.is_empty() => return Err(NoAnswer::Closed(self.address.clone())),
                0 => return Err(NoAnswer::malformed(&octets)),
                read => octets.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            }
            match reply(&octets)? {
                Some((reply, length)) if length == octets.len() => return Ok(reply),
                Some((_, length)) => {
                    return Err(NoAnswer::malformed(octets.get(length..).unwrap_or_default()));
                }
                None => {}
            }
        }
    }
}

/// Keeps the connection unless something went wrong.
fn keep<T>(
    connection: &mut Option<Stream>,
    stream: Stream,
    result: Result<T, NoAnswer>,
) -> Result<T, NoAnswer> {
    if result.is_ok() {
        *connection = Some(stream);
    }
    result
}

#[cfg(test)]
mod tests;
