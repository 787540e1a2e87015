//! A look at a message before its transaction begins.

use crate::Limits;
use crate::entity::Entity;
use crate::header::{Block, Header};
use crate::scan::{HeadersEnd, Piece, Scanner, Visitor};
use std::convert::Infallible;

/// What a conversion to 7-bit would meet. After DATA an error can only be told by closing the connection; whoever
/// reads the content once beforehand can refuse it in good order.
#[derive(Debug, Clone)]
pub struct Survey {
    scanner: Scanner,
    found: Found,
}

#[derive(Debug, Clone, Default)]
struct Found {
    too_deep: bool,
    eight_bit: bool,
}

impl Survey {
    /// For one message.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { scanner: Scanner::new(limits), found: Found::default() }
    }

    /// Takes the next octets.
    pub fn feed(&mut self, content: &[u8]) {
        let Ok(()) = self.scanner.feed(content, &mut self.found);
    }

    /// The message has ended.
    pub fn finish(&mut self) {
        let Ok(()) = self.scanner.finish(&mut self.found);
    }

    /// Whether the conversion would end with [`crate::Error::TooDeep`].
    #[must_use]
    pub const fn is_too_deep(&self) -> bool {
        self.found.too_deep
    }

    /// Whether the conversion would change anything.
    #[must_use]
    pub const fn is_eight_bit(&self) -> bool {
        self.found.eight_bit
    }
}

impl Visitor for Found {
    type Error = Infallible;

    fn header(&mut self, _: Header<'_>, entity: Entity) -> Result<(), Infallible> {
        self.eight_bit |= entity.is_eight_bit();
        Ok(())
    }

    fn headers_end(&mut self, _: Block, _: Entity, _: HeadersEnd) -> Result<(), Infallible> {
        Ok(())
    }

    fn body(&mut self, _: Piece<'_>, _: Entity) -> Result<(), Infallible> {
        Ok(())
    }

    fn too_deep(&mut self) -> Result<(), Infallible> {
        self.too_deep = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(content: &str) -> (bool, bool) {
        let mut survey = Survey::new(&Limits { nesting: 0, ..Limits::default() });
        survey.feed(content.as_bytes());
        survey.finish();
        (survey.is_eight_bit(), survey.is_too_deep())
    }

    #[test]
    fn it_tells_whether_a_conversion_has_work_and_whether_it_would_fail() {
        let deep = |count: usize| {
            (0..count)
                .map(|at| format!("Content-Type: multipart/x; boundary=b{at}\n\n--b{at}\n"))
                .collect::<String>()
        };
        assert_eq!(survey("Subject: x\n\n\u{e9}\n"), (false, false));
        assert_eq!(survey("Content-Transfer-Encoding: 8bit\n\n"), (true, false));
        assert_eq!(survey(&(deep(2) + "Content-Transfer-Encoding: binary")), (true, false));
        assert_eq!(survey(&deep(3)), (false, true));
    }
}
