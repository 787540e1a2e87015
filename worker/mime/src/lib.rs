//! Content that must change on its way out: 8-bit parts become 7-bit, addresses in headers are rewritten,
//! headers and lines checked.
//!
//! RFC 2045 and 2046, as far as a relay needs them; the rules are Postfix's, found by comparing with Postfix 3.7.
//! Nothing here reads, waits or keeps more than a header and the boundaries around it. Content that needs no change
//! must not pass here: a message with garbage for headers is then untouched.
//!
//! What differs from Postfix:
//! * Nothing is encoded around the parts of a multipart, or below headers of a message/rfc822 that no blank line ends:
//!   both are called 7bit, so nobody would decode it.
//! * A `Content-Type` of an unknown kind makes a part of a digest a leaf, not a message.
//! * A header above the limit is cut at a line's end, if it has more than one line.
//! * In rewritten headers phrases and comments stay where and what they were (Postfix makes `J.Doe` of `J. Doe`).
//! * A CR without LF never leaves.
//! * Where the last piece of a very long line is dropped by a body check, its line end stays: the next line is not joined.
//!
//! ```
//! use mime::{AsTheyAre, Conversion, Filter, Limits};
//!
//! let mut filter = Filter::new(&Limits::default(), Conversion::SevenBit);
//! let mut out = Vec::new();
//! filter.feed(b"Content-Transfer-Encoding: 8bit\n\nna\xc3\xafve", &mut AsTheyAre, &mut out).unwrap();
//! filter.finish(&mut AsTheyAre, &mut out).unwrap();
//! assert_eq!(out, b"Content-Transfer-Encoding: quoted-printable\n\nna=C3=AFve");
//! ```

mod filter;
mod quoted_printable;
mod survey;

mod addresses;
mod checks;
mod editor;

mod boundary;
mod entity;
mod header;
mod scan;
mod token;

pub use addresses::{RewriteError, first_address, is_rewritten, rewrite, with_quotes, without_quotes};
pub use checks::{Check, Class, is_header};
pub use editor::{AsTheyAre, Editor};
pub use entity::{Domain, Entity, Kind};
pub use filter::{Conversion, Error, Filter};
pub use header::{Block, Header, LineEnd};
pub use scan::{HeadersEnd, Piece, Scanner, Visitor};
pub use survey::Survey;

/// How much of a message is looked at and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `mime_boundary_length_limit`: octets of a boundary that are compared; what agrees so far agrees.
    pub boundary: usize,
    /// `mime_nesting_limit`: how deep multiparts may nest. As in Postfix, two more are accepted.
    pub nesting: usize,
    /// `header_size_limit`: octets of a header with its continuation lines; the rest is cut off.
    pub header: usize,
    /// `line_length_limit`: octets of a body line that are looked up at once.
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { boundary: 2048, nesting: 100, header: 102_400, line: 2048 }
    }
}
