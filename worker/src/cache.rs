//! The worker's side of scache: ask, park, and get along without it.
//!
//! Calls block for at most the protocol timeout: a worker has nothing else to do while it waits, and two system calls
//! (one to ask, one to hear) is all an operation costs. A channel that failed once is closed, because a late answer
//! would be taken for the answer to the next question; a descriptor inside it is closed with it.

use proto::cache::{FromCache, MAX_ENDPOINTS, ToCache};
use proto::channel::{Channel, ChannelError, Waiting};
use proto::key::{DestinationKey, EndpointKey};
use proto::parked::{Parked, Taken};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// What is known of scache.
#[derive(Debug)]
pub struct Cache {
    link: Link,
    /// `connection_cache_protocol_timeout`.
    patience: Duration,
}

#[derive(Debug)]
enum Link {
    /// Greeted; its own greeting was not read yet.
    Fresh(Channel),
    Up(Channel),
    /// Failed, and nobody was told.
    Lost(Loss),
    /// None was given, or its loss was reported.
    Absent,
}

/// How scache was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It ended: another one may be there.
    Gone,
    /// It did not answer, or not as agreed.
    Failed,
}

/// What scache has for a destination.
#[derive(Debug)]
pub enum Answer {
    /// A session.
    Session(Found),
    /// No session is free, but a route is fresh: it can be connected to without DNS.
    Way {
        /// Where it leads.
        endpoint: EndpointKey,
        /// The sealed route.
        sealed: Vec<u8>,
    },
}

/// A session taken from scache.
#[derive(Debug)]
pub struct Found {
    /// What was parked with it.
    pub taken: Taken,
    /// The connection.
    pub descriptor: OwnedFd,
}

impl Cache {
    /// Without a channel: every lookup misses, nothing can be parked.
    #[must_use]
    pub fn absent(patience: Duration) -> Self {
        Self { link: Link::Absent, patience }
    }

    /// Uses a new channel from now on.
    pub fn connect(&mut self, mut channel: Channel) {
        let hello = ToCache::Hello { version: proto::VERSION, pid: std::process::id() };
        let greeted = channel
            .set_waiting(Waiting::AtMost(self.patience))
            .map_err(ChannelError::from)
            .and_then(|()| channel.send(&hello, &[]));
        self.link = match greeted {
            Ok(()) => Link::Fresh(channel),
            Err(error) => lost(loss(&error), &error),
        };
    }

    /// Whether there is anybody to give a session to, as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.link, Link::Fresh(_) | Link::Up(_))
    }

    /// How the channel failed, if it did since the last time this was asked.
    pub fn take_loss(&mut self) -> Option<Loss> {
        let Link::Lost(loss) = self.link else { return None };
        self.link = Link::Absent;
        Some(loss)
    }

    /// A session that serves this destination by a fresh route, or at least the route.
    pub fn take_by_destination(&mut self, key: DestinationKey) -> Option<Answer> {
        self.ask(&ToCache::TakeByDestination(key))
    }

    /// A session to one of these endpoints, in order of preference.
    pub fn take_by_endpoint(&mut self, mut keys: Vec<EndpointKey>) -> Option<Found> {
        keys.truncate(MAX_ENDPOINTS);
        if keys.is_empty() {
            return None;
        }
        match self.ask(&ToCache::TakeByEndpoint(keys))? {
            Answer::Session(found) => Some(found),
            Answer::Way { .. } => None,
        }
    }

    /// Gives a session away. The descriptor comes back when it could not be given.
    ///
    /// # Errors
    /// The descriptor: the caller says QUIT and closes it.
    pub fn park(&mut self, parked: Parked, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        self.give(&ToCache::Park(parked), descriptor)
    }

    /// Gives a session back that did not fit.
    ///
    /// # Errors
    /// As [`Cache::park`].
    pub fn put_back(&mut self, parked: Parked, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        self.give(&ToCache::PutBack(parked), descriptor)
    }

    fn give(&mut self, message: &ToCache, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        let (Link::Fresh(channel) | Link::Up(channel)) = &mut self.link else { return Err(descriptor) };
        match channel.send(message, &[descriptor.as_fd()]) {
            Ok(()) => Ok(()),
            // ETOOMANYREFS, EMFILE and the like say nothing about scache: only this session stays out.
            Err(ChannelError::Io(error)) => {
                tracing::warn!("cannot park a session: {error}");
                Err(descriptor)
            }
            Err(error) => {
                self.link = lost(loss(&error), &error);
                Err(descriptor)
            }
        }
    }

    fn ask(&mut self, question: &ToCache) -> Option<Answer> {
        let mut channel = match std::mem::replace(&mut self.link, Link::Absent) {
            Link::Up(channel) => channel,
            Link::Fresh(mut channel) => match channel.receive::<FromCache>() {
                Ok((FromCache::Hello { version: proto::VERSION }, _)) => channel,
                Ok((answer, _)) => {
                    return self.lose(Loss::Failed, &format_args!("unexpected greeting {answer:?}"));
                }
                Err(error) => return self.lose(loss(&error), &error),
            },
            other => {
                self.link = other;
                return None;
            }
        };
        let answer = channel.send(question, &[]).and_then(|()| channel.receive::<FromCache>());
        match answer {
            Ok((FromCache::Miss, _)) => {
                self.link = Link::Up(channel);
                None
            }
            Ok((FromCache::Hit(taken), descriptors)) => {
                self.link = Link::Up(channel);
                let descriptor = descriptors.only()?;
                // Of a socket that lingers close(2) may wait for hours, and it may well be that it is refused and closed.
                let _is_no_socket = rustix::net::sockopt::set_socket_linger(&descriptor, None);
                Some(Answer::Session(Found { taken, descriptor }))
            }
            Ok((FromCache::Way { endpoint, sealed }, _)) => {
                self.link = Link::Up(channel);
                Some(Answer::Way { endpoint, sealed })
            }
            Ok((answer, _)) => self.lose(Loss::Failed, &format_args!("unexpected answer {answer:?}")),
            Err(error) => self.lose(loss(&error), &error),
        }
    }

    fn lose<T>(&mut self, loss: Loss, why: &dyn std::fmt::Display) -> Option<T> {
        self.link = lost(loss, why);
        None
    }
}

