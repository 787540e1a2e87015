//! Questions to Postfix's daemons: one connection each, one list out, one number back.

use postfix_wire::attr::{AttrError, Fields, Incoming};
use postfix_wire::greeting::{Release, Server};
use postfix_wire::reply::{self, Final, Outcome};
use postfix_wire::request::{Recipient, Request};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A daemon did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The connection.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More wait for it than its socket lets wait, and it took nobody for as long as there was patience.
    #[error("has too many others waiting")]
    Crowded,
    /// Its answer.
    #[error(transparent)]
    Answer(#[from] AttrError),
    /// It says that it failed.
    #[error("status {0}")]
    Failed(i32),
}

impl From<Errno> for ServiceError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// The way to all of them. Paths are relative to the queue's root, which is where this process stands.
#[derive(Debug)]
pub struct Services {
    /// Whether they speak first.
    pub release: Release,
    /// `ipc_timeout`
    pub patience: Duration,
}

impl Services {
    /// Sends a list to the service of this name, and waits until it is done.
    ///
    /// # Errors
    /// [`ServiceError`]; a warning was logged.
    pub fn ask(&self, name: &str, server: Server, list: &[u8]) -> Result<(), ServiceError> {
        let path = Path::new(server.folder()).join(name);
        let asked = self.conversation(&path, server, list);
        asked.inspect_err(|error| tracing::warn!("{}: {error}", path.display()))
    }

    /// Hands a request for one recipient to the agent of another transport, as the queue manager would, and waits until
    /// it is done with it. That agent reports and marks.
    ///
    /// # Errors
    /// [`ServiceError`]; a warning was logged.
    pub fn pass_on(
        &self,
        transport: &str,
        request: &Request,
        recipient: &Recipient,
    ) -> Result<Outcome, ServiceError> {
        let passed = self.passing(&Path::new("private").join(transport), request, recipient);
        passed.inspect_err(|error| tracing::warn!("private/{transport}: {error}"))
    }

    fn passing(
        &self,
        path: &Path,
        request: &Request,
        recipient: &Recipient,
    ) -> Result<Outcome, ServiceError> {
        let (mut stream, mut incoming) = (connect(path, self.patience)?, Incoming::default());
        let greeting = next_list(&mut stream, &mut incoming)?;
        if self.release.announces() {
            Server::Agent.check(greeting)?;
        } else {
            // The same word as at the end.
            let _zero = reply::status(greeting)?;
        }
        let lists = [request.encode(self.release.options_name()), recipient.encode()].concat();
        stream.write_all(&lists)?;
        Ok(Final::decode(next_list(&mut stream, &mut incoming)?)?.outcome)
    }

    fn conversation(&self, path: &Path, server: Server, list: &[u8]) -> Result<(), ServiceError> {
        let (mut stream, mut incoming) = (connect(path, self.patience)?, Incoming::default());
        if self.release.announces() {
            server.check(next_list(&mut stream, &mut incoming)?)?;
        }
        stream.write_all(list)?;
        match reply::status(next_list(&mut stream, &mut incoming)?)? {
            0 => Ok(()),
            failed => Err(ServiceError::Failed(failed)),
        }
    }
}

/// A connection to the daemon with this socket; each step of it takes at most so long, connecting too.
///
/// Where the daemon's queue is full, connect(2) waits for a place. The library's own call does so for ever; this one for as
/// long as a write may take, since that limit is set before.
pub(crate) fn connect(path: &Path, patience: Duration) -> Result<UnixStream, ServiceError> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let address = SocketAddrUnix::new(path)?;
    for step in [Timeout::Send, Timeout::Recv] {
        set_socket_timeout(&socket, step, Some(patience))?;
    }
    match retry_on_intr(|| rustix::net::connect(&socket, &address)) {
        Ok(()) => Ok(UnixStream::from(socket)),
        Err(Errno::AGAIN) => Err(ServiceError::Crowded),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn next_list(stream: &mut UnixStream, incoming: &mut Incoming) -> Result<Fields, ServiceError> {
    let mut buffer = [0; 1024];
    loop {
        if let Some(list) = incoming.next_list()? {
            return Ok(list);
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            count => incoming.feed(buffer.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A daemon that takes nobody, with as many waiting as may.
    fn crowded(path: &Path) -> (UnixListener, UnixStream) {
        let listener = UnixListener::bind(path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let waiting = UnixStream::connect(path).unwrap();
        (listener, waiting)
    }

    #[test]
    fn a_daemon_that_takes_nobody_is_waited_for_no_longer_than_for_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bounce");
        let _daemon = crowded(&path);
        let patience = Duration::from_millis(50);
        assert!(matches!(connect(&path, patience), Err(ServiceError::Crowded)));
        let services = Services { release: Release::of_version("3.7.11").unwrap(), patience };
        let path = path.to_str().unwrap();
        assert!(matches!(services.ask(path, Server::DeliveryStatus, &[]), Err(ServiceError::Crowded)));
    }

    #[test]
    fn a_place_that_becomes_free_in_time_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bounce");
        let (listener, first) = crowded(&path);
        let second = std::thread::spawn(move || connect(&path, Duration::from_secs(60)).map(drop));
        drop((listener.accept().unwrap(), first));
        assert!(second.join().unwrap().is_ok());
    }
}
