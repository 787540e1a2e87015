//! All destinations, by name and by slot. Slots of forgotten ones are used again, so memory follows what is known now.

use std::collections::HashMap;
use std::sync::Arc;

use crate::destination::Destination;
use crate::ring::Slot;
use crate::transport::TransportId;

#[derive(Debug)]
pub(crate) struct Registry<M> {
    /// By transport, then next hop: looked up without making a key.
    names: Vec<HashMap<Arc<str>, Slot>>,
    slots: Vec<Option<Destination<M>>>,
    unused: Vec<Slot>,
}

impl<M> Registry<M> {
    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), slots: Vec::new(), unused: Vec::new() }
    }

    pub(crate) fn find(&self, transport: TransportId, nexthop: &str) -> Option<Slot> {
        self.names.get(transport.0 as usize)?.get(nexthop).copied()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Destination<M>> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Destination<M>> {
        self.slots.get_mut(slot.0 as usize)?.as_mut()
    }

    pub(crate) fn insert(&mut self, destination: Destination<M>) -> Slot {
        let index = destination.transport.0 as usize;
        let name = Arc::clone(&destination.nexthop);
        let slot = match self.unused.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                Slot(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
            }
        };
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = Some(destination);
        }
        if self.names.len() <= index {
            self.names.resize_with(index + 1, HashMap::new);
        }
        if let Some(names) = self.names.get_mut(index) {
            names.insert(name, slot);
        }
        slot
    }

    pub(crate) fn forget(&mut self, slot: Slot) {
        let Some(destination) = self.slots.get_mut(slot.0 as usize).and_then(Option::take) else { return };
        if let Some(names) = self.names.get_mut(destination.transport.0 as usize) {
            names.remove(&destination.nexthop);
        }
        self.unused.push(slot);
    }

    /// Every slot in use, in no particular order.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        (0u32..).zip(&self.slots).filter(|(_, place)| place.is_some()).map(|(index, _)| Slot(index)).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Destination<M>> {
        self.slots.iter().flatten()
    }
}
