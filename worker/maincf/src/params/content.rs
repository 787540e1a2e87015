//! Content that changes on its way out.

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::TableList;
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
        /// Tables asked about the message's own headers on their way out, but those of MIME.
        header_checks: TableList = "header_checks", "", Same, Act;
        /// Tables asked about MIME headers, of the message and of its parts.
        mime_header_checks: TableList = "mime_header_checks", "", Same, Act;
        /// Tables asked about headers of messages inside the message.
        nested_header_checks: TableList = "nested_header_checks", "", Same, Act;
        /// Tables asked about each line of bodies, as it is after conversion to 7-bit.
        body_checks: TableList = "body_checks", "", Same, Act;
    }
}
