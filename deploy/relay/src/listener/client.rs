//! One client of the listener: moves bytes between its socket and the dialogue, and does what the dialogue's events say.

use super::limits::{Counted, Place};
use super::{Peer, Shared};
use crate::dispatch::Command;
use intake::{
    Alphabet, Body, CloseReason, Committing, ContentFacts, Envelope, Event, HelloKind, Opening, Received,
    Refusal, Room, Session, Source, received_header,
};
use spool::{BodyType, Incoming, Message, SpoolError};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

const BUFFER: usize = 64 * 1024;

pub(super) struct Client {
    stream: TcpStream,
    peer: Peer,
    shared: Arc<Shared>,
    session: Session,
    open: Option<Open>,
    told_of_full_disk: bool,
    _place: Place,
}

/// A message that is coming in.
struct Open {
    incoming: Incoming,
    envelope: Box<Envelope>,
    arrival: SystemTime,
    room: Counted,
}

/// Whether the conversation goes on.
enum Next {
    GoOn,
    Over(CloseReason),
}

impl Client {
    pub(super) fn new(stream: TcpStream, peer: Peer, shared: Arc<Shared>, place: Place) -> Self {
        let session = Session::new(Arc::clone(&shared.dialogue));
        Self { stream, peer, shared, session, open: None, told_of_full_disk: false, _place: place }
    }

    /// The whole conversation. `ending`: the relay goes down.
    pub(super) async fn run(mut self, mut ending: watch::Receiver<bool>) {
        let mut buffer = vec![0; BUFFER];
        loop {
            if self.write().await.is_err() {
                self.session.disconnected();
            }
            let length = self.read(&mut buffer, &mut ending).await;
            let mut input = buffer.get(..length).unwrap_or_default();
            match self.feed(&mut input).await {
                Next::GoOn => {}
                Next::Over(reason) => {
                    let _gone = self.write().await;
                    return self.log_end(reason);
                }
            }
        }
    }

    /// Octets read; with none of them the session knows why.
    async fn read(&mut self, buffer: &mut [u8], ending: &mut watch::Receiver<bool>) -> usize {
        let was_ending = *ending.borrow();
        if was_ending {
            self.session.drain();
        }
        let read = tokio::select! {
            read = tokio::time::timeout(self.shared.timeout, self.stream.read(buffer)) => read,
            _ = ending.changed(), if !was_ending => {
                self.session.drain();
                return 0;
            }
        };
        match read {
            Ok(Ok(length)) if length > 0 => return length,
            Ok(_) => self.session.disconnected(),
            Err(_) => self.session.timed_out(),
        }
        0
    }

    async fn write(&mut self) -> std::io::Result<()> {
        let length = self.session.output().len();
        if length == 0 {
            return Ok(());
        }
        let writing = self.stream.write_all(self.session.output());
        tokio::time::timeout(self.shared.timeout, writing).await??;
        self.session.written(length);
        Ok(())
    }

    async fn feed(&mut self, input: &mut &[u8]) -> Next {
        self.look_for_room();
        loop {
            match self.session.feed(input) {
                Some(Event::Open(envelope, opening)) => self.begin(envelope, opening),
                Some(Event::Content(text)) => {
                    if let Some(open) = &mut self.open
                        && let Err(error) = open.incoming.write(text)
                    {
                        tracing::error!(service = "smtpd", "{error}");
                        self.session.give_up(refusal(&error));
                        self.open = None;
                    }
                }
                Some(Event::EndOfContent(facts, committing)) => self.commit(facts, committing).await,
                Some(Event::Abort(_)) => self.open = None,
                Some(Event::Close(reason)) => return Next::Over(reason),
                None if input.is_empty() => return Next::GoOn,
                None => {
                    if self.write().await.is_err() {
                        self.session.disconnected();
                    }
                }
            }
        }
    }

    /// A full disk is told once per client, not once per command.
    fn look_for_room(&mut self) {
        let room = match self.shared.spool.check_space(None) {
            Ok(()) => Room::Available,
            Err(error) => {
                if !std::mem::replace(&mut self.told_of_full_disk, true) {
                    tracing::error!(service = "smtpd", "messages of {} are refused: {error}", self.peer);
                }
                Room::Full(refusal(&error))
            }
        };
        self.session.set_room(room);
    }

    fn begin(&mut self, envelope: Envelope, opening: Opening) {
        match self.open(envelope) {
            Ok(open) => {
                self.open = Some(open);
                self.session.begin(opening);
            }
            Err(refusal) => self.session.refuse(opening, refusal),
        }
    }

