//! ENHANCEDSTATUSCODES, RFC 2034. Enhanced codes are understood whether they were announced or not.

use super::set::Extension;
use super::{Keyword, no_value};

pub(super) const KEYWORD: Keyword =
    Keyword { word: "ENHANCEDSTATUSCODES", extension: Extension::EnhancedStatusCodes, read: no_value };
