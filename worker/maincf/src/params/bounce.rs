//! Reports of failure.

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::{NonEmpty, NotifyClasses, Positive};

params! {
    /// Reports of failure.
    Bounce {
        /// How much of the message a report returns. Octets.
        size_limit: Positive<u32> = "bounce_size_limit", "50000", Shared, Act;
        /// Local part of the sender whose mail never leads to a report.
        double_bounce_sender: NonEmpty = "double_bounce_sender", "double-bounce", Shared,
            Act;
        /// What the postmaster hears of. Acting are bounce (mail that goes back to its sender) and 2bounce (mail without sender
        /// that cannot be delivered).
        notify_classes: NotifyClasses = "notify_classes", "resource, software", Shared, Act;
        /// Who hears of mail that goes back to its sender.
        bounce_notice_recipient: NonEmpty = "bounce_notice_recipient", "postmaster", Shared, Act;
        /// Who hears of mail without sender that cannot be delivered.
        double_bounce_notice_recipient: NonEmpty = "2bounce_notice_recipient", "postmaster", Shared, Act;
    }
}
