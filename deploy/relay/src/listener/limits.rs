//! How many clients, how many messages at once: what is over the limit hears 421 or 452, never a dropped message.

use dashmap::DashMap;
use intake::Refusal;
use maincf::params::Intake;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory that one message holds while it comes in: the read buffer, and the spool's write buffer.
const OPEN_COST: u64 = 128 * 1024;

/// What there is now: shared by all clients' tasks and the threads that sync, and by the limits before and after a
/// reload.
#[derive(Debug, Clone, Default)]
pub struct Occupancy {
    by_client: Arc<DashMap<IpAddr, u64>>,
    clients: Arc<AtomicU64>,
    open: Arc<AtomicU64>,
}

/// What there may be.
#[derive(Debug)]
pub(super) struct Limits {
    now: Occupancy,
    most_per_client: u64,
    most_clients: u64,
    most_open: u64,
}

/// There are as many as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

/// A client's place, given back when it goes.
#[derive(Debug)]
pub(super) struct Place {
    ip: IpAddr,
    by_client: Arc<DashMap<IpAddr, u64>>,
    _clients: Counted,
}

/// One unit of a counter, given back when it goes.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicU64>);

impl Limits {
    pub(super) fn new(intake: &Intake, now: &Occupancy) -> Self {
        let unlimited = u64::MAX;
        let by_memory = (intake.memory_limit.get() / OPEN_COST).max(1);
        Self {
            now: now.clone(),
            most_per_client: intake.connection_count_limit.map_or(unlimited, |limit| limit.get().into()),
            most_clients: intake.session_limit.get().into(),
            most_open: by_memory.min(intake.unsynced_limit.get().into()),
        }
    }

    /// A place for one more client.
    pub(super) fn admit(&self, ip: IpAddr) -> Result<Place, Refused> {
        let clients = Counted::below(&self.now.clients, self.most_clients).ok_or(Refused)?;
        let mut count = self.now.by_client.entry(ip).or_insert(0);
        if *count >= self.most_per_client {
            return Err(Refused);
        }
        *count += 1;
        drop(count);
        Ok(Place { ip, by_client: Arc::clone(&self.now.by_client), _clients: clients })
    }

    /// Room for one more message that is not on stable storage.
    pub(super) fn open_message(&self) -> Result<Counted, Refusal> {
        Counted::below(&self.now.open, self.most_open).ok_or(Refusal::TooManyMessages)
    }
}

impl Counted {
    fn below(counter: &Arc<AtomicU64>, most: u64) -> Option<Self> {
        let up = |count: u64| (count < most).then_some(count + 1);
        counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, up).ok()?;
        Some(Self(Arc::clone(counter)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.by_client.remove_if_mut(&self.ip, |_, count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maincf::{MainCf, RelayConfig};

    fn limits(text: &str) -> Limits {
        limits_of(text, &Occupancy::default())
    }

    fn limits_of(text: &str, now: &Occupancy) -> Limits {
        let cf = MainCf::parse(text, std::path::Path::new("main.cf")).unwrap();
        Limits::new(&RelayConfig::load(&cf.with_system_hostname("relay.example")).unwrap().intake, now)
    }

    #[test]
    fn a_reload_does_not_forget_who_is_there() {
        let now = Occupancy::default();
        let before = limits_of("smtpd_client_connection_count_limit = 1", &now);
        let place = before.admit([127, 0, 0, 1].into()).unwrap();
        let after = limits_of("smtpd_client_connection_count_limit = 1", &now);
        assert!(after.admit([127, 0, 0, 1].into()).is_err());
        drop(place);
        assert!(after.admit([127, 0, 0, 1].into()).is_ok());
    }

    #[test]
    fn a_place_is_free_again_when_its_client_goes() {
        let limits = limits("smtpd_client_connection_count_limit = 1\nbaton_intake_session_limit = 2");
        let (a, b, c): (IpAddr, IpAddr, IpAddr) =
            ([127, 0, 0, 1].into(), [127, 0, 0, 2].into(), [127, 0, 0, 3].into());
        let first = limits.admit(a).unwrap();
        assert!(limits.admit(a).is_err(), "one per client");
        let _second = limits.admit(b).unwrap();
        assert!(limits.admit(c).is_err(), "two in all");
        drop(first);
        assert!(limits.admit(a).is_ok());
        assert_eq!(limits.now.by_client.len(), 1, "no entry stays behind");
    }

    #[test]
    fn open_messages_are_bounded_by_memory_and_by_number() {
        let by_memory = limits(&format!("baton_intake_memory_limit = {}", 2 * OPEN_COST));
        let _one = by_memory.open_message().unwrap();
        let two = by_memory.open_message().unwrap();
        assert_eq!(by_memory.open_message().unwrap_err(), Refusal::TooManyMessages);
        drop(two);
        assert!(by_memory.open_message().is_ok());
        let by_number = limits("baton_intake_unsynced_limit = 1");
        let _one = by_number.open_message().unwrap();
        assert!(by_number.open_message().is_err());
    }
}