    /// A file for the message, with our Received: field at its head.
    fn open(&self, envelope: Envelope) -> Result<Open, Refusal> {
        let room = self.shared.limits.open_message()?;
        let refused = |error: SpoolError| {
            tracing::error!(service = "smtpd", "message of {} refused: {error}", self.peer);
            refusal(&error)
        };
        let mut incoming = self.shared.spool.receive(envelope.size).map_err(refused)?;
        let arrival = SystemTime::now();
        let id = incoming.id().to_string();
        let field = received_header(&Received {
            source: Source::Smtp { hello: Some(&envelope.hello), name: None, address: self.peer.ip },
            by: &self.shared.dialogue.hostname,
            queue_id: &id,
            alphabet: envelope.alphabet,
            recipients: &envelope.recipients,
            unix_seconds: unix_seconds(arrival),
            offset_minutes: 0,
        });
        incoming.write(field.as_bytes()).map_err(refused)?;
        tracing::info!(service = "smtpd", "{id}: client={}", self.peer);
        Ok(Open { incoming, envelope: Box::new(envelope), arrival, room })
    }

    async fn commit(&mut self, facts: ContentFacts, committing: Committing) {
        let Some(open) = self.open.take() else {
            return self.session.refuse(committing, Refusal::IoError);
        };
        let message_id = facts.header.message_id.clone();
        let envelope = self.stored(&open, facts);
        let Open { incoming, room, .. } = open;
        let synced = tokio::task::spawn_blocking(move || incoming.commit(envelope)).await;
        drop(room);
        match synced {
            Ok(Ok(message)) => self.take_over(message, message_id.as_deref(), committing),
            Ok(Err(error)) => {
                tracing::error!(service = "smtpd", "{error}");
                self.session.refuse(committing, refusal(&error));
            }
            Err(panicked) => {
                tracing::error!(service = "smtpd", "{panicked}");
                self.session.refuse(committing, Refusal::IoError);
            }
        }
    }

    /// The message is ours. It is told to the dispatcher even if the client is gone by now.
    fn take_over(&mut self, message: Message, message_id: Option<&str>, committing: Committing) {
        let id = message.id().clone();
        tracing::info!(service = "cleanup", "{id}: message-id={}", message_id.unwrap_or_default());
        self.session.accepted(committing, id.as_str());
        let _relay_ends = self.shared.accepted.send(Command::Accepted(Box::new(message)));
    }

    fn stored(&self, open: &Open, facts: ContentFacts) -> spool::Envelope {
        let envelope = &open.envelope;
        spool::Envelope {
            sender: envelope.sender.unquoted(),
            recipients: envelope.recipients.iter().map(recipient).collect(),
            envid: envelope.envid.clone(),
            ret: envelope.ret.map(|ret| match ret {
                intake::Ret::Full => spool::Ret::Full,
                intake::Ret::Headers => spool::Ret::Headers,
            }),
            body: match envelope.body {
                Body::SevenBit => BodyType::Unspecified,
                Body::EightBitMime => BodyType::EightBitMime,
            },
            smtputf8: smtputf8(envelope, &facts),
            arrival: open.arrival,
            client: spool::Client {
                name: self.peer.name.to_owned(),
                address: self.peer.ip.to_string(),
                port: self.peer.port.to_string(),
                helo: envelope.hello.name.clone(),
                protocol: match envelope.hello.kind {
                    HelloKind::Helo => "SMTP",
                    HelloKind::Ehlo => "ESMTP",
                }
                .to_owned(),
                remote: self.peer.remote,
            },
            message_id: facts.header.message_id,
            has_8bit: facts.has_8bit,
            size: facts.size,
            purpose: spool::Purpose::Delivery,
        }
    }

    fn log_end(&self, reason: CloseReason) {
        let Self { peer, session, .. } = self;
        if !matches!(reason, CloseReason::Quit) {
            tracing::info!(service = "smtpd", "{reason} after {} from {peer}", session.place());
        }
        tracing::info!(service = "smtpd", "disconnect from {peer} {}", session.counts());
    }
}

/// Whether the message can go on only with SMTPUTF8 (RFC 6531 §3.4): that it was asked for says little.
fn smtputf8(envelope: &Envelope, facts: &ContentFacts) -> spool::SmtpUtf8 {
    let in_ascii = envelope.sender.is_ascii()
        && envelope.recipients.iter().all(|recipient| recipient.mailbox.is_ascii())
        && !facts.header.utf8;
    match (envelope.alphabet, in_ascii) {
        (Alphabet::Ascii, _) => spool::SmtpUtf8::NotAsked,
        (Alphabet::Utf8, true) => spool::SmtpUtf8::Asked,
        (Alphabet::Utf8, false) => spool::SmtpUtf8::Needed,
    }
}

/// A recipient as the queue keeps it.
fn recipient(asked: &intake::Recipient) -> spool::Recipient {
    let intake::Recipient { mailbox, notify, orcpt } = asked;
    let notify = match *notify {
        None => spool::Notify::Unspecified,
        Some(intake::Notify { success: false, failure: false, delay: false }) => spool::Notify::Never,
        Some(intake::Notify { success, failure, delay }) => spool::Notify::On { success, failure, delay },
    };
    spool::Recipient { notify, orcpt: orcpt.clone(), ..spool::Recipient::plain(mailbox.unquoted()) }
}

fn refusal(error: &SpoolError) -> Refusal {
    if error.is_full() { Refusal::NoSpace } else { Refusal::IoError }
}

fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
