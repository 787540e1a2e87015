//! What of a message changes for this server: found out before the first command, so that what cannot be sent is
//! refused while the session is in order.

use super::{Delivery, additions};
use crate::checks::Checks;
use crate::generic::{Generic, GenericError};
use maincf::tables::TableError;
use mime::{Conversion, Filter, Limits, Survey};
use proto::job;
use smtp::{Abort, Body, EhloFacts, Extension};
use std::collections::HashMap;

/// Addresses whose answers are kept between the look at the headers and their way out.
const KEPT: usize = 10_000;

/// What changes.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// What is declared.
    pub(super) body: Body,
    /// Who sends; `None` leaves it.
    pub(super) sender: Option<String>,
    /// In the order of those who are open.
    pub(super) recipients: Vec<Option<String>>,
    /// 7-bit or as it is.
    pub(super) conversion: Conversion,
    /// Headers in front of all others.
    pub(super) added: Vec<u8>,
    /// Answers about addresses in headers.
    pub(super) known: HashMap<String, Option<String>>,
}

impl Outgoing {
    /// Everything as it is: for a message that will not be sent.
    pub(super) fn unchanged() -> Self {
        Self {
            body: Body::Undeclared,
            sender: None,
            recipients: Vec::new(),
            conversion: Conversion::None,
            added: Vec::new(),
            known: HashMap::new(),
        }
    }
}

/// Looks at the message and asks the tables.
pub(super) fn prepare(delivery: &Delivery<'_>, facts: &EhloFacts, open: &[usize]) -> Result<Outgoing, Abort> {
    let body = body(delivery, facts)?;
    let conversion = if body == Body::Converted { Conversion::SevenBit } else { Conversion::None };
    let added = additions::headers(delivery, open)?;
    let mut outgoing = Outgoing { body, conversion, added, ..Outgoing::unchanged() };
    let Some(generic) = &delivery.context.generic else { return Ok(outgoing) };
    let ask = |address: &str| generic.rewrite(address).map_err(|error| failed(delivery, &error));
    outgoing.sender = ask(&delivery.request.sender)?;
    let recipients = open.iter().filter_map(|at| delivery.left.at(*at));
    outgoing.recipients = recipients.map(|recipient| ask(&recipient.address)).collect::<Result<_, _>>()?;
    outgoing.known = headers(delivery, generic)?;
    Ok(outgoing)
}

/// How much of a message is looked at.
pub(super) fn limits(delivery: &Delivery<'_>) -> Limits {
    let content = &delivery.context.config.content;
    Limits {
        boundary: content.boundary_limit.get() as usize,
        nesting: content.nesting_limit.get() as usize,
        header: content.header_limit.get() as usize,
        line: delivery.context.config.lines.reply_limit.get() as usize,
    }
}

/// RFC 6152 §3: content that a server without 8BITMIME cannot take is converted, unless the operator does not want it or
/// its headers are in UTF-8, which nothing makes 7-bit. What then has octets above 127 goes as it is, as in Postfix.
fn body(delivery: &Delivery<'_>, facts: &EhloFacts) -> Result<Body, Abort> {
    let request = delivery.request;
    match request.body {
        job::Body::SevenBit => return Ok(Body::SevenBit),
        job::Body::EightBitMime if facts.offers(Extension::EightBitMime) => return Ok(Body::EightBitMime),
        job::Body::Unset if facts.offers(Extension::EightBitMime) => return Ok(Body::Undeclared),
        job::Body::EightBitMime | job::Body::Unset => {}
    }
    if delivery.context.config.content.disable_conversion || request.smtputf8 == job::SmtpUtf8::Needed {
        return Ok(Body::Undeclared);
    }
    let mut survey = Survey::new(&limits(delivery));
    let mut reader = delivery.mail.reader();
    while !survey.is_too_deep() {
        match reader.next_chunk() {
            Ok(Some(chunk)) => survey.feed(chunk),
            Ok(None) => break,
            Err(error) => return Err(unreadable(delivery, &error)),
        }
    }
    survey.finish();
    match (survey.is_eight_bit(), survey.is_too_deep()) {
        (_, true) => Err(Abort::NestedTooDeep),
        (true, false) => Ok(Body::Converted),
        (false, false) => Ok(Body::Undeclared),
    }
}

/// All that will be asked about addresses in headers.
fn headers(delivery: &Delivery<'_>, generic: &Generic) -> Result<HashMap<String, Option<String>>, Abort> {
    // Checks speak once, when the header goes out.
    let (generic, checks, queue_id) = (Some(generic), None, &*delivery.request.queue_id);
    let mut asked = Asked { generic, checks, queue_id, known: HashMap::new() };
    let mut filter = Filter::new(&limits(delivery), Conversion::None);
    let mut reader = delivery.mail.reader();
    let mut unused = Vec::new();
    while !filter.is_past_headers() {
        match reader.next_chunk() {
            Ok(Some(chunk)) => filter.feed(chunk, &mut asked, &mut unused),
            Ok(None) => break,
            Err(error) => return Err(unreadable(delivery, &error)),
        }
        .map_err(|error| failed(delivery, &error))?;
        unused.clear();
    }
    if !filter.is_past_headers() {
        filter.finish(&mut asked, &mut unused).map_err(|error| failed(delivery, &error))?;
    }
    Ok(asked.known)
}

/// Addresses of headers, asked once each as far as there is room, and what tables of checks say.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) generic: Option<&'a Generic>,
    pub(super) checks: Option<&'a Checks>,
    pub(super) queue_id: &'a str,
    pub(super) known: HashMap<String, Option<String>>,
}

/// A table could not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Generic(#[from] GenericError),
    #[error(transparent)]
    Check(#[from] TableError),
}

impl mime::Editor for Asked<'_> {
    type Error = AskError;

    fn rewrite(&mut self, address: &str) -> Result<Option<String>, AskError> {
        let Some(generic) = self.generic else { return Ok(None) };
        if let Some(known) = self.known.get(address) {
            return Ok(known.clone());
        }
        let Some(plain) = mime::without_quotes(address) else { return Ok(None) };
        let new = generic.rewrite(&plain)?.map(|new| mime::with_quotes(&new));
        if self.known.len() < KEPT {
            self.known.insert(address.to_owned(), new.clone());
        }
        Ok(new)
    }

    fn header(&mut self, class: mime::Class, text: &[u8]) -> Result<mime::Check, AskError> {
        let Some(checks) = self.checks else { return Ok(mime::Check::Keep) };
        Ok(checks.header(self.queue_id, class, text)?)
    }

    fn checks_headers(&self) -> bool {
        self.checks.is_some_and(Checks::has_headers)
    }

    fn line(&mut self, text: &[u8]) -> Result<mime::Check, AskError> {
        let Some(checks) = self.checks else { return Ok(mime::Check::Keep) };
        Ok(checks.line(self.queue_id, text)?)
    }

    fn checks_lines(&self) -> bool {
        self.checks.is_some_and(Checks::has_body)
    }
}

/// The operator learns why; the server's side of the story is that of a local error.
pub(super) fn failed(delivery: &Delivery<'_>, error: &dyn std::fmt::Display) -> Abort {
    tracing::warn!("{}: {error}", delivery.request.queue_id);
    Abort::LocalData
}

pub(super) fn unreadable(delivery: &Delivery<'_>, error: &std::io::Error) -> Abort {
    tracing::error!("{}: cannot read the message: {error}", delivery.request.queue_id);
    Abort::UnreadableContent
}
