//! The one epoll set of the process: level-triggered, every descriptor under a token that says what it is.

use crate::store::Ticket;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How many events one call brings at most.
const BATCH: usize = 256;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// The supervisor's channel.
    Steward,
    /// The signal that ends the process.
    Stop,
    /// A worker's channel. Numbers are not used again while the process lives.
    Client(u32),
    /// A parked session.
    Parked(Ticket),
}

/// The kind is in the two bits on top; no ticket or client number reaches them.
const KIND: u32 = 62;

impl Token {
    fn encode(self) -> u64 {
        let (kind, number) = match self {
            Self::Steward => (0, 0),
            Self::Stop => (1, 0),
            Self::Client(number) => (2, u64::from(number)),
            Self::Parked(Ticket(number)) => (3, number),
        };
        kind << KIND | number
    }

    fn decode(data: u64) -> Self {
        let number = data & ((1 << KIND) - 1);
        match data >> KIND {
            0 => Self::Steward,
            1 => Self::Stop,
            2 => Self::Client(u32::try_from(number).unwrap_or(u32::MAX)),
            _ => Self::Parked(Ticket(number)),
        }
    }
}

/// The set itself.
#[derive(Debug)]
pub(crate) struct Watch {
    epoll: OwnedFd,
}

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Reports when there is something to read from a channel, or its end.
    pub(crate) fn add_reader(&self, descriptor: impl AsFd, token: Token) -> io::Result<()> {
        self.add(descriptor, token, EventFlags::IN)
    }

    /// Reports anything at all that happens to a parked session: bytes, a half close, a hang-up, an error.
    pub(crate) fn add_parked(&self, descriptor: impl AsFd, ticket: Ticket) -> io::Result<()> {
        self.add(descriptor, Token::Parked(ticket), EventFlags::IN | EventFlags::RDHUP)
    }

    /// Waits for room to write in place of something to read.
    pub(crate) fn await_room(&self, descriptor: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, descriptor, EventData::new_u64(token.encode()), EventFlags::OUT)?)
    }

    /// The reverse of [`Watch::await_room`].
    pub(crate) fn await_reading(&self, descriptor: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, descriptor, EventData::new_u64(token.encode()), EventFlags::IN)?)
    }

    /// Takes a descriptor out. Closing it would not do: a registration lives as long as the last copy of the
    /// descriptor, and a copy may be on its way to a worker.
    pub(crate) fn remove(&self, descriptor: impl AsFd) {
        // It fails only for what is not in the set, which is what was asked for.
        let _ = epoll::delete(&self.epoll, descriptor);
    }

    /// Fills `events` with what is ready; empty when `limit` passed without anything.
    pub(crate) fn wait(&self, limit: Option<Duration>, events: &mut Vec<Token>) -> io::Result<()> {
        let limit = limit.map(timespec);
        let mut raw = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; BATCH];
        let ready = match epoll::wait(&self.epoll, &mut raw, limit.as_ref()) {
            Err(Errno::INTR) => 0,
            other => other?,
        };
        events.clear();
        events.extend(raw.iter().take(ready).map(|event| Token::decode({ event.data }.u64())));
        Ok(())
    }

    fn add(&self, descriptor: impl AsFd, token: Token, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, descriptor, EventData::new_u64(token.encode()), flags)?)
    }
}

/// In whole milliseconds, which is what the kernel is asked in; never more than it takes.
fn timespec(limit: Duration) -> Timespec {
    let millis = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX).min(i64::from(i32::MAX));
    Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        for token in [
            Token::Steward,
            Token::Stop,
            Token::Client(0),
            Token::Client(u32::MAX),
            Token::Parked(Ticket(1)),
            Token::Parked(Ticket((1 << KIND) - 1)),
        ] {
            assert_eq!(Token::decode(token.encode()), token);
        }
    }
}
