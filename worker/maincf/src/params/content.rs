//! Content that changes on its way out.

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::Positive;

params! {
    /// Content that changes on its way out, and how much of a message is looked at for it.
    Content {
        /// Send 8-bit content as it is to servers without 8BITMIME, instead of making it 7-bit (RFC 6152 §3).
        disable_conversion: bool = "disable_mime_output_conversion", "no", Shared, Act;
        /// How deep multiparts may nest in a message that is converted.
        nesting_limit: Positive<u32> = "mime_nesting_limit", "100", Shared, Act;
        /// How much of a boundary is compared. Octets.
        boundary_limit: Positive<u32> = "mime_boundary_length_limit", "2048", Shared, Act;
        /// Longest header with its continuation lines in a message that is changed; the rest is cut off. Octets.
        header_limit: Positive<u32> = "header_size_limit", "102400", Shared, Act;
    }
}
