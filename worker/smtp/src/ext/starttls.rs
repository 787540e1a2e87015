//! STARTTLS, RFC 3207: offered in the clear; inside TLS the keyword means nothing.

use super::set::Extension;
use super::{Keyword, no_value};

pub(super) const KEYWORD: Keyword =
    Keyword { word: "STARTTLS", extension: Extension::StartTls, read: no_value };
