//! Going through all messages of the spool, one folder of names in memory at a time.

use crate::error::SpoolError;
use crate::id::QueueId;
use crate::message::{self, Message, Place};
use crate::spool::Spool;

/// Names of message files, folder by folder.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The next folder: 0 to 255 are the queue's, 256 is `hold`.
    next: u16,
    place: Option<Place>,
    names: std::vec::IntoIter<String>,
}

impl Walk {
    /// The next message's place and name. A folder that cannot be read is an error once, then the walk goes on.
    pub(crate) fn step(&mut self, spool: &Spool) -> Option<Result<(Place, QueueId), SpoolError>> {
        loop {
            if let (Some(name), Some(place)) = (self.names.next(), self.place) {
                return Some(parse(spool, place, &name));
            }
            let folder = self.next;
            self.next = self.next.saturating_add(1);
            let inner = spool.inner();
            let (place, names) = match u8::try_from(folder) {
                Ok(shard) => (Place::Queue, inner.queue.names(&format!("{shard:02x}"))),
                Err(_) if folder == 256 => (Place::Hold, inner.hold.names(".")),
                Err(_) => return None,
            };
            match names {
                Ok(names) => (self.place, self.names) = (Some(place), names.into_iter()),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A file whose name is not an id, or that lies in the wrong folder, is not ours to touch.
fn parse(spool: &Spool, place: Place, name: &str) -> Result<(Place, QueueId), SpoolError> {
    match name.parse() {
        Ok(id) => Ok((place, id)),
        Err(_) => Err(SpoolError::ForeignFile { path: place_path(spool, place).join(name) }),
    }
}

fn place_path(spool: &Spool, place: Place) -> &std::path::Path {
    match place {
        Place::Queue => spool.inner().queue.path(),
        Place::Hold => spool.inner().hold.path(),
    }
}

/// All messages; made by [`Spool::messages`].
#[derive(Debug)]
pub struct Messages {
    spool: Spool,
    walk: Walk,
}

impl Messages {
    pub(crate) fn new(spool: Spool, walk: Walk) -> Self {
        Self { spool, walk }
    }
}

impl Iterator for Messages {
    type Item = Result<Message, SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (place, id) = match self.walk.step(&self.spool)? {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            match message::load(&self.spool, &id, place) {
                // Delivered or moved since its name was read.
                Err(SpoolError::Missing(_)) => {}
                result => return Some(result),
            }
        }
    }
}
