//! Where in a message an octet stands: headers, bodies, parts, messages inside.
//!
//! Octets come in pieces of any size and are passed on in pieces; how they were cut changes nothing but where the
//! pieces of one line end. Kept are one header (up to its limit), the beginning of a line that may be a header or a
//! delimiter, and the boundaries.

mod lines;
mod place;

use crate::Limits;
use crate::boundary::Delimiter;
use crate::entity::{Entity, Kind};
use crate::header::{self, Block, Header, LineEnd, Start};
use lines::{Lines, Sink};
use place::{Line, Place};

/// What is told to whom the scanner works for.
pub trait Visitor {
    /// Why it stops.
    type Error;

    /// A header is complete; the entity as it is after it.
    ///
    /// # Errors
    /// The visitor's: the scanner stops.
    fn header(&mut self, header: Header<'_>, entity: Entity) -> Result<(), Self::Error>;

    /// A header block is complete. What ended it is told after this, as a part of the body.
    ///
    /// # Errors
    /// The visitor's: the scanner stops.
    fn headers_end(&mut self, block: Block, entity: Entity, by: HeadersEnd) -> Result<(), Self::Error>;

    /// A piece of a body, of the blank line above it, or of a delimiter.
    ///
    /// # Errors
    /// The visitor's: the scanner stops.
    fn body(&mut self, piece: Piece<'_>, entity: Entity) -> Result<(), Self::Error>;

    /// A multipart is deeper than the limit. If this is no error, its boundary is not looked for.
    ///
    /// # Errors
    /// The visitor's: the scanner stops.
    fn too_deep(&mut self) -> Result<(), Self::Error>;
}

/// What ended a header block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadersEnd {
    /// A blank line, as it should be.
    Blank,
    /// A line that is no header: the body begins with it.
    Other,
    /// The message.
    Message,
}

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Some of its text. A CR in it is one without LF.
    Text(&'a [u8]),
    /// Its end.
    End(LineEnd),
}

/// Scans one message.
#[derive(Debug, Clone)]
pub struct Scanner {
    lines: Lines,
    place: Place,
}

/// Whether more of a line can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Some,
    All,
}

impl Scanner {
    /// At the beginning of a message.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { lines: Lines::default(), place: Place::new(limits) }
    }

    /// Whether the message's own headers are behind.
    #[must_use]
    pub fn is_past_headers(&self) -> bool {
        self.place.block != Some(Block::Message)
    }

    /// Takes the next octets.
    ///
    /// # Errors
    /// The visitor's. The scanner is of no use after it.
    pub fn feed<V: Visitor>(&mut self, content: &[u8], visitor: &mut V) -> Result<(), V::Error> {
        self.lines.feed(content, &mut At { place: &mut self.place, visitor })
    }

    /// The message has ended.
    ///
    /// # Errors
    /// The visitor's.
    pub fn finish<V: Visitor>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        let mut at = At { place: &mut self.place, visitor };
        self.lines.finish(&mut at)?;
        at.finish()
    }
}

struct At<'a, V> {
    place: &'a mut Place,
    visitor: &'a mut V,
}

impl<V: Visitor> Sink for At<'_, V> {
    type Error = V::Error;

    fn text(&mut self, text: &[u8]) -> Result<(), V::Error> {
        match self.place.line {
            Line::Start => self.beginning(text),
            Line::Header => {
                self.place.keep(text);
                Ok(())
            }
            Line::Body => self.visitor.body(Piece::Text(text), self.place.entity),
        }
    }

    fn end(&mut self, end: LineEnd) -> Result<(), V::Error> {
        if self.place.line == Line::Start {
            if self.place.start.is_empty() && self.place.block.is_some() {
                self.headers_end(HeadersEnd::Blank)?;
            } else {
                self.decide(Seen::All)?;
            }
        }
        match self.place.line {
            Line::Header => self.place.keep_end(end),
            Line::Start | Line::Body => self.visitor.body(Piece::End(end), self.place.entity)?,
        }
        self.place.line = Line::Start;
        Ok(())
    }
}

