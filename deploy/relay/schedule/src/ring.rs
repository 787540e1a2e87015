//! Rings of destinations: linked through one table, so that entering and leaving cost no search and no allocation.

/// A destination's place in the registry. Reused after the destination is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u32);

/// One ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingId(u32);

/// When a member joined its ring; smaller is earlier, over all rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// All rings. A slot is in at most one of them.
#[derive(Debug, Default)]
pub(crate) struct Rings {
    ends: Vec<Ends>,
    links: Vec<Link>,
    last_ticket: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Ends {
    front: Option<Slot>,
    back: Option<Slot>,
    members: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Link {
    ring: Option<RingId>,
    before: Option<Slot>,
    after: Option<Slot>,
    ticket: u64,
}

impl Rings {
    pub(crate) fn add_ring(&mut self) -> RingId {
        self.ends.push(Ends::default());
        RingId(u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX))
    }

    /// The ring `slot` is in.
    pub(crate) fn ring_of(&self, slot: Slot) -> Option<RingId> {
        self.links.get(slot.0 as usize)?.ring
    }

    /// Who is next in `ring`, and since when it waits there.
    pub(crate) fn front(&self, ring: RingId) -> Option<(Slot, Ticket)> {
        let slot = self.ends.get(ring.0 as usize)?.front?;
        let link = self.links.get(slot.0 as usize)?;
        Some((slot, Ticket(link.ticket)))
    }

    pub(crate) fn members(&self, ring: RingId) -> usize {
        self.ends.get(ring.0 as usize).map_or(0, |ends| ends.members)
    }

    /// Leave the ring it is in, if any, and join `ring` as the last.
    pub(crate) fn join(&mut self, ring: RingId, slot: Slot) {
        self.leave(slot);
        let Some(ends) = self.ends.get_mut(ring.0 as usize) else { return };
        let before = ends.back.replace(slot);
        ends.front.get_or_insert(slot);
        ends.members += 1;
        if let Some(link) = before.and_then(|before| self.links.get_mut(before.0 as usize)) {
            link.after = Some(slot);
        }
        self.last_ticket += 1;
        let index = slot.0 as usize;
        if self.links.len() <= index {
            self.links.resize(index + 1, Link::default());
        }
        if let Some(link) = self.links.get_mut(index) {
            *link = Link { ring: Some(ring), before, after: None, ticket: self.last_ticket };
        }
    }

    /// Leave the ring it is in, if any.
    pub(crate) fn leave(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(slot.0 as usize).map(std::mem::take) else { return };
        let Some(ring) = link.ring else { return };
        if let Some(before) = link.before.and_then(|before| self.links.get_mut(before.0 as usize)) {
            before.after = link.after;
        }
        if let Some(after) = link.after.and_then(|after| self.links.get_mut(after.0 as usize)) {
            after.before = link.before;
        }
        if let Some(ends) = self.ends.get_mut(ring.0 as usize) {
            if ends.front == Some(slot) {
                ends.front = link.after;
            }
            if ends.back == Some(slot) {
                ends.back = link.before;
            }
            ends.members -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rings_are_queues_that_can_be_left_from_anywhere(steps in prop::collection::vec((0u32..12, 0usize..4), 0..200)) {
            let mut rings = Rings::default();
            let ids = [rings.add_ring(), rings.add_ring(), rings.add_ring()];
            let mut model: [VecDeque<u32>; 3] = Default::default();
            for (slot, target) in steps {
                model.iter_mut().for_each(|queue| queue.retain(|member| *member != slot));
                match ids.get(target) {
                    Some(ring) => {
                        rings.join(*ring, Slot(slot));
                        model[target].push_back(slot);
                    }
                    None => rings.leave(Slot(slot)),
                }
                for (ring, queue) in ids.iter().zip(&model) {
                    prop_assert_eq!(rings.members(*ring), queue.len());
                    prop_assert_eq!(rings.front(*ring).map(|(slot, _)| slot.0), queue.front().copied());
                }
            }
            for (ring, queue) in ids.iter().zip(&mut model) {
                let mut last = None;
                while let Some((slot, ticket)) = rings.front(*ring) {
                    prop_assert_eq!(Some(slot.0), queue.pop_front());
                    prop_assert!(Some(ticket) > last);
                    last = Some(ticket);
                    rings.leave(slot);
                }
                prop_assert!(queue.is_empty());
            }
        }
    }
}
