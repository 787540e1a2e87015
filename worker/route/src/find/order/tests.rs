//! Order, shuffling and balance.