impl<V: Visitor> At<'_, V> {
    /// More of a line that is not known yet.
    fn beginning(&mut self, text: &[u8]) -> Result<(), V::Error> {
        let plain = self.place.block.is_none()
            && self.place.start.is_empty()
            && (self.place.boundaries.is_empty() || text.first() != Some(&b'-'));
        if plain {
            self.place.line = Line::Body;
            return self.text(text);
        }
        let most = self.place.boundaries.need().max(header::LONGEST_NAME + 1);
        let room = most.saturating_sub(self.place.start.len()).min(text.len());
        let (some, rest) = text.split_at(room);
        self.place.start.extend_from_slice(some);
        self.decide(Seen::Some)?;
        if rest.is_empty() { Ok(()) } else { self.text(rest) }
    }

    /// Finds out what the line is, if it can be told.
    fn decide(&mut self, seen: Seen) -> Result<(), V::Error> {
        if self.place.block.is_some() {
            match self.place.header_start() {
                Start::Open if seen == Seen::Some => return Ok(()),
                Start::Header(name) => return self.header_line(name),
                Start::Open | Start::Other => self.headers_end(HeadersEnd::Other)?,
            }
        }
        self.body_line(seen)
    }

    fn header_line(&mut self, name: usize) -> Result<(), V::Error> {
        if name > 0 {
            self.flush_header()?;
            self.place.name = name;
        }
        self.place.line = Line::Header;
        let start = std::mem::take(&mut self.place.start);
        self.place.keep(&start);
        self.place.reuse(start);
        Ok(())
    }

    fn body_line(&mut self, seen: Seen) -> Result<(), V::Error> {
        let start = &self.place.start;
        let hyphens = start.get(..2).map_or_else(|| b"--".starts_with(start), |two| two == b"--");
        let candidate = hyphens && !self.place.boundaries.is_empty();
        if candidate && seen == Seen::Some && start.len() < self.place.boundaries.need() {
            return Ok(());
        }
        let delimiter = if candidate { self.place.boundaries.take(start) } else { None };
        match delimiter {
            Some(Delimiter::Part(kind)) => self.place.enter(Some(Block::Part), Entity::new(kind)),
            Some(Delimiter::Last) => self.place.enter(None, Entity::new(Kind::Leaf)),
            None => {}
        }
        self.place.line = Line::Body;
        let start = std::mem::take(&mut self.place.start);
        if !start.is_empty() {
            self.visitor.body(Piece::Text(&start), self.place.entity)?;
        }
        self.place.reuse(start);
        Ok(())
    }

    /// The header that was kept is complete.
    fn flush_header(&mut self) -> Result<(), V::Error> {
        if self.place.header.is_empty() {
            return Ok(());
        }
        let (mut raw, end) = self.place.take_header();
        let block = self.place.block.unwrap_or(Block::Message);
        let header = Header { block, raw: &raw, end };
        let (boundaries, mut deep) = (&mut self.place.boundaries, 0);
        self.place.entity.read(&header, |text, part| deep += usize::from(!boundaries.push(text, part)));
        if deep > 0 {
            self.visitor.too_deep()?;
        }
        self.visitor.header(header, self.place.entity)?;
        raw.clear();
        self.place.header = raw;
        Ok(())
    }

    fn headers_end(&mut self, by: HeadersEnd) -> Result<(), V::Error> {
        self.flush_header()?;
        let block = self.place.block.unwrap_or(Block::Message);
        self.visitor.headers_end(block, self.place.entity, by)?;
        self.place.enter_body(by);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), V::Error> {
        if self.place.line == Line::Start && !self.place.start.is_empty() {
            self.decide(Seen::All)?;
        }
        if self.place.block.is_some() && self.place.line != Line::Body {
            self.headers_end(HeadersEnd::Message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
