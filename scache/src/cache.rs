//! The store with real descriptors in it: watched while they lie idle, handed out, or sent off.
//!
//! A session that is parked and taken again within milliseconds never enters the epoll set: the sweep, at
//! most [`SWEEP`] after a session was parked, registers those that are still there. The set is
//! level-triggered, so what happened to a session before is reported then.

use crate::limits::Limits;
use crate::store::{Departed, Handed, Origin, Store, Ticket};
use crate::watch::Watch;
use proto::clock::Boottime;
use proto::key::{DestinationKey, EndpointKey};
use proto::parked::Parked;
use rustix::net::{SendFlags, Shutdown};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

/// How long a parked session may go unwatched, and how late an expired one may be sent off. It is never
/// handed out in between: that is checked at every take.
pub(crate) const SWEEP: Duration = Duration::from_millis(100);

/// How many sessions are sent off in one turn of the loop, which others wait for.
const FAREWELLS: usize = 512;

/// A parked descriptor.
#[derive(Debug)]
pub(crate) struct Session {
    descriptor: OwnedFd,
    watched: bool,
}

/// What a worker wants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Destination(&'a DestinationKey),
    Endpoint(&'a [EndpointKey]),
}

/// The parked sessions of this process.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) store: Store<Session>,
    watch: Rc<Watch>,
    /// Parked since the last sweep; some of them have been taken since.
    unwatched: Vec<Ticket>,
    /// When to sweep; `None` while everything is watched.
    sweep_at: Option<Boottime>,
}

impl Cache {
    pub(crate) fn new(limits: Limits, watch: Rc<Watch>) -> Self {
        Self { store: Store::new(limits), watch, unwatched: Vec::new(), sweep_at: None }
    }

    pub(crate) fn park(&mut self, parked: Parked, descriptor: OwnedFd, by: u32, now: Boottime) {
        let ticket = self.store.park(parked, Session { descriptor, watched: false }, by, now);
        self.watch_later(ticket, now);
    }

    pub(crate) fn put_back(
        &mut self,
        parked: Parked,
        descriptor: OwnedFd,
        origin: Option<Origin>,
        by: u32,
        now: Boottime,
    ) {
        let session = Session { descriptor, watched: false };
        let ticket = self.store.put_back(parked, session, origin, by, now);
        self.watch_later(ticket, now);
    }

    /// Takes a session out of everything this process does with it.
    pub(crate) fn take(&mut self, wanted: Wanted<'_>, by: u32, now: Boottime) -> Option<Handed<OwnedFd>> {
        let handed = match wanted {
            Wanted::Destination(destination) => self.store.take_by_destination(destination, by, now),
            Wanted::Endpoint(endpoints) => self.store.take_by_endpoint(endpoints, by, now),
        };
        let Handed { descriptor, taken, origin } = handed?;
        Some(Handed { descriptor: release(&self.watch, descriptor), taken, origin })
    }

    /// Where a destination leads, as far as a route of it is fresh.
    pub(crate) fn way(&self, destination: &DestinationKey, now: Boottime) -> Option<(EndpointKey, Vec<u8>)> {
        self.store.way(destination, now)
    }

    /// Something happened to a session that nobody uses: its server has ended it, or breaks the protocol.
    pub(crate) fn hang_up(&mut self, ticket: Ticket) {
        if let Some(session) = self.store.evict(ticket) {
            drop(release(&self.watch, session));
        }
    }

    /// Does what is due: ends what expired, watches what was parked a while ago, sends off the departed.
    pub(crate) fn turn(&mut self, now: Boottime) {
        self.store.expire(now);
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep_at = None;
            self.sweep();
        }
        self.send_off();
    }

    /// Ends everything, with farewells.
    pub(crate) fn close(&mut self) {
        self.store.flush(None);
        while self.store.has_departed() {
            self.send_off();
        }
    }

    /// Says farewell to sessions that have left the store, up to a bound.
    pub(crate) fn send_off(&mut self) {
        for _ in 0..FAREWELLS {
            let Some(departed) = self.store.next_departed() else { break };
            farewell(&self.watch, &departed);
        }
    }

    /// When [`Cache::turn`] has something to do.
    pub(crate) fn due(&self) -> Option<Boottime> {
        if self.store.has_departed() {
            return Some(Boottime::default());
        }
        let step = u64::try_from(SWEEP.as_millis()).unwrap_or(u64::MAX);
        let expiry = self.store.next_deadline().map(|Boottime(at)| Boottime(at.next_multiple_of(step)));
        [expiry, self.sweep_at].into_iter().flatten().min()
    }

    fn watch_later(&mut self, ticket: Option<Ticket>, now: Boottime) {
        let Some(ticket) = ticket else { return };
        self.unwatched.push(ticket);
        self.sweep_at.get_or_insert(now.after(SWEEP));
    }

    fn sweep(&mut self) {
        for ticket in std::mem::take(&mut self.unwatched) {
            let Some(session) = self.store.descriptor_mut(ticket).filter(|session| !session.watched) else {
                continue;
            };
            // What cannot be watched (a plain file, say) could not be trusted to be alive.
            match self.watch.add_parked(&session.descriptor, ticket) {
                Ok(()) => session.watched = true,
                Err(_) => self.hang_up(ticket),
            }
        }
    }
}

