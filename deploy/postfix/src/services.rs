//! Questions to Postfix's daemons: one connection each, one list out, one number back.

use postfix_wire::attr::{AttrError, Fields, Incoming};
use postfix_wire::greeting::{Release, Server};
use postfix_wire::reply::{self, Final, Outcome};
use postfix_wire::request::{Recipient, Request};
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
    /// Its answer.
    #[error(transparent)]
    Answer(#[from] AttrError),
    /// It says that it failed.
    #[error("status {0}")]
    Failed(i32),
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
        let (mut stream, mut incoming) = (self.connected(path)?, Incoming::default());
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

    fn connected(&self, path: &Path) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        Ok(stream)
    }

    fn conversation(&self, path: &Path, server: Server, list: &[u8]) -> Result<(), ServiceError> {
        let (mut stream, mut incoming) = (self.connected(path)?, Incoming::default());
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
