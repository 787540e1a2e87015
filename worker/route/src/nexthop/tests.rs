//! Every form of the destination syntax.
