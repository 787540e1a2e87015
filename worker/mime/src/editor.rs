//! Who says what becomes of addresses, headers and lines.

use crate::checks::{Check, Class};
use std::convert::Infallible;

/// Says what becomes of addresses, headers and lines. Any `FnMut(&str) -> Result<Option<String>, E>` does for addresses.
pub trait Editor {
    /// Why it cannot say.
    type Error;

    /// What stands for this address from now on; `None` leaves it. The address is `local@domain`, or `local` alone,
    /// in the form that a header has: the local part quoted where it must be, without comments and blanks. The answer
    /// has the same form; of several addresses the first counts.
    ///
    /// # Errors
    /// It cannot be said now: the header is not written.
    fn rewrite(&mut self, address: &str) -> Result<Option<String>, Self::Error>;

    /// What becomes of a header before its addresses are rewritten: lines joined by LF, the last without.
    ///
    /// # Errors
    /// It cannot be said now: the header is not written.
    fn header(&mut self, _class: Class, _text: &[u8]) -> Result<Check, Self::Error> {
        Ok(Check::Keep)
    }

    /// Whether `header` must be asked.
    fn checks_headers(&self) -> bool {
        false
    }

    /// What becomes of a line of a body or a delimiter, as it is after conversion.
    ///
    /// # Errors
    /// It cannot be said now: the line is not written.
    fn line(&mut self, _text: &[u8]) -> Result<Check, Self::Error> {
        Ok(Check::Keep)
    }

    /// Whether `line` must be asked; the same for all of a message.
    fn checks_lines(&self) -> bool {
        false
    }
}

impl<F, E> Editor for F
where
    F: FnMut(&str) -> Result<Option<String>, E>,
{
    type Error = E;

    fn rewrite(&mut self, address: &str) -> Result<Option<String>, E> {
        self(address)
    }
}

/// Nothing changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsTheyAre;

impl Editor for AsTheyAre {
    type Error = Infallible;

    fn rewrite(&mut self, _: &str) -> Result<Option<String>, Infallible> {
        Ok(None)
    }
}
