//! Where the scanner stands, and what it keeps of the message.

use super::HeadersEnd;
use crate::Limits;
use crate::boundary::Boundaries;
use crate::entity::{Entity, Kind};
use crate::header::{self, Block, LineEnd, Start};

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) boundaries: Boundaries,
    /// The block that is being read; `None` in a body.
    pub(super) block: Option<Block>,
    pub(super) entity: Entity,
    pub(super) line: Line,
    /// The beginning of a line that can still be several things.
    pub(super) start: Vec<u8>,
    pub(super) header: Vec<u8>,
    header_end: Option<LineEnd>,
    /// How much of the header is kept at least: its name and colon.
    pub(super) name: usize,
    cut: bool,
    header_limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Start,
    Header,
    Body,
}

impl Place {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            boundaries: Boundaries::new(limits.boundary, limits.nesting),
            block: Some(Block::Message),
            entity: Entity::new(Kind::Leaf),
            line: Line::Start,
            start: Vec::new(),
            header: Vec::new(),
            header_end: None,
            name: 0,
            cut: false,
            header_limit: limits.header,
        }
    }

    /// What the line is in a header block. A continuation is a header whose name has no length.
    pub(super) fn header_start(&self) -> Start {
        match self.start.first() {
            Some(b' ' | b'\t') if !self.header.is_empty() => Start::Header(0),
            _ => header::start(&self.start),
        }
    }

    pub(super) fn enter(&mut self, block: Option<Block>, entity: Entity) {
        self.block = block;
        self.entity = entity;
    }

    /// Below a header block. A message inside begins below a blank line only.
    pub(super) fn enter_body(&mut self, by: HeadersEnd) {
        if by == HeadersEnd::Blank && self.entity.has_message() {
            return self.enter(Some(Block::Nested), Entity::new(Kind::Leaf));
        }
        self.block = None;
        if matches!(self.entity.kind, Kind::Multipart | Kind::Message) {
            // Octets around the parts have no encoding.
            self.entity = Entity::new(self.entity.kind);
        }
    }

    /// More of a header, as far as the limit allows.
    pub(super) fn keep(&mut self, text: &[u8]) {
        let room = self.header_limit.max(self.name).saturating_sub(self.header.len());
        self.cut |= text.len() > room;
        self.header.extend_from_slice(text.get(..room).unwrap_or(text));
    }

    pub(super) fn keep_end(&mut self, end: LineEnd) {
        self.header_end = Some(end);
        self.cut |= self.header.len() >= self.header_limit;
        if !self.cut {
            self.header.extend_from_slice(end.octets());
        }
    }

    /// The header that was kept, as far as it was, and how its last line ended.
    pub(super) fn take_header(&mut self) -> (Vec<u8>, Option<LineEnd>) {
        let mut raw = std::mem::take(&mut self.header);
        let end = self.header_end.take();
        if std::mem::take(&mut self.cut) {
            cut_line(&mut raw, end);
        }
        (raw, end)
    }

    /// Keeps the room that the beginnings of lines need.
    pub(super) fn reuse(&mut self, mut start: Vec<u8>) {
        start.clear();
        self.start = start;
    }
}

/// Ends a header that was cut: before the line that was not complete, if there are others.
fn cut_line(raw: &mut Vec<u8>, end: Option<LineEnd>) {
    if let Some(last) = memchr::memrchr(b'\n', raw) {
        raw.truncate(last);
    }
    raw.truncate(raw.trim_ascii_end().len());
    raw.extend_from_slice(end.map_or(b"", LineEnd::octets));
}
