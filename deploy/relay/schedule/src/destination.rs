//! One destination: its queue, its window, and whether it may send now.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::delivery::{CacheFlags, Delivery, Entry, SiteFailure};
use crate::gate::Class;
use crate::settings::{Caching, TransportSettings};
use crate::transport::TransportId;
use crate::window::{Survival, Window};

/// Two deliveries this close are back to back; Postfix's resolution.
const BACK_TO_BACK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Destination<M> {
    pub(crate) transport: TransportId,
    pub(crate) nexthop: Arc<str>,
    pub(crate) caching: Caching,
    pub(crate) site: Site,
    pub(crate) waiting: VecDeque<Entry<M>>,
    /// Sums over `waiting`.
    pub(crate) waiting_recipients: usize,
    pub(crate) waiting_octets: u64,
    /// Entries handed out.
    pub(crate) busy: u32,
    /// The last failure of the site; cleared by a success.
    pub(crate) last_failure: Option<Arc<SiteFailure>>,
    /// When it last became idle.
    pub(crate) idle_since: Duration,
    /// Until when its last success is recent; a site failure ends that at once.
    proven_until: Option<Duration>,
    last_done: Option<Duration>,
    /// `destination_rate_delay`: the end of the rest after its last delivery.
    rests_until: Option<Duration>,
    last_stored: Option<Duration>,
    storing: bool,
}

/// The window exists only while the site is believed alive; a dead one has no entries waiting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Site {
    Alive(Window),
    Dead { until: Duration, failure: Arc<SiteFailure> },
}

/// Whether a worker had the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    Yes,
    No,
}

/// What a destination could do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Hand out its next entry.
    Ready(Class),
    /// Wait for one of its own deliveries to end.
    Blocked,
    /// Nothing waits and nothing is on its way.
    Idle,
}

impl<M> Destination<M> {
    pub(crate) fn new(transport: TransportId, nexthop: Arc<str>, settings: &TransportSettings) -> Self {
        Self {
            transport,
            caching: settings.caching.decide(&nexthop),
            nexthop,
            site: Site::Alive(Window::initial(settings)),
            waiting: VecDeque::new(),
            waiting_recipients: 0,
            waiting_octets: 0,
            busy: 0,
            last_failure: None,
            idle_since: Duration::ZERO,
            proven_until: None,
            last_done: None,
            rests_until: None,
            last_stored: None,
            storing: false,
        }
    }

    pub(crate) fn standing(&self, now: Duration, quarter: u32) -> Standing {
        match &self.site {
            _ if self.waiting.is_empty() && self.busy == 0 => Standing::Idle,
            Site::Alive(_) if !self.waiting.is_empty() && self.room(now, quarter) > 0 => {
                Standing::Ready(self.class(now))
            }
            Site::Alive(_) | Site::Dead { .. } => Standing::Blocked,
        }
    }

    pub(crate) fn class(&self, now: Duration) -> Class {
        match self.busy {
            _ if self.is_proven(now) => Class::Proven,
            0 => Class::First,
            _ => Class::Further,
        }
    }

    /// How many more deliveries the destination may hold: by its window, by the quarter rule, and none while it rests.
    pub(crate) fn room(&self, now: Duration, quarter: u32) -> u32 {
        if self.rests_until.is_some_and(|until| now < until) {
            return 0;
        }
        let Site::Alive(window) = &self.site else { return 0 };
        let share = if self.is_proven(now) { window.size() } else { window.size().min(quarter) };
        share.saturating_sub(self.busy)
    }

    fn is_proven(&self, now: Duration) -> bool {
        self.proven_until.is_some_and(|until| now < until)
    }

    /// Deferred before it is tried: the failure that killed the site, while that lasts.
    pub(crate) fn suspended(
        &mut self,
        now: Duration,
        settings: &TransportSettings,
    ) -> Option<Arc<SiteFailure>> {
        match &self.site {
            Site::Dead { until, failure } if now < *until => Some(Arc::clone(failure)),
            Site::Dead { .. } => {
                self.reopen(settings);
                None
            }
            Site::Alive(_) => None,
        }
    }

    /// A dead site is tried again, as if nothing were known of it.
    pub(crate) fn reopen(&mut self, settings: &TransportSettings) {
        if matches!(self.site, Site::Dead { .. }) {
            self.site = Site::Alive(Window::revived(self.busy, settings));
        }
    }

    pub(crate) fn reconfigured(&mut self, settings: &TransportSettings) {
        self.caching = settings.caching.decide(&self.nexthop);
        if let Site::Alive(window) = &mut self.site {
            window.clamp(settings);
        }
    }

    /// The site answered. `busy` still counts this delivery.
    pub(crate) fn succeeded(&mut self, now: Duration, stored: bool, settings: &TransportSettings) {
        match &mut self.site {
            Site::Alive(window) => window.succeeded(self.busy, settings),
            Site::Dead { .. } => self.reopen(settings),
        }
        self.last_failure = None;
        self.proven_until = Some(now.saturating_add(settings.recent_success));
        if stored {
            self.last_stored = Some(now);
        }
    }

