//! Every row of the rules for candidates.
