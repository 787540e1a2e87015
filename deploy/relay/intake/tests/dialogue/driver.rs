//! A shell in memory: drives a session over octets and keeps what it said and stored.

use std::sync::Arc;

use intake::{
    AbortReason, Alphabet, CloseReason, Envelope, Event, Notify, Recipient, Refusal, Session, Settings,
};

/// One relay with one client.
pub(crate) struct Driver {
    pub(crate) session: Session,
    /// Everything in order: `S: ` replies, `E: ` events.
    pub(crate) log: Vec<String>,
    /// Complete and accepted messages.
    pub(crate) stored: Vec<(Envelope, Vec<u8>)>,
    /// The answer to the next question, instead of yes.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) closed: Option<CloseReason>,
    open: Option<(Envelope, Vec<u8>)>,
}

impl Driver {
    pub(crate) fn new(settings: Settings) -> Self {
        let session = Session::new(Arc::new(settings));
        let mut driver =
            Self { session, log: vec![], stored: vec![], refusal: None, closed: None, open: None };
        driver.drain_output();
        driver
    }

    /// One read of the socket.
    pub(crate) fn feed(&mut self, mut input: &[u8]) {
        while self.closed.is_none() {
            let event = self.session.feed(&mut input);
            self.drain_output();
            match event {
                Some(event) => self.on_event(event),
                None if input.is_empty() => break,
                None => {}
            }
        }
    }

    pub(crate) fn drain_output(&mut self) {
        let output = String::from_utf8(self.session.output().to_vec()).expect("replies are ASCII");
        assert!(output.is_empty() || output.ends_with("\r\n"));
        self.log.extend(output.split_terminator("\r\n").map(|line| format!("S: {line}")));
        self.session.written(output.len());
        assert!(self.session.output().is_empty());
    }

    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::Open(envelope, opening) => {
                assert!(self.open.is_none());
                self.log.push(format!("E: open {}", describe(&envelope)));
                match self.refusal.take() {
                    Some(refusal) => self.session.refuse(opening, refusal),
                    None => {
                        self.open = Some((envelope, vec![]));
                        self.session.begin(opening);
                    }
                }
            }
            Event::Content(text) => {
                assert!(!text.is_empty());
                self.open.as_mut().expect("text of an open message").1.extend_from_slice(text);
            }
            Event::EndOfContent(facts, committing) => {
                let message = self.open.take().expect("the end of an open message");
                assert_eq!(facts.size, message.1.len() as u64);
                assert_eq!(facts.has_8bit, !message.1.is_ascii());
                let id = facts.header.message_id.as_deref().unwrap_or("none");
                self.log.push(format!("E: end size={} 8bit={} id={id}", facts.size, facts.has_8bit));
                match self.refusal.take() {
                    Some(refusal) => self.session.refuse(committing, refusal),
                    None => {
                        self.stored.push(message);
                        self.session.accepted(committing, &format!("Q{}", self.stored.len()));
                    }
                }
            }
            Event::Abort(reason) => {
                assert!(self.open.take().is_some(), "abort without message");
                let why = match reason {
                    // Which of several faults is seen first may depend on the cut.
                    AbortReason::Fault(_) => "Fault".into(),
                    reason => format!("{reason:?}"),
                };
                self.log.push(format!("E: abort {why}"));
            }
            Event::Close(reason) => {
                assert!(self.open.is_none(), "closed with an open message");
                self.log.push(format!("E: close ({reason}) {}", self.session.counts()));
                self.closed = Some(reason);
            }
        }
    }

    /// The shell could not store the open message.
    pub(crate) fn give_up(&mut self, refusal: Refusal) {
        self.open = None;
        self.session.give_up(refusal);
    }
}

fn describe(envelope: &Envelope) -> String {
    let Envelope { hello, sender, recipients, body, size, alphabet, ret, envid } = envelope;
    let to: Vec<_> = recipients.iter().map(recipient).collect();
    let size = size.map_or_else(String::new, |size| format!(" size={size}"));
    let utf8 = if *alphabet == Alphabet::Utf8 { " smtputf8" } else { "" };
    let ret = ret.map_or_else(String::new, |ret| format!(" ret={ret:?}"));
    let envid = envid.as_ref().map_or_else(String::new, |envid| format!(" envid={envid:?}"));
    format!(
        "{:?} {} from=<{sender}> to={} {body:?}{size}{utf8}{ret}{envid}",
        hello.kind,
        hello.name,
        to.join(",")
    )
}

fn recipient(recipient: &Recipient) -> String {
    let mut text = format!("<{recipient}>");
    if let Some(Notify { success, failure, delay }) = recipient.notify {
        let wanted = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
        let words: Vec<_> = wanted.iter().filter(|(wanted, _)| *wanted).map(|(_, word)| *word).collect();
        text += &format!(" notify={}", words.join("+"));
    }
    if let Some(orcpt) = &recipient.orcpt {
        text += &format!(" orcpt={orcpt:?}");
    }
    text
}