    /// The site failed. A dead one stays dead as long as it was to be.
    pub(crate) fn failed(
        &mut self,
        now: Duration,
        failure: SiteFailure,
        settings: &TransportSettings,
    ) -> Survival {
        self.proven_until = None;
        let Site::Alive(window) = &mut self.site else { return Survival::Alive };
        let failure = Arc::new(failure);
        self.last_failure = Some(Arc::clone(&failure));
        let survival = window.failed(settings);
        if survival == Survival::Dead {
            self.site = Site::Dead { until: now.saturating_add(settings.minimal_backoff_time), failure };
            self.storing = false;
            self.last_stored = None;
        }
        survival
    }

    /// One of its entries is no longer handed out. The end of the rest that begins with that, if one does.
    pub(crate) fn released(
        &mut self,
        now: Duration,
        ran: Ran,
        settings: &TransportSettings,
    ) -> Option<Duration> {
        self.busy = self.busy.saturating_sub(1);
        if ran == Ran::No {
            return None;
        }
        self.last_done = Some(now);
        let rest = settings.destination_rate_delay;
        self.rests_until = (!rest.is_zero()).then(|| now.saturating_add(rest));
        self.rests_until
    }

    /// The flags for the entry that was just taken from the queue, `busy` counting it. `room` is how many of those
    /// still waiting can go out at this moment: more than that is a backlog. `elsewhere` is when a session of any
    /// destination of the transport was kept last.
    pub(crate) fn cache_flags(
        &mut self,
        now: Duration,
        room: u32,
        elsewhere: Option<Duration>,
        settings: &TransportSettings,
    ) -> CacheFlags {
        let within = |time: Option<Duration>, span| time.is_some_and(|time| now <= time.saturating_add(span));
        match self.caching {
            Caching::Never => CacheFlags::default(),
            Caching::Permanent => CacheFlags { load: true, store: true },
            Caching::OnDemand => {
                let backlog = self.waiting.len() > room as usize;
                self.storing =
                    backlog || within(self.last_done, BACK_TO_BACK) || (self.storing && self.busy > 1);
                // A kept session serves whoever is routed to its host, so one of another destination may do.
                let kept = self.last_stored.max(elsewhere);
                let load = self.storing || within(kept, settings.session_lifetime);
                CacheFlags { load, store: self.storing }
            }
        }
    }
}

impl<M: Eq + Clone> Destination<M> {
    /// At the end of the queue, filling up the last entry if that is of the same message.
    pub(crate) fn push(&mut self, delivery: Delivery<'_, M>, recipient_limit: usize) {
        let Delivery { message, recipients, size, .. } = delivery;
        self.waiting_recipients += recipients.len();
        let mut rest = recipients;
        if let Some(last) = self.waiting.back_mut().filter(|last| last.message == message && last.deaths == 0)
        {
            let fitting = recipient_limit.saturating_sub(last.recipients.len()).min(rest.len());
            last.recipients.extend(rest.drain(..fitting));
        }
        while !rest.is_empty() {
            let following =
                if rest.len() > recipient_limit { rest.split_off(recipient_limit) } else { Vec::new() };
            self.waiting_octets = self.waiting_octets.saturating_add(size);
            self.waiting.push_back(Entry { message: message.clone(), recipients: rest, size, deaths: 0 });
            rest = following;
        }
    }
}

impl<M> Destination<M> {
    pub(crate) fn pop(&mut self) -> Option<Entry<M>> {
        let entry = self.waiting.pop_front()?;
        self.forget_sums(&entry);
        Some(entry)
    }

    /// Back to the head of the queue.
    pub(crate) fn push_front(&mut self, entry: Entry<M>) {
        self.waiting_recipients += entry.recipients.len();
        self.waiting_octets = self.waiting_octets.saturating_add(entry.size);
        self.waiting.push_front(entry);
    }

    /// Everything that waits.
    pub(crate) fn drain(&mut self) -> VecDeque<Entry<M>> {
        self.waiting_recipients = 0;
        self.waiting_octets = 0;
        std::mem::take(&mut self.waiting)
    }

    /// The entries for which `wanted` holds.
    pub(crate) fn remove(&mut self, mut wanted: impl FnMut(&Entry<M>) -> bool) -> Vec<Entry<M>> {
        if !self.waiting.iter().any(&mut wanted) {
            return Vec::new();
        }
        let (removed, kept): (VecDeque<_>, VecDeque<_>) = self.drain().into_iter().partition(wanted);
        kept.into_iter().rev().for_each(|entry| self.push_front(entry));
        removed.into()
    }

    fn forget_sums(&mut self, entry: &Entry<M>) {
        self.waiting_recipients = self.waiting_recipients.saturating_sub(entry.recipients.len());
        self.waiting_octets = self.waiting_octets.saturating_sub(entry.size);
    }
}
