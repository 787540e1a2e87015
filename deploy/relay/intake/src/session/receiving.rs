//! One message text on its way in: decoded, measured, watched.

use super::event::ContentFacts;
use crate::content::{ContentDecoder, Piece};
use crate::header_watch::HeaderWatch;
use crate::refusal::{ContentFault, Refusal};
use crate::settings::Settings;

/// What came of the input.
#[derive(Debug)]
pub(super) enum Step<'i> {
    Text(&'i [u8]),
    /// The first fault: from here on text is only skipped.
    Spoilt(ContentFault),
    Skipped,
    NeedMore,
    End,
}

/// The state between the reply 354 and the final dot.
#[derive(Debug)]
pub(super) struct Receiving {
    decoder: ContentDecoder,
    header: HeaderWatch,
    size: u64,
    has_8bit: bool,
    /// The gravest so far. Text is looked at to its end even after one, so that the reply depends on the
    /// text alone and not on how it was cut.
    fault: Option<ContentFault>,
}

impl Receiving {
    pub(super) fn new() -> Self {
        let decoder = ContentDecoder::new();
        Self { decoder, header: HeaderWatch::default(), size: 0, has_8bit: false, fault: None }
    }

    /// Takes the next piece from the front of `input`.
    pub(super) fn next<'i>(&mut self, input: &mut &'i [u8], settings: &Settings) -> Step<'i> {
        let skipping = self.fault.is_some();
        let (step, fault) = match self.decoder.next(input) {
            Piece::NeedMore => return Step::NeedMore,
            Piece::End => return Step::End,
            Piece::Bare(bare) => (Step::Skipped, Some(ContentFault::Bare(bare))),
            Piece::Text(text) => (Step::Text(text), self.look_at(text, settings)),
        };
        if let Some(fault) = fault {
            self.add(fault);
        }
        match fault {
            _ if skipping => Step::Skipped,
            Some(fault) => Step::Spoilt(fault),
            None => step,
        }
    }

    /// The shell cannot store the rest.
    pub(super) fn give_up(&mut self, refusal: Refusal) {
        self.add(ContentFault::Shell(refusal));
    }

    /// After the final dot: what the text was, or why it is refused.
    pub(super) fn finish(self) -> Result<ContentFacts, ContentFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => {
                Ok(ContentFacts { size: self.size, has_8bit: self.has_8bit, header: self.header.finish() })
            }
        }
    }

    /// Whether the shell still holds a message open.
    pub(super) fn is_open(&self) -> bool {
        self.fault.is_none()
    }

    fn add(&mut self, fault: ContentFault) {
        self.fault = Some(self.fault.map_or(fault, |known| known.min(fault)));
    }

    fn look_at(&mut self, text: &[u8], settings: &Settings) -> Option<ContentFault> {
        self.size = self.size.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.has_8bit = self.has_8bit || !text.is_ascii();
        self.header.push(text);
        let limit = settings.message_size_limit;
        if limit > 0 && self.size > limit {
            return Some(ContentFault::TooBig { limit });
        }
        // Our own Received field is one hop more.
        if self.header.received().saturating_add(1) >= settings.hopcount_limit {
            return Some(ContentFault::Loop);
        }
        let limit = settings.header_size_limit;
        (self.header.longest_field() > limit).then_some(ContentFault::LongHeader { limit })
    }
}
