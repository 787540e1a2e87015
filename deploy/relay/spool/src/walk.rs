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
    folder: Option<Folder>,
    names: std::vec::IntoIter<String>,
}

impl Walk {
    /// The next message's place and name. A folder that cannot be read is an error once, then the walk goes on.
    pub(crate) fn step(&mut self, spool: &Spool) -> Option<Result<(Place, QueueId), SpoolError>> {
        loop {
            if let Some(name) = self.names.next() {
                return Some(self.parse(spool, &name));
            }
            let place = Folder::number(self.next)?;
            self.next += 1;
            let inner = spool.inner();
            let names = match &place {
                Folder::Queue(shard) => inner.queue.names(shard),
                Folder::Hold => inner.hold.names("."),
            };
            match names {
                Ok(names) => (self.folder, self.names) = (Some(place), names.into_iter()),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// A file whose name is not an id, or that lies where its id does not belong, is not ours to touch.
    fn parse(&self, spool: &Spool, name: &str) -> Result<(Place, QueueId), SpoolError> {
        let id = name.parse::<QueueId>();
        let path = match (&self.folder, id) {
            (Some(Folder::Queue(shard)), Ok(id)) if id.shard() == *shard => return Ok((Place::Queue, id)),
            (Some(Folder::Hold), Ok(id)) => return Ok((Place::Hold, id)),
            (Some(Folder::Queue(shard)), _) => spool.inner().queue.path().join(shard),
            (Some(Folder::Hold) | None, _) => spool.inner().hold.path().to_owned(),
        };
        Err(SpoolError::ForeignFile { path: path.join(name) })
    }
}

/// A folder with messages.
#[derive(Debug)]
enum Folder {
    Queue(String),
    Hold,
}

impl Folder {
    fn number(number: u16) -> Option<Self> {
        match u8::try_from(number) {
            Ok(shard) => Some(Self::Queue(format!("{shard:02x}"))),
            Err(_) if number == 256 => Some(Self::Hold),
            Err(_) => None,
        }
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

/// The names of all messages; made by [`Spool::ids`].
#[derive(Debug)]
pub struct Ids {
    spool: Spool,
    walk: Walk,
}

impl Ids {
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool, walk: Walk::default() }
    }
}

impl Iterator for Ids {
    type Item = Result<QueueId, SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.walk.step(&self.spool)?.map(|(_, id)| id))
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

#[cfg(test)]
mod tests {
    use crate::testing::{Home, deposit};
    use std::collections::BTreeSet;

    #[test]
    fn ids_name_every_message_held_ones_too() {
        let home = Home::new();
        let spool = home.start();
        let mut messages: Vec<_> = (0..5).map(|_| deposit(&spool, &["a@x"], b"x\r\n")).collect();
        messages[0].hold().unwrap();
        let want: BTreeSet<_> = messages.iter().map(|message| message.id().clone()).collect();
        assert_eq!(spool.ids().map(Result::unwrap).collect::<BTreeSet<_>>(), want);
    }
}