/// Deregisters a session; only then may its descriptor leave.
fn release(watch: &Watch, session: Session) -> OwnedFd {
    if session.watched {
        watch.remove(&session.descriptor);
    }
    session.descriptor
}

/// Best effort and without waiting: a server that does not take its farewell does without.
fn farewell(watch: &Watch, departed: &Departed<Session>) {
    let Session { descriptor, watched } = departed.descriptor();
    if *watched {
        watch.remove(descriptor);
    }
    if !departed.farewell().is_empty() {
        let _ = rustix::net::send(descriptor, departed.farewell(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        let _ = rustix::net::shutdown(descriptor, Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Token;
    use proto::key::{EndpointScope, Needs};
    use proto::parked::Label;
    use proto::secret::Secret;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    const LIMITS: Limits = Limits { idle_ms: 10_000, sessions: 10, per_endpoint: 10, routes: 10 };
    const START: Boottime = Boottime(1000);

    fn endpoint() -> EndpointKey {
        let scope = EndpointScope {
            service: "smtp",
            protocol: "smtp",
            address: "192.0.2.1",
            port: 25,
            bind: None,
            helo: "h",
            introduction: "",
            sender: None,
            credential: None,
            proxy: None,
            tls_policy: &[0; 32],
            needs: Needs::default(),
        };
        EndpointKey::new(&Secret::new([0; 32]), &scope)
    }

    fn parked() -> Parked {
        Parked {
            endpoint: endpoint(),
            route: None,
            label: Label::default(),
            farewell: vec![],
            idle_ms: 10_000,
            retire_at: Boottime(u64::MAX),
            uses_left: 1,
            pace_us: 0,
            sealed: vec![],
        }
    }

    fn cache() -> (Cache, Rc<Watch>) {
        let watch = Rc::new(Watch::new().unwrap());
        (Cache::new(LIMITS, Rc::clone(&watch)), watch)
    }

    fn ready(watch: &Watch) -> Vec<Token> {
        let mut events = Vec::new();
        watch.wait(Some(Duration::ZERO), &mut events).unwrap();
        events
    }

    #[test]
    fn what_happened_before_the_sweep_is_reported_after_it() {
        let (mut cache, watch) = cache();
        let (session, server) = UnixStream::pair().unwrap();
        cache.park(parked(), session.into(), 1, START);
        drop(server);
        cache.turn(START.after(SWEEP - Duration::from_millis(1)));
        assert_eq!(ready(&watch), []);
        assert_eq!(cache.due(), Some(START.after(SWEEP)));
        cache.turn(START.after(SWEEP));
        let [Token::Parked(ticket)] = ready(&watch)[..] else { panic!("not reported") };
        cache.hang_up(ticket);
        assert_eq!(cache.store.statistics().evicted, 1);
        assert_eq!((ready(&watch), cache.due()), (vec![], None));
    }

    #[test]
    fn a_session_that_left_is_not_reported_though_its_copy_lives() {
        let (mut cache, watch) = cache();
        let (session, mut server) = UnixStream::pair().unwrap();
        cache.park(parked(), session.into(), 1, START);
        cache.turn(START.after(SWEEP));
        let taken = cache.take(Wanted::Endpoint(&[endpoint()]), 2, START.after(SWEEP)).unwrap();
        let copy = taken.descriptor.try_clone().unwrap();
        drop(taken);
        server.write_all(b"250 ok\r\n").unwrap();
        assert_eq!(ready(&watch), []);
        drop(copy);
    }

    #[test]
    fn a_session_that_expired_is_not_reported_though_its_copy_lives() {
        let (mut cache, watch) = cache();
        let (session, mut server) = UnixStream::pair().unwrap();
        let copy = session.try_clone().unwrap();
        cache.park(parked(), session.into(), 1, START);
        cache.turn(START.after(SWEEP));
        cache.turn(START.after(Duration::from_secs(10)));
        assert_eq!(cache.store.statistics().expired, 1);
        server.write_all(b"250 ok\r\n").unwrap();
        assert_eq!(ready(&watch), []);
        drop(copy);
    }
}
