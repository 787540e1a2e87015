//! The standalone relay and the command baton
