//! The whole way of a message: scanned, converted, addresses rewritten, written.

use crate::Limits;
use crate::addresses::{RewriteError, rewrite};
use crate::checks::{BodyLines, Check, Class, plain, push_text};
use crate::editor::Editor;
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
    /// A table of checks could not answer.
    #[error("{0}")]
    Check(E),
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
    /// Body lines on their way to be checked.
    lines: BodyLines,
}

impl Filter {
    /// For one message.
    #[must_use]
    pub fn new(limits: &Limits, conversion: Conversion) -> Self {
        let output = Output {
            conversion,
            encoder: QuotedPrintable::default(),
            end: LineEnd::CrLf,
            open: false,
            lines: BodyLines::new(limits.line),
        };
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
    pub fn feed<A: Editor>(
        &mut self,
        content: &[u8],
        editor: &mut A,
        out: &mut Vec<u8>,
    ) -> Result<(), Error<A::Error>> {
        self.scanner.feed(content, &mut Writer { output: &mut self.output, editor, out })
    }

    /// The message has ended: appends what was kept.
    ///
    /// # Errors
    /// As in [`Filter::feed`].
    pub fn finish<A: Editor>(&mut self, editor: &mut A, out: &mut Vec<u8>) -> Result<(), Error<A::Error>> {
        self.scanner.finish(&mut Writer { output: &mut self.output, editor, out })?;
        let Output { encoder, lines, end, .. } = &mut self.output;
        if editor.checks_lines() {
            encoder.finish_line(&mut lines.pending);
            lines.finish(*end, editor, out).map_err(Error::Check)
        } else {
            encoder.finish_line(out);
            Ok(())
        }
    }
}

struct Writer<'a, A> {
    output: &'a mut Output,
    editor: &'a mut A,
    out: &'a mut Vec<u8>,
}

impl<A: Editor> Writer<'_, A> {
    fn encodes(&self, entity: Entity) -> bool {
        self.output.conversion == Conversion::SevenBit && entity.is_eight_bit()
    }

    /// A header, as the tables want it: checks come before addresses.
    fn checked(&mut self, header: Header<'_>) -> Result<(), Error<A::Error>> {
        let check = if self.editor.checks_headers() {
            let (class, text) = (Class::of(&header), plain(header.raw));
            self.editor.header(class, &text).map_err(Error::Check)?
        } else {
            Check::Keep
        };
        let end = self.output.end;
        match check {
            Check::Keep => self.written(header),
            Check::Drop => Ok(()),
            Check::Replace(new) => {
                let mut raw = Vec::new();
                push_text(&new, end, &mut raw);
                raw.extend_from_slice(header.end.map_or(b"", LineEnd::octets));
                self.written(Header { raw: &raw, ..header })
            }
            Check::Prepend(new) => {
                push_text(&new, end, self.out);
                self.out.extend_from_slice(end.octets());
                self.written(header)
            }
        }
    }

    fn written(&mut self, header: Header<'_>) -> Result<(), Error<A::Error>> {
        self.output.open = header.end.is_none();
        let rewritten = match header.block {
            Block::Message => rewrite(&header, self.editor)?,
            Block::Part | Block::Nested => None,
        };
        match rewritten {
            Some(lines) => self.out.extend_from_slice(&lines),
            None => push_verbatim(header.raw, self.out),
        }
        Ok(())
    }

    /// A body's piece, converted where it must be, to where it is checked or goes out.
    fn pass(output: &mut Output, encodes: bool, piece: Piece<'_>, out: &mut Vec<u8>) {
        match piece {
            Piece::Text(text) if encodes => output.encoder.text(text, output.end, out),
            Piece::Text(text) => push_verbatim(text, out),
            Piece::End(end) => {
                output.encoder.finish_line(out);
                out.extend_from_slice(end.octets());
                output.end = end;
            }
        }
    }
}

impl<A: Editor> Visitor for Writer<'_, A> {
    type Error = Error<A::Error>;

    fn header(&mut self, header: Header<'_>, entity: Entity) -> Result<(), Self::Error> {
        self.output.end = header.end.unwrap_or(self.output.end);
        if self.encodes(entity) && header.is("Content-Transfer-Encoding") {
            return Ok(());
        }
        self.checked(header)
    }

    fn headers_end(&mut self, block: Block, entity: Entity, _: HeadersEnd) -> Result<(), Self::Error> {
        if self.encodes(entity) {
            let end = self.output.end;
            if std::mem::take(&mut self.output.open) {
                self.out.extend_from_slice(end.octets());
            }
            let encoding = match entity.kind {
                Kind::Multipart | Kind::Message | Kind::MessageOther => "7bit",
                Kind::Leaf | Kind::MessageGlobal => "quoted-printable",
            };
            let raw = [b"Content-Transfer-Encoding: ", encoding.as_bytes(), end.octets()].concat();
            self.checked(Header { block, raw: &raw, end: Some(end) })?;
        }
        Ok(())
    }

    fn body(&mut self, piece: Piece<'_>, entity: Entity) -> Result<(), Self::Error> {
        let encodes = self.encodes(entity);
        if !self.editor.checks_lines() {
            Self::pass(self.output, encodes, piece, self.out);
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.output.lines.pending);
        Self::pass(self.output, encodes, piece, &mut pending);
        self.output.lines.pending = pending;
        self.output.lines.advance(self.output.end, self.editor, self.out).map_err(Error::Check)
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
