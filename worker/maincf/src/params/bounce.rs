//! Reports of failure.

use crate::param::Mirror::Shared;
use crate::param::Today::{Act, Warn};
use crate::param::params;
use crate::value::{NonEmpty, Positive};

params! {
    /// Reports of failure.
    Bounce {
        /// How much of the message a report returns. Octets.
        size_limit: Positive<u32> = "bounce_size_limit", "50000", Shared, Act;
        /// Local part of the sender whose mail never leads to a report.
        double_bounce_sender: NonEmpty = "double_bounce_sender", "double-bounce", Shared,
            Warn("notices to the postmaster are not built yet");
    }
}
