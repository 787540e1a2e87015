//! The cases. What a policy table can say is in the case; what only main.cf can say is its group.

mod certificates;
mod dane;
mod fingerprints;
mod groups;
mod levels;
mod policies;
mod settings;

use super::case::Case;
pub use groups::{Group, groups};

/// All of them.
pub fn all() -> Vec<Case> {
    [
        levels::cases(),
        certificates::cases(),
        fingerprints::cases(),
        policies::cases(),
        settings::cases(),
        dane::cases(),
    ]
    .concat()
}
