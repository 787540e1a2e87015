//! What an error means for the mail: the only place that decides between the next host, defer and bounce.

/// Whether trying again can help, by the class of the status (RFC 3463 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 4.x.x, and the message may have been taken all the same.
    Uncertain,
    /// 4.x.x
    Soft,
    /// 5.x.x
    Hard,
    /// 5.x.x at this host, for what another one may offer.
    HardHere,
}

/// Whether another host remains for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// More hosts may be tried.
    NotLast,
    /// This is the last one.
    Last,
}

/// `soft_bounce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounces {
    /// As they come.
    AsUsual,
    /// Every permanent error is treated as one that may pass.
    Softened,
}

/// What happens to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Another host is tried for it.
    TryNext,
    /// The queue keeps it.
    Defer,
    /// The sender is told.
    Bounce,
    /// The queue keeps it, and the log says that it would have bounced.
    SoftBounce,
}

/// The whole policy.
#[must_use]
pub fn fate(class: Class, position: Position, bounces: Bounces) -> Fate {
    match (class, position, bounces) {
        (Class::HardHere, Position::NotLast, Bounces::AsUsual | Bounces::Softened)
        | (Class::Soft, Position::NotLast, Bounces::AsUsual | Bounces::Softened)
        | (Class::Hard, Position::NotLast, Bounces::Softened) => Fate::TryNext,
        (Class::Soft, Position::Last, Bounces::AsUsual | Bounces::Softened) => Fate::Defer,
        // Another host now would mean a second copy soon: the queue waits, and the log says why.
        (Class::Uncertain, Position::NotLast | Position::Last, Bounces::AsUsual | Bounces::Softened) => {
            Fate::Defer
        }
        (Class::HardHere, Position::Last, Bounces::AsUsual)
        | (Class::Hard, Position::NotLast | Position::Last, Bounces::AsUsual) => Fate::Bounce,
        (Class::Hard | Class::HardHere, Position::Last, Bounces::Softened) => Fate::SoftBounce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case() {
        use Bounces::{AsUsual, Softened};
        use Class::{Hard, HardHere, Soft, Uncertain};
        use Position::{Last, NotLast};
        let table = [
            (Soft, NotLast, AsUsual, Fate::TryNext),
            (Soft, NotLast, Softened, Fate::TryNext),
            (Soft, Last, AsUsual, Fate::Defer),
            (Soft, Last, Softened, Fate::Defer),
            (Uncertain, NotLast, AsUsual, Fate::Defer),
            (Uncertain, NotLast, Softened, Fate::Defer),
            (Uncertain, Last, AsUsual, Fate::Defer),
            (Uncertain, Last, Softened, Fate::Defer),
            (Hard, NotLast, AsUsual, Fate::Bounce),
            (Hard, NotLast, Softened, Fate::TryNext),
            (Hard, Last, AsUsual, Fate::Bounce),
            (Hard, Last, Softened, Fate::SoftBounce),
            (HardHere, NotLast, AsUsual, Fate::TryNext),
            (HardHere, NotLast, Softened, Fate::TryNext),
            (HardHere, Last, AsUsual, Fate::Bounce),
            (HardHere, Last, Softened, Fate::SoftBounce),
        ];
        for (class, position, bounces, want) in table {
            assert_eq!(fate(class, position, bounces), want, "{class:?} {position:?} {bounces:?}");
        }
    }
}
