//! Log lines in the shape that operators' tools read: `Nov 23 03:27:03 host baton/smtp[123]: text`.

pub mod delivery;

use jiff::tz::TimeZone;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Sends all events of this process to standard error, one write a line, as `name/service[pid]`.
///
/// `name` is `syslog_name`; an event with a field `service` says for which service it speaks.
/// Only the first call of a process has an effect.
pub fn to_stderr(name: &str, service: &'static str) {
    let format = Maillog::new(name, service);
    let _already_set = tracing_subscriber::fmt()
        .event_format(format)
        .with_writer(std::io::stderr)
        .with_max_level(Level::INFO)
        .try_init();
}

/// The line format; everything that does not change is made once.
struct Maillog {
    zone: TimeZone,
    /// `host name/`
    origin: String,
    service: &'static str,
    /// `[pid]: `
    process: String,
}

impl Maillog {
    fn new(name: &str, service: &'static str) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host = host.split('.').next().unwrap_or("localhost").to_owned();
        let process = format!("[{}]: ", std::process::id());
        Self { zone: TimeZone::system(), origin: format!("{host} {name}/"), service, process }
    }
}

impl<S, N> FormatEvent<S, N> for Maillog
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = jiff::Timestamp::now().to_zoned(self.zone.clone());
        let mut text = Text::default();
        event.record(&mut text);
        write!(line, "{} {}", now.strftime("%b %e %H:%M:%S"), self.origin)?;
        line.write_str(text.service.as_deref().unwrap_or(self.service))?;
        line.write_str(&self.process)?;
        match *event.metadata().level() {
            Level::ERROR => line.write_str("error: ")?,
            Level::WARN => line.write_str("warning: ")?,
            _ => {}
        }
        write_one_line(&mut line, &text.message)?;
        line.write_char('\n')
    }
}

/// The event's text, and whom it speaks for; other fields are for other subscribers.
#[derive(Default)]
struct Text {
    message: String,
    service: Option<String>,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "service" => self.service = Some(value.to_owned()),
            "message" => self.message.push_str(value),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            use fmt::Write;
            // Writing into a String cannot fail.
            let _never = write!(self.message, "{value:?}");
        }
    }
}

/// Passes text on with control characters made harmless: a log event is one line.
fn write_one_line(line: &mut Writer<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(char::is_control) {
        let (clean, tail) = rest.split_at(at);
        line.write_str(clean)?;
        let mut chars = tail.chars();
        line.write_char(if chars.next() == Some('\n') { ' ' } else { '?' })?;
        rest = chars.as_str();
    }
    line.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_the_shape_and_stays_one_line() {
        let captured = Captured::default();
        let sink = captured.clone();
        let format = Maillog {
            zone: TimeZone::UTC,
            origin: "mx baton/".into(),
            service: "smtp",
            process: "[7]: ".into(),
        };
        let subscriber =
            tracing_subscriber::fmt().event_format(format).with_writer(move || sink.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("said: 550\r\nNov 1 forged\u{1b}[0m");
        });
        let line = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        assert!(line.ends_with(" mx baton/smtp[7]: warning: said: 550? Nov 1 forged?[0m\n"), "{line:?}");
        assert_eq!(line.matches('\n').count(), 1);
        let stamp = line.split(" mx ").next().unwrap();
        assert_eq!(stamp.len(), "Nov 23 03:27:03".len());
    }
}
