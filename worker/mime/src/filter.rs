//! The whole way of a message: scanned, converted, addresses rewritten, written.

use crate::Limits;
use crate::addresses::{Addresses, RewriteError, rewrite};
use crate::entity::{Entity, Kind};
use crate::header::{Block, Header, LineEnd, push_verbatim};
use crate::quoted_printable::QuotedPrintable;
use crate::scan::{HeadersEnd, Piece, Scanner, Visitor};

/// Whether parts that say they are 8-bit may stay so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// All octets stay as they are.
    None,
    /// Parts that declare `8bit` or `binary` become quoted-printable, for a server without 8BITMIME
    /// (`disable_mime_output_conversion = no`). Parts that declare something else, or nothing, stay as they are
    /// even with octets above 127, as in Postfix.
    SevenBit,
}

/// Why a message cannot go out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// The message's fault, status 5.6.0: multiparts inside of multiparts beyond `mime_nesting_limit`. Only where
    /// content is converted.
    #[error("MIME nesting exceeds safety limit")]
    TooDeep,
    /// An address in a header could not be rewritten.
    #[error(transparent)]
    Rewrite(#[from] RewriteError<E>),
}

/// One message on its way. What comes out does not depend on how it is cut.
///
/// Line ends stay what they were, LF or CR LF, and lines that are added end like the one before them; a last line
/// without end stays so. A CR elsewhere becomes a space, or `=0D` where a part is encoded.
#[derive(Debug, Clone)]
pub struct Filter {
    scanner: Scanner,
    output: Output,
}

#[derive(Debug, Clone)]
struct Output {
    conversion: Conversion,
    encoder: QuotedPrintable,
    /// How the last line ended.
    end: LineEnd,
    /// The last header has no line end.
    open: bool,
}

impl Filter {
    /// For one message.
    #[must_use]
    pub fn new(limits: &Limits, conversion: Conversion) -> Self {
        let output =
            Output { conversion, encoder: QuotedPrintable::default(), end: LineEnd::CrLf, open: false };
        Self { scanner: Scanner::new(limits), output }
    }

    /// Whether the message's own headers are behind: no address is asked for any more. Whoever must know all answers
    /// before DATA lets a filter of its own run so far, and keeps what it was told.
    #[must_use]
    pub fn is_past_headers(&self) -> bool {
        self.scanner.is_past_headers()
    }

    /// Takes the next octets and appends what can be said of them: at most about three times as many, and a header.
    ///
    /// # Errors
    /// The message cannot go out. The filter is of no use after it; what was appended is right as far as it goes.
    pub fn feed<A: Addresses>(
        &mut self,
        content: &[u8],
        addresses: &mut A,
        out: &mut Vec<u8>,
    ) -> Result<(), Error<A::Error>> {
        self.scanner.feed(content, &mut Writer { output: &mut self.output, addresses, out })
    }

    /// The message has ended: appends what was kept.
    ///
    /// # Errors
    /// As in [`Filter::feed`].
    pub fn finish<A: Addresses>(
        &mut self,
        addresses: &mut A,
        out: &mut Vec<u8>,
    ) -> Result<(), Error<A::Error>> {
        self.scanner.finish(&mut Writer { output: &mut self.output, addresses, out })?;
        self.output.encoder.finish_line(out);
        Ok(())
    }
}

struct Writer<'a, A> {
    output: &'a mut Output,
    addresses: &'a mut A,
    out: &'a mut Vec<u8>,
}

impl<A: Addresses> Writer<'_, A> {
    fn encodes(&self, entity: Entity) -> bool {
        self.output.conversion == Conversion::SevenBit && entity.is_eight_bit()
    }
}

impl<A: Addresses> Visitor for Writer<'_, A> {
    type Error = Error<A::Error>;

    fn header(&mut self, header: Header<'_>, entity: Entity) -> Result<(), Self::Error> {
        self.output.end = header.end.unwrap_or(self.output.end);
        if self.encodes(entity) && header.is("Content-Transfer-Encoding") {
            return Ok(());
        }
        self.output.open = header.end.is_none();
        let rewritten = match header.block {
            Block::Message => rewrite(&header, self.addresses)?,
            Block::Part | Block::Nested => None,
        };
        match rewritten {
            Some(lines) => self.out.extend_from_slice(&lines),
            None => push_verbatim(header.raw, self.out),
        }
        Ok(())
    }

    fn headers_end(&mut self, _: Block, entity: Entity, _: HeadersEnd) -> Result<(), Self::Error> {
        if self.encodes(entity) {
            let end = self.output.end.octets();
            if std::mem::take(&mut self.output.open) {
                self.out.extend_from_slice(end);
            }
            let encoding = match entity.kind {
                Kind::Multipart | Kind::Message | Kind::MessageOther => "7bit",
                Kind::Leaf | Kind::MessageGlobal => "quoted-printable",
            };
            self.out.extend_from_slice(b"Content-Transfer-Encoding: ");
            self.out.extend_from_slice(encoding.as_bytes());
            self.out.extend_from_slice(end);
        }
        Ok(())
    }

    fn body(&mut self, piece: Piece<'_>, entity: Entity) -> Result<(), Self::Error> {
        match piece {
            Piece::Text(text) if self.encodes(entity) => {
                self.output.encoder.text(text, self.output.end, self.out);
            }
            Piece::Text(text) => push_verbatim(text, self.out),
            Piece::End(end) => {
                self.output.encoder.finish_line(self.out);
                self.out.extend_from_slice(end.octets());
                self.output.end = end;
            }
        }
        Ok(())
    }

    fn too_deep(&mut self) -> Result<(), Self::Error> {
        match self.output.conversion {
            Conversion::SevenBit => Err(Error::TooDeep),
            Conversion::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
