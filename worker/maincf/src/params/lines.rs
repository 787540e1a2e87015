//! Lines and addresses on the wire.

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::{Act, Warn};
use crate::param::params;
use crate::value::{Positive, Within};

params! {
    /// Lines and addresses on the wire.
    Lines {
        /// Longest line of message text that is sent in one piece. Octets, without CRLF.
        text_line_limit: Option<Positive<u32>> = "line_length_limit", "998", Same, Act;
        /// Longest reply line that is read, and longest reply that is kept. Octets, 512 or more (RFC 5321 §4.5.3.1.5).
        reply_limit: Within<512, { u32::MAX }> = "line_length_limit", "2048", Shared,
            Warn("reply lines are bounded at 2048 octets");
        /// Quote local parts in MAIL and RCPT where RFC 5321 asks for it.
        quote_envelope: bool = "quote_rfc821_envelope", "yes", Same, Act;
    }
}
