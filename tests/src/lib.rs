//! Scripted peers and real programs for Baton's tests
