//! One parked session, a second worker that is baited with it, and what must hold then.

use crate::rig::{Session, Worker, session_to};
use crate::server::{Offers, Server};
use proto::job::Fate;
use proto::parked::Taken;
use std::os::fd::{AsFd, OwnedFd};

/// A server, and a session to it that a worker which is gone has parked.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) session: Session,
    /// What the server had received over it.
    pub(crate) octets: u64,
}

impl Scene {
    pub(crate) fn set() -> Self {
        Self::with(Offers::Tls, &[])
    }

    pub(crate) fn with(offers: Offers, options: &[&str]) -> Self {
        let server = Server::start(offers);
        let session = session_to(&server, options);
        let octets = server.connection(0).octets();
        Self { server, session, octets }
    }

    /// Baits a new worker with this; see [`Scene::refuses`].
    pub(crate) fn refused(self, taken: Taken, descriptor: OwnedFd, line: &str) {
        self.refused_by(Worker::start(&[]), taken, descriptor, line);
    }

    pub(crate) fn refused_by(self, mut worker: Worker, taken: Taken, descriptor: OwnedFd, line: &str) {
        worker.deliver(&self.server);
        worker.give(taken, descriptor.as_fd());
        drop(descriptor);
        self.refuses(worker, line);
    }

    /// The blob and the descriptor as they were parked.
    pub(crate) fn refused_as_parked(self, line: &str) {
        let (taken, socket) = (self.session.taken(), self.session.socket());
        self.refused(taken, socket, line);
    }

    /// A worker that was baited delivers over a connection of its own, says why, and has left the parked session alone.
    pub(crate) fn refuses(self, mut worker: Worker, line: &str) {
        assert_eq!(worker.fate(), Fate::Sent);
        let log = worker.end();
        assert_said_once(&log, line);
        assert_eq!(self.server.connections(), 2, "{log}");
        assert_eq!((self.server.messages(), self.server.connection(1).messages()), (2, 1), "{log}");
        let (connection, octets) = (self.server.connection(0), self.octets);
        drop(self.session);
        assert_eq!(connection.octets_at_end(), octets, "{log}");
    }
}

/// The log has one such line.
pub(crate) fn assert_said_once(log: &str, line: &str) {
    assert_eq!(log.matches(line).count(), 1, "{line:?} in:\n{log}");
}
