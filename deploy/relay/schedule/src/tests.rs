//! Scheduler behaviour from outside.
