//! The supervisor's messages. It is trusted: if it breaks the protocol there is nobody left to serve.

use super::{Server, Turn};
use crate::watch::Token;
use proto::channel::{Channel, ChannelError};
use proto::clock::Boottime;
use proto::packet::{MAX_PACKET, PacketError};
use proto::parked::Label;
use proto::steward::{Caps, FromSteward, Listed, Statistics, ToSteward};
use std::io;

/// How many bytes of listing go into one page; one session more still fits into a packet with the rest.
const PAGE: usize = MAX_PACKET - 1024;

/// The most bytes that one [`Listed`] takes beside its texts.
const LISTED: usize = 64;

/// How the supervisor and this process lost each other.
#[derive(Debug, thiserror::Error)]
pub enum StewardError {
    /// It sent something that is no message.
    #[error(transparent)]
    Packet(PacketError),
    /// Something came before its greeting, or the greeting twice.
    #[error("said something out of order")]
    OutOfOrder,
    /// It is of another release.
    #[error("speaks version {0}, not {ours}", ours = proto::VERSION)]
    Version(u16),
    /// The kernel's word.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The supervisor's channel.
#[derive(Debug)]
pub(super) struct Steward {
    channel: Channel,
    greeted: bool,
    /// An answer for which there was no room; nothing more is read until it is out.
    unsent: Option<FromSteward>,
}

impl Steward {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, greeted: false, unsent: None }
    }
}

impl Server {
    /// The supervisor's channel is ready: for the answer that waits, else with a message.
    pub(super) fn on_steward(&mut self, now: Boottime) -> Result<Turn, StewardError> {
        if let Some(answer) = self.steward.unsent.take() {
            self.watch.await_reading(&self.steward.channel, Token::Steward)?;
            return self.answer(answer);
        }
        let (message, descriptors) = match self.steward.channel.receive_through(&mut self.buffers) {
            Ok(received) => received,
            Err(ChannelError::Closed) => return Ok(Turn::Last),
            Err(ChannelError::NotReady) => return Ok(Turn::Next),
            Err(ChannelError::DescriptorsLost) => {
                self.log.warn("new client refused: no descriptor left for it", now);
                return Ok(Turn::Next);
            }
            Err(ChannelError::Packet(error)) => return Err(StewardError::Packet(error)),
            Err(ChannelError::Io(error)) => return Err(StewardError::Io(error)),
        };
        match (message, descriptors.only()) {
            (ToSteward::Client, Some(client)) if self.steward.greeted => {
                self.admit(client, now);
                Ok(Turn::Next)
            }
            (message, _) => {
                let answer = self.obey(message, now)?;
                self.answer(answer)
            }
        }
    }

    fn obey(&mut self, message: ToSteward, now: Boottime) -> Result<FromSteward, StewardError> {
        match (self.steward.greeted, message) {
            (false, ToSteward::Hello { version, caps }) => self.greet(version, caps, now),
            (false, _) | (true, ToSteward::Hello { .. } | ToSteward::Client) => Err(StewardError::OutOfOrder),
            (true, ToSteward::Reconfigure(caps)) => Ok(FromSteward::Done(self.configure(caps, now))),
            (true, ToSteward::Flush(nexthop)) => {
                Ok(FromSteward::Done(self.cache.store.flush(nexthop.as_deref())))
            }
            (true, ToSteward::List(cursor)) => Ok(self.page(cursor, now)),
            (true, ToSteward::Statistics) => {
                let counters = self.cache.store.statistics();
                let dropped_clients = self.dropped_clients;
                Ok(FromSteward::Statistics(Statistics { dropped_clients, ..counters }))
            }
        }
    }

    fn greet(&mut self, version: u16, caps: Caps, now: Boottime) -> Result<FromSteward, StewardError> {
        if version != proto::VERSION {
            // It shall know why this process ends.
            self.answer(FromSteward::Hello { version: proto::VERSION, sessions: 0 })?;
            return Err(StewardError::Version(version));
        }
        self.steward.greeted = true;
        self.configure(caps, now);
        Ok(FromSteward::Hello { version: proto::VERSION, sessions: self.limits().sessions })
    }

    fn configure(&mut self, caps: Caps, now: Boottime) -> u32 {
        let update = self.caps.status_update_s != caps.status_update_s;
        self.caps = caps;
        if update {
            self.schedule_report(now);
        }
        self.apply_limits(now)
    }

    fn page(&self, cursor: u64, now: Boottime) -> FromSteward {
        let (mut sessions, mut bytes) = (Vec::new(), 0);
        for (cursor, listed) in self.cache.store.list(cursor, now) {
            bytes += size(&listed);
            if bytes > PAGE {
                return FromSteward::Page { sessions, next: Some(cursor) };
            }
            sessions.push(listed);
        }
        FromSteward::Page { sessions, next: None }
    }

    /// Sends an answer, or keeps it until there is room and reads nothing before that.
    fn answer(&mut self, answer: FromSteward) -> Result<Turn, StewardError> {
        let steward = &mut self.steward;
        match steward.channel.send_through(&mut self.buffers, &answer, &[]) {
            Ok(()) | Err(ChannelError::DescriptorsLost) => {}
            Err(ChannelError::NotReady) => {
                steward.unsent = Some(answer);
                self.watch.await_room(&steward.channel, Token::Steward)?;
            }
            Err(ChannelError::Closed) => return Ok(Turn::Last),
            Err(ChannelError::Packet(error)) => return Err(StewardError::Packet(error)),
            Err(ChannelError::Io(error)) => return Err(StewardError::Io(error)),
        }
        Ok(Turn::Next)
    }
}

/// An upper bound of the bytes that one session takes in a page.
fn size(listed: &Listed) -> usize {
    let Label { service, nexthop, relay } = &listed.label;
    service.len() + nexthop.len() + relay.len() + LISTED
}
