//! One connection to the listener: bytes in, replies and events out.

mod commands;
mod ending;
mod event;
mod receiving;
mod transaction;

use std::sync::Arc;

pub use event::{
    AbortReason, CloseReason, Committing, ContentFacts, Envelope, Event, Hello, HelloKind, Misuse, Opening,
    Question,
};

use crate::command::{Command, Verb};
use crate::counts::CommandCounts;
use crate::line::{Line, LineReader};
use crate::refusal::{ContentFault, Refusal, Room};
use crate::reply::Reply;
use crate::settings::Settings;
use commands::Answer;
use receiving::{Receiving, Step};
use transaction::Transaction;

/// Octets of replies that may wait before commands have to: a client that does not read costs no memory.
const OUTPUT_HIGH_WATER: usize = 16 * 1024;

/// The dialogue with one client, from the greeting (in the output at once) to [`Event::Close`].
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    phase: Phase,
    line: LineReader,
    output: Vec<u8>,
    hello: Option<Hello>,
    transaction: Option<Transaction>,
    room: Room,
    draining: bool,
    /// Errors and junk commands since the last accepted message.
    errors: u32,
    junk: u32,
    counts: CommandCounts,
    last: &'static str,
}

#[derive(Debug)]
enum Phase {
    Commands,
    /// An [`Opening`] is with the shell.
    Opening,
    Content(Box<Receiving>),
    /// A [`Committing`] is with the shell.
    Committing,
    /// What is still to be told before the end.
    Ending {
        abort: Option<AbortReason>,
        close: CloseReason,
    },
    Closed,
}

/// What one step of `feed` came to.
enum Turn<'i> {
    Again,
    Pause,
    Event(Event<'i>),
}

/// Why a client gets no session at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GreetingRefusal {
    /// As many sessions as allowed: 421 4.7.0.
    TooManyConnections,
    /// The relay is going down: 421 4.3.2.
    Draining,
    /// The client's address may not send through this relay: 554 5.7.1.
    NotAllowed,
}

impl Session {
    /// A session with the greeting in its output.
    pub fn new(settings: Arc<Settings>) -> Self {
        let greeting = Reply::plain(220, settings.banner.replace(char::is_control, "?"));
        let mut session = Self {
            settings,
            phase: Phase::Commands,
            line: LineReader::default(),
            output: Vec::new(),
            hello: None,
            transaction: None,
            room: Room::Available,
            draining: false,
            errors: 0,
            junk: 0,
            counts: CommandCounts::default(),
            last: "CONNECT",
        };
        session.write(&greeting);
        session
    }

    /// What to write, before closing, to a client that gets no session.
    pub fn refused_greeting(settings: &Settings, why: GreetingRefusal) -> Vec<u8> {
        let host = &settings.hostname;
        let reply = match why {
            GreetingRefusal::TooManyConnections => {
                Reply::new(421, "4.7.0", format!("{host} Error: too many connections"))
            }
            GreetingRefusal::Draining => Reply::new(421, "4.3.2", format!("{host} Service shutting down")),
            GreetingRefusal::NotAllowed => {
                Reply::new(554, "5.7.1", format!("{host} Error: clients from your address may not send here"))
            }
        };
        format!("{reply}\r\n").into_bytes()
    }

