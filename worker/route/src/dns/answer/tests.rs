//! Messages of every shape, and what they lead to.