fn loss(error: &ChannelError) -> Loss {
    if matches!(error, ChannelError::Closed) { Loss::Gone } else { Loss::Failed }
}

fn lost(loss: Loss, why: &dyn std::fmt::Display) -> Link {
    match loss {
        // Whoever started it knows why, and says so.
        Loss::Gone => tracing::info!("going on without the connection cache: {why}"),
        Loss::Failed => tracing::warn!("going on without the connection cache: {why}"),
    }
    Link::Lost(loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::clock::Boottime;
    use proto::key::{DestinationScope, Needs};
    use proto::secret::Secret;

    fn destination() -> DestinationKey {
        let scope = DestinationScope {
            service: "smtp",
            nexthop: "example.org",
            sender: None,
            credential: None,
            tls_policy: &[0; 32],
            needs: Needs::default(),
        };
        DestinationKey::new(&Secret::new([1; 32]), &scope)
    }

    fn endpoint() -> EndpointKey {
        let scope = proto::key::EndpointScope {
            service: "smtp",
            protocol: "smtp",
            address: "192.0.2.1",
            port: 25,
            bind: None,
            helo: "me",
            introduction: "",
            sender: None,
            credential: None,
            proxy: None,
            tls_policy: &[0; 32],
            needs: Needs::default(),
        };
        EndpointKey::new(&Secret::new([1; 32]), &scope)
    }

    fn parked() -> Parked {
        Parked {
            endpoint: endpoint(),
            route: None,
            label: proto::parked::Label::default(),
            farewell: vec![],
            idle_ms: 1000,
            retire_at: Boottime(1),
            uses_left: 1,
            pace_us: 0,
            sealed: vec![],
        }
    }

    fn connected(patience: u64) -> (Cache, Channel) {
        let (ours, theirs) = Channel::pair().unwrap();
        let mut cache = Cache::absent(Duration::from_millis(patience));
        cache.connect(ours);
        (cache, theirs)
    }

    fn some_descriptor() -> OwnedFd {
        Channel::pair().unwrap().0.into()
    }

    #[test]
    fn a_silent_scache_costs_one_timeout_and_is_reported_once() {
        let (mut cache, theirs) = connected(5);
        assert!(cache.take_by_destination(destination()).is_none());
        assert_eq!(cache.take_loss(), Some(Loss::Failed));
        assert_eq!(cache.take_loss(), None);
        drop(theirs);
        assert!(cache.take_by_destination(destination()).is_none(), "no second timeout: there is no channel");
        assert!(cache.park(parked(), some_descriptor()).is_err());
    }

    #[test]
    fn a_dead_scache_gives_the_descriptor_back() {
        let (mut cache, theirs) = connected(1000);
        drop(theirs);
        assert!(cache.park(parked(), some_descriptor()).is_err());
        assert_eq!(cache.take_loss(), Some(Loss::Gone));
    }

    #[test]
    fn a_hit_brings_the_session() {
        let (mut cache, mut theirs) = connected(1000);
        theirs.send(&FromCache::Hello { version: proto::VERSION }, &[]).unwrap();
        let taken = Taken {
            endpoint: endpoint(),
            route: None,
            retire_at: Boottime(9),
            uses_left: 2,
            pace_us: 3,
            sealed: vec![4],
        };
        theirs.send(&FromCache::Hit(taken), &[some_descriptor().as_fd()]).unwrap();
        let found = cache.take_by_endpoint(vec![endpoint()]).unwrap();
        assert_eq!(found.taken.uses_left, 2);
        assert_eq!(cache.take_loss(), None);
    }

    #[test]
    fn an_answer_that_is_none_is_a_loss() {
        let (mut cache, mut theirs) = connected(1000);
        theirs.send(&FromCache::Miss, &[]).unwrap();
        assert!(cache.take_by_destination(destination()).is_none());
        assert_eq!(cache.take_loss(), Some(Loss::Failed));
    }
}
