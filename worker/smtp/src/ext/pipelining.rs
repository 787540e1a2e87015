//! PIPELINING, RFC 2920: commands need not wait for the replies to those before them.

use super::set::Extension;
use super::{Keyword, no_value};

pub(super) const KEYWORD: Keyword =
    Keyword { word: "PIPELINING", extension: Extension::Pipelining, read: no_value };

/// How many octets of commands may be unanswered, RFC 2920 §3.1 by way of what TCP windows of real servers bear.
pub(crate) const WINDOW: usize = 4096;
