//! CHUNKING, RFC 3030: known, not used yet.

use super::set::Extension;
use super::{Keyword, no_value};

pub(super) const KEYWORD: Keyword =
    Keyword { word: "CHUNKING", extension: Extension::Chunking, read: no_value };