    /// Takes from the front of `input` what the next event needs.
    ///
    /// `None`: write [`output`](Self::output) and, once `input` is used up, read more. Octets that are left
    /// in `input` belong to the next call. After an [`Opening`] or [`Committing`] the answer comes first; if
    /// it never came, the next call answers 451 to the client.
    pub fn feed<'i>(&mut self, input: &mut &'i [u8]) -> Option<Event<'i>> {
        loop {
            let turn = match &self.phase {
                Phase::Commands => self.command_turn(input),
                Phase::Content(_) => self.content_turn(input),
                Phase::Opening | Phase::Committing => {
                    self.answer_refusal(Refusal::IoError);
                    Turn::Again
                }
                Phase::Ending { .. } => Turn::Event(self.next_ending()),
                Phase::Closed => {
                    *input = &[];
                    Turn::Pause
                }
            };
            match turn {
                Turn::Again => {}
                Turn::Pause => return None,
                Turn::Event(event) => return Some(event),
            }
        }
    }

    /// Replies to write, in order; never empty after an event that makes the client wait.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The first `octets` of [`output`](Self::output) are written.
    pub fn written(&mut self, octets: usize) {
        self.output.drain(..octets.min(self.output.len()));
    }

    /// The message is open: the client may send its text.
    pub fn begin(&mut self, _opening: Opening) {
        if let Phase::Opening = self.phase {
            self.phase = Phase::Content(Box::new(Receiving::new()));
            self.write(&Reply::plain(354, "End data with <CR><LF>.<CR><LF>"));
        }
    }

    /// The message is durable under `queue_id`; from now on it is ours.
    pub fn accepted(&mut self, _committing: Committing, queue_id: &str) {
        if let Phase::Committing = self.phase {
            self.phase = Phase::Commands;
            (self.errors, self.junk) = (0, 0);
            self.counts.accepted(Verb::Data);
            self.write(&Reply::new(250, "2.0.0", format!("Ok: queued as {queue_id}")));
            self.check_end();
        }
    }

    /// The message is not taken, before its text or after.
    pub fn refuse<Q: Question>(&mut self, _question: Q, refusal: Refusal) {
        self.answer_refusal(refusal);
    }

    /// The message that is coming in cannot be stored and was dropped: no more `Content` of it, and the
    /// client gets `refusal` at its end. Nothing happens outside of a message.
    pub fn give_up(&mut self, refusal: Refusal) {
        if let Phase::Content(receiving) = &mut self.phase {
            receiving.give_up(refusal);
        }
    }

    /// Whether new messages may begin from now on; one that has begun goes on.
    pub fn set_room(&mut self, room: Room) {
        self.room = room;
    }

    /// The client sent nothing for too long. [`feed`](Self::feed) then tells how to end.
    pub fn timed_out(&mut self) {
        let text = format!("{} Error: timeout exceeded", self.settings.hostname);
        self.end(Some(Reply::new(421, "4.4.2", text)), AbortReason::TimedOut, CloseReason::TimedOut);
    }

    /// The connection is gone. [`feed`](Self::feed) then tells how to end.
    pub fn disconnected(&mut self) {
        self.end(None, AbortReason::Disconnected, CloseReason::Disconnected);
    }

    /// The relay goes down: no new command is taken, but a message whose text is coming in is finished and
    /// answered. [`feed`](Self::feed) then tells how to end.
    pub fn drain(&mut self) {
        self.draining = true;
        if let Phase::Commands = self.phase {
            self.check_end();
        }
    }

    /// What the client called itself.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// Commands so far.
    pub fn counts(&self) -> &CommandCounts {
        &self.counts
    }

    /// Where the session is, as in Postfix's `lost connection after DATA`: `CONNECT`, a verb, `UNKNOWN`, or
    /// `END-OF-MESSAGE`.
    pub fn place(&self) -> &'static str {
        self.last
    }

    fn command_turn<'i>(&mut self, input: &mut &'i [u8]) -> Turn<'i> {
        if self.output.len() >= OUTPUT_HIGH_WATER {
            return Turn::Pause;
        }
        match self.line.read(input, self.settings.line_length_limit) {
            Line::NeedMore => return Turn::Pause,
            Line::Bare(bare) => {
                let text = format!("Error: bare {bare} received; lines must end with <CR><LF>");
                self.misuse(Reply::new(521, "5.5.2", text), Misuse::Bare(bare));
            }
            Line::Endless => {
                self.misuse(Reply::new(521, "5.5.2", "Error: line too long"), Misuse::EndlessLine);
            }
            Line::TooLong => {
                let line = self.line.take();
                self.line.recycle(line);
                self.last = Verb::Unknown.name();
                self.counts.asked(Verb::Unknown);
                self.reply(Verb::Unknown, Reply::new(500, "5.5.2", "Error: line too long"));
            }
            Line::Complete => {
                let line = self.line.take();
                let turn = self.on_line(&line);
                self.line.recycle(line);
                return turn;
            }
        }
        Turn::Again
    }

    fn on_line<'i>(&mut self, line: &[u8]) -> Turn<'i> {
        let (verb, answer) = match Command::parse(line) {
            Ok(command) => {
                self.last = command.verb.name();
                self.counts.asked(command.verb);
                (command.verb, self.answer_to(&command))
            }
            Err(reply) => {
                self.last = Verb::Unknown.name();
                self.counts.asked(Verb::Unknown);
                (Verb::Unknown, Answer::Reply(reply))
            }
        };
        match answer {
            Answer::Reply(reply) => self.reply(verb, reply),
            Answer::NotAnError(reply) => {
                self.write(&reply);
                self.check_end();
            }
            Answer::Extensions(text) => {
                self.counts.accepted(verb);
                self.output.extend_from_slice(text.as_bytes());
            }
            Answer::Quit(reply) => {
                self.counts.accepted(verb);
                self.end(Some(reply), AbortReason::Disconnected, CloseReason::Quit);
            }
            Answer::Misuse(reply, misuse) => self.misuse(reply, misuse),
            Answer::Open(envelope) => {
                self.phase = Phase::Opening;
                return Turn::Event(Event::Open(envelope, Opening(())));
            }
        }
        Turn::Again
    }

    fn content_turn<'i>(&mut self, input: &mut &'i [u8]) -> Turn<'i> {
        let Phase::Content(receiving) = &mut self.phase else { return Turn::Again };
        match receiving.next(input, &self.settings) {
            Step::Text(text) => Turn::Event(Event::Content(text)),
            Step::Spoilt(fault) => Turn::Event(Event::Abort(AbortReason::Fault(fault))),
            Step::Skipped => Turn::Again,
            Step::NeedMore => Turn::Pause,
            Step::End => self.end_of_content(),
        }
    }

    fn end_of_content<'i>(&mut self) -> Turn<'i> {
        self.last = "END-OF-MESSAGE";
        let Phase::Content(receiving) = std::mem::replace(&mut self.phase, Phase::Commands) else {
            return Turn::Again;
        };
        match receiving.finish() {
            Ok(facts) => {
                self.phase = Phase::Committing;
                Turn::Event(Event::EndOfContent(facts, Committing(())))
            }
            Err(ContentFault::Shell(refusal)) => {
                self.write(&refusal.reply());
                self.check_end();
                Turn::Again
            }
            Err(fault) => {
                self.reply(Verb::Data, fault.reply());
                Turn::Again
            }
        }
    }
}
