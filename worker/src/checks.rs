//! `smtp_header_checks` and its kin: tables that say what becomes of headers and body lines, and the lines they log.

use crate::context::ContextError;
use maincf::tables::{Opener, TableError, TableList, Tables};
use maincf::{DeliveryConfig, Protocol};
use mime::{Check, Class};
use std::borrow::Cow;

/// How much of a header or line is logged, as in Postfix 3.7. Octets.
const SHOWN: usize = 60;

/// The tables, opened.
#[derive(Debug)]
pub struct Checks {
    header: Table,
    mime_header: Table,
    nested_header: Table,
    body: Table,
}

#[derive(Debug)]
struct Table {
    parameter: &'static str,
    tables: Tables,
}

/// What is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Header,
    Body,
}

impl Checks {
    /// The tables; `None` where none is named.
    ///
    /// # Errors
    /// [`ContextError`]: nothing goes out as if they were empty.
    pub fn open(config: &DeliveryConfig, opener: &dyn Opener) -> Result<Option<Self>, ContextError> {
        let content = &config.content;
        let name = |smtp, lmtp| match config.protocol {
            Protocol::Smtp => smtp,
            Protocol::Lmtp => lmtp,
        };
        let checks = Self {
            header: open(name("smtp_header_checks", "lmtp_header_checks"), &content.header_checks, opener)?,
            mime_header: open(
                name("smtp_mime_header_checks", "lmtp_mime_header_checks"),
                &content.mime_header_checks,
                opener,
            )?,
            nested_header: open(
                name("smtp_nested_header_checks", "lmtp_nested_header_checks"),
                &content.nested_header_checks,
                opener,
            )?,
            body: open(name("smtp_body_checks", "lmtp_body_checks"), &content.body_checks, opener)?,
        };
        Ok((checks.has_headers() || checks.has_body()).then_some(checks))
    }

    /// Whether a header is asked about.
    #[must_use]
    pub fn has_headers(&self) -> bool {
        [&self.header, &self.mime_header, &self.nested_header].iter().any(|table| !table.tables.is_empty())
    }

    /// Whether body lines are asked about.
    #[must_use]
    pub fn has_body(&self) -> bool {
        !self.body.tables.is_empty()
    }

    /// What becomes of a header of this message.
    ///
    /// # Errors
    /// A table could not answer.
    pub fn header(&self, queue_id: &str, class: Class, text: &[u8]) -> Result<Check, TableError> {
        let table = match class {
            Class::Primary => &self.header,
            Class::Mime => &self.mime_header,
            Class::Nested => &self.nested_header,
        };
        table.check(queue_id, Where::Header, text)
    }

    /// What becomes of a line of this message's body.
    ///
    /// # Errors
    /// A table could not answer.
    pub fn line(&self, queue_id: &str, text: &[u8]) -> Result<Check, TableError> {
        self.body.check(queue_id, Where::Body, text)
    }
}

fn open(parameter: &'static str, list: &TableList, opener: &dyn Opener) -> Result<Table, ContextError> {
    let tables = list.open_by(opener).map_err(|error| ContextError::Table { parameter, error })?;
    tables.remarks().for_each(|remark| tracing::warn!("{remark}"));
    Ok(Table { parameter, tables })
}

impl Table {
    fn check(&self, queue_id: &str, place: Where, text: &[u8]) -> Result<Check, TableError> {
        if self.tables.is_empty() {
            return Ok(Check::Keep);
        }
        let text = key(text);
        let answer = self.tables.lookup(&text)?;
        Ok(answer.map_or(Check::Keep, |answer| self.act(queue_id, place, &text, &answer)))
    }

    /// Actions other than these belong to where mail comes in.
    fn act(&self, queue_id: &str, place: Where, text: &str, answer: &str) -> Check {
        let (action, rest) = answer.split_once([' ', '\t']).unwrap_or((answer, ""));
        let argument = rest.trim_start();
        let log = |done: &str, argument: &str| {
            tracing::info!("{queue_id}: {done}: {}", shown(place, text, argument));
        };
        match &*action.to_ascii_uppercase() {
            "DUNNO" | "OK" => {}
            "WARN" => log("warning", argument),
            "INFO" => log("info", argument),
            "IGNORE" => return Check::Drop,
            "STRIP" => {
                log("strip", argument);
                return Check::Drop;
            }
            action @ ("REPLACE" | "PREPEND") => {
                if self.is_usable(action, place, argument) {
                    let new = argument.to_owned();
                    log(&action.to_ascii_lowercase(), argument);
                    return if action == "REPLACE" { Check::Replace(new) } else { Check::Prepend(new) };
                }
            }
            _ => tracing::warn!("unsupported command in {} map: {answer}", self.parameter),
        }
        Check::Keep
    }

    /// Text there must be, and among headers it must be one.
    fn is_usable(&self, action: &str, place: Where, text: &str) -> bool {
        let parameter = self.parameter;
        if text.is_empty() {
            tracing::warn!("{action} action without text in {parameter} map");
            false
        } else if place == Where::Header && !mime::is_header(text.as_bytes()) {
            tracing::warn!(
                "bad {action} header text \"{text}\" in {parameter} map -- need \"headername: headervalue\""
            );
            false
        } else {
            true
        }
    }
}

/// Tables take text: what is not UTF-8 in it becomes U+FFFD, and NUL, behind which the C library would see nothing, a
/// space.
fn key(text: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(text);
    if text.contains('\0') { text.replace('\0', " ").into() } else { text }
}

/// `header TEXT: ARGUMENT`, on one line.
fn shown(place: Where, text: &str, argument: &str) -> String {
    let place = match place {
        Where::Header => "header",
        Where::Body => "body",
    };
    let text: String = text
        .char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= SHOWN)
        .map(|(_, c)| if c.is_control() { '?' } else { c })
        .collect();
    if argument.is_empty() { format!("{place} {text}") } else { format!("{place} {text}: {argument}") }
}
