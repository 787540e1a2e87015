//! How many of a pool's workers each class of destinations may hold, so that dead sites cannot take them all.

use std::num::NonZeroU32;

/// What is known of the destination at the moment a delivery is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It answered lately.
    Proven,
    /// It did not, and nothing is on its way there: the delivery that finds out.
    First,
    /// It did not, and deliveries are already waiting to find out.
    Further,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Proven, Self::First, Self::Further];
}

/// A pool of workers, counted by the class their delivery had when it was handed out.
///
/// A quarter of the pool is kept for destinations that answered lately, and at most a quarter goes to second and
/// further deliveries of those that did not. The quarter per destination alone would let four silent ones take all.
#[derive(Debug)]
pub(crate) struct Gate {
    limit: u32,
    busy: u32,
    unproven: u32,
    further: u32,
}

impl Gate {
    pub(crate) fn new(limit: NonZeroU32) -> Self {
        Self { limit: limit.get(), busy: 0, unproven: 0, further: 0 }
    }

    pub(crate) fn set_limit(&mut self, limit: NonZeroU32) {
        self.limit = limit.get();
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    pub(crate) fn busy(&self) -> u32 {
        self.busy
    }

    /// Workers not in use.
    pub(crate) fn free(&self) -> u32 {
        self.limit.saturating_sub(self.busy)
    }

    pub(crate) fn admits(&self, class: Class) -> bool {
        let quarter = quarter(self.limit);
        // A pool of fewer than four has nothing to keep back.
        let unproven = self.unproven < self.limit.saturating_sub(self.limit / 4);
        self.busy < self.limit
            && match class {
                Class::Proven => true,
                Class::First => unproven,
                Class::Further => unproven && self.further < quarter,
            }
    }

    pub(crate) fn take(&mut self, class: Class) {
        self.busy += 1;
        self.unproven += u32::from(class != Class::Proven);
        self.further += u32::from(class == Class::Further);
    }

    pub(crate) fn give_back(&mut self, class: Class) {
        self.busy = self.busy.saturating_sub(1);
        self.unproven = self.unproven.saturating_sub(u32::from(class != Class::Proven));
        self.further = self.further.saturating_sub(u32::from(class == Class::Further));
    }
}

/// A quarter of `limit` workers, at least one.
pub(crate) fn quarter(limit: u32) -> u32 {
    (limit / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(gate: &mut Gate, class: Class) -> u32 {
        let mut taken = 0;
        while gate.admits(class) {
            gate.take(class);
            taken += 1;
        }
        taken
    }

    #[test]
    fn each_class_stops_at_its_share() {
        for (limit, further, first, proven) in
            [(100, 25, 50, 25), (8, 2, 4, 2), (4, 1, 2, 1), (3, 1, 2, 0), (1, 1, 0, 0)]
        {
            let mut gate = Gate::new(NonZeroU32::new(limit).unwrap());
            assert_eq!(fill(&mut gate, Class::Further), further, "{limit}");
            assert_eq!(fill(&mut gate, Class::First), first, "{limit}");
            assert_eq!(fill(&mut gate, Class::Proven), proven, "{limit}");
            assert_eq!(gate.free(), 0);
        }
    }

    #[test]
    fn what_is_given_back_is_free_again() {
        let mut gate = Gate::new(NonZeroU32::new(8).unwrap());
        for class in Class::ALL {
            let taken = fill(&mut gate, class);
            (0..taken).for_each(|_| gate.give_back(class));
            assert_eq!((gate.busy, gate.unproven, gate.further), (0, 0, 0));
        }
    }
}
