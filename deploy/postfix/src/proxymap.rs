//! Tables that proxymap(8) opens for this process: `proxy:type:name`. One connection for all of them, as long as it is used.

use crate::services::{self, ServiceError, next_list};
use maincf::tables::{OpenError, Table, TableError, TableSpec};
use postfix_wire::attr::{Fields, Incoming};
use postfix_wire::greeting::{Release, Server};
use postfix_wire::proxymap::{Asked, TableFlags, Trouble};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a question is put to another process after one has hung up, and how long the next one has to get ready.
const FRESH_TRIES: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

/// How the service is reached.
#[derive(Debug)]
pub struct Way {
    /// Its dialect.
    pub release: Release,
    /// `private/` and `proxymap_service_name`: relative, so that it holds in a jail too.
    pub socket: PathBuf,
    /// `ipc_timeout`
    pub patience: Duration,
    /// `ipc_idle`: a connection that was idle for longer is given up, since the process there may know older tables than
    /// others do.
    pub idle: Duration,
    /// `ipc_ttl`: so is one that is older.
    pub life: Duration,
}

/// The service's client.
#[derive(Debug)]
pub struct Proxymap {
    way: Way,
    line: Mutex<Option<Line>>,
}

/// A connection.
#[derive(Debug)]
struct Line {
    stream: UnixStream,
    incoming: Incoming,
    begun: Instant,
    used: Instant,
}

/// No answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    /// The connection, or what came over it.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// The service's own word.
    #[error("{0}")]
    Trouble(#[from] Trouble),
    /// The service has a value that no table of ours could have.
    #[error("the value is not valid UTF-8")]
    NotUtf8,
}

impl Proxymap {
    /// Connects when a table is opened or asked.
    #[must_use]
    pub fn new(way: Way) -> Self {
        Self { way, line: Mutex::new(None) }
    }

    /// Opens `proxy:type:name`. A service that is not there now may be there when the table is asked.
    ///
    /// # Errors
    /// The service does not open this table for anybody.
    pub fn open(self: &Arc<Self>, spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
        let table = Proxied { spec: spec.clone(), service: Arc::clone(self), flags: Mutex::new(None) };
        match table.flags() {
            Err(NoAnswer::Trouble(Trouble::NotApproved)) => return Err(OpenError::NotServed(spec.clone())),
            Err(error) => tracing::warn!("{spec}: {error}"),
            Ok(_) => {}
        }
        Ok(Box::new(table))
    }

    /// One list out, one back, over the connection there is or a new one: the service may have ended since.
    fn ask(&self, list: &[u8]) -> Result<Fields, ServiceError> {
        let mut kept = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let fresh_enough = |line: &Line| now - line.used < self.way.idle && now - line.begun < self.way.life;
        if let Some(mut line) = kept.take().filter(fresh_enough)
            && let Ok(answer) = line.exchange(list)
        {
            *kept = Some(line);
            return Ok(answer);
        }
        let mut tries = 1;
        loop {
            let asked = self.connect().and_then(|mut line| Ok((line.exchange(list)?, line)));
            match asked {
                Ok((answer, line)) => {
                    *kept = Some(line);
                    return Ok(answer);
                }
                Err(error) if tries < FRESH_TRIES && has_ended(&error) => {
                    tracing::warn!("{}: {error}: trying again", self.way.socket.display());
                    std::thread::sleep(BETWEEN);
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn connect(&self) -> Result<Line, ServiceError> {
        let Way { release, socket, patience, .. } = &self.way;
        let mut stream = services::connect(socket, *patience)?;
        let mut incoming = Incoming::default();
        if release.announces() {
            Server::Proxymap.check(next_list(&mut stream, &mut incoming)?)?;
        }
        let now = Instant::now();
        Ok(Line { stream, incoming, begun: now, used: now })
    }
}

/// A process that ended has a successor, if there is a service at all.
fn has_ended(error: &ServiceError) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error, ServiceError::Io(error) if matches!(error.kind(), UnexpectedEof | BrokenPipe | ConnectionReset))
}

impl Line {
    fn exchange(&mut self, list: &[u8]) -> Result<Fields, ServiceError> {
        self.stream.write_all(list)?;
        let answer = next_list(&mut self.stream, &mut self.incoming)?;
        self.used = Instant::now();
        Ok(answer)
    }
}

/// One table.
#[derive(Debug)]
struct Proxied {
    /// With `proxy:`.
    spec: TableSpec,
    service: Arc<Proxymap>,
    /// What the service said of it last; `None` until it has.
    flags: Mutex<Option<TableFlags>>,
}

impl Proxied {
    fn asked(&self) -> Asked<'_> {
        Asked { release: self.service.way.release, table: self.spec.name() }
    }

    fn flags(&self) -> Result<TableFlags, NoAnswer> {
        let mut known = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flags) = *known {
            return Ok(flags);
        }
        let answer = self.service.ask(&self.asked().open())?;
        let flags = self.asked().opened(answer).map_err(ServiceError::from)??;
        *known = Some(flags);
        Ok(flags)
    }

    fn ask(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        let before = self.flags()?;
        let answer = self.service.ask(&self.asked().lookup(before, key))?;
        let (found, after) = self.asked().found(before, answer).map_err(ServiceError::from)?;
        if after != before {
            *self.flags.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
        }
        found?.map(|value| value.to_str().map(str::to_owned).ok_or(NoAnswer::NotUtf8)).transpose()
    }
}

impl Table for Proxied {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        // What C would read of it is something else.
        if key.contains('\0') {
            return Err(TableError::unusable(&self.spec.to_string(), key, "the key has a NUL in it"));
        }
        let found = self.ask(key);
        found.map_err(|error| TableError::unusable(&self.spec.to_string(), key, &error.to_string()))
    }

    fn wants_whole_keys(&self) -> bool {
        let known = *self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_some_and(TableFlags::is_pattern)
    }
}

#[cfg(test)]
mod tests;
