//! Lines of a mail log, and to which message they belong.

use std::collections::HashSet;

/// A line that belongs to a message.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Without time, process and queue id; of a delivery line what stands in brackets.
    pub(super) text: String,
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Kind {
    /// The verdict.
    Delivery { relay: String, dsn: String, status: String },
    /// `… TLS connection established to …`.
    Summary,
    /// Anything else.
    Remark,
}

/// The number of the process that wrote a line, and its text, if it was an SMTP client (or wrote for one).
fn taken_apart(line: &str) -> Option<(&str, &str)> {
    let (head, text) = line.split_once("]: ")?;
    let (name, pid) = head.rsplit_once('[')?;
    let service = name.rsplit('/').next()?;
    matches!(service, "smtp" | "lmtp" | "error").then_some((pid, text))
}

/// A log in which each process made one delivery.
#[derive(Debug)]
pub struct Log<'a> {
    /// Number of the process, text.
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Log<'a> {
    /// Takes the lines of SMTP clients out of it.
    pub fn new(log: &'a str) -> Self {
        Self { lines: log.lines().filter_map(taken_apart).collect() }
    }

    /// The lines of the processes that had this recipient.
    pub(super) fn about(&self, recipient: &str) -> Vec<Entry> {
        let mark = format!("to=<{recipient}>, ");
        let had = self.lines.iter().filter(|(_, text)| text.contains(&mark));
        let processes: HashSet<&str> = had.map(|(pid, _)| *pid).collect();
        let own = self.lines.iter().filter(|(pid, _)| processes.contains(pid));
        own.map(|(_, text)| entry(text)).collect()
    }
}

/// Recipients without a verdict.
#[derive(Debug)]
pub struct Pending(HashSet<String>);

impl Pending {
    /// Nobody has one yet.
    pub fn new(recipients: impl Iterator<Item = String>) -> Self {
        Self(recipients.collect())
    }

    /// Takes note of verdicts in these lines; says whether everybody has one.
    pub fn read(&mut self, log: &str) -> bool {
        for line in log.lines().filter(|line| line.contains(" status=")) {
            if let Some((_, rest)) = line.split_once(": to=<")
                && let Some((recipient, _)) = rest.split_once(">, ")
            {
                self.0.remove(recipient);
            }
        }
        self.0.is_empty()
    }
}

fn entry(text: &str) -> Entry {
    if let Some(delivery) = delivery(text) {
        return delivery;
    }
    let summary = text.contains("TLS connection established to") || text.contains("TLS connection reused to");
    let kind = if summary { Kind::Summary } else { Kind::Remark };
    Entry { kind, text: without_queue_id(text).to_owned() }
}

fn delivery(text: &str) -> Option<Entry> {
    let (_, rest) = text.split_once(": to=<")?;
    let (_, rest) = rest.split_once(", relay=")?;
    let (relay, rest) = rest.split_once(", ")?;
    let (_, rest) = rest.split_once("dsn=")?;
    let (dsn, rest) = rest.split_once(", status=")?;
    let (status, rest) = rest.split_once(" (")?;
    let kind = Kind::Delivery { relay: relay.into(), dsn: dsn.into(), status: status.into() };
    Some(Entry { kind, text: rest.strip_suffix(')')?.into() })
}

/// Without `4F1A2B3C: ` at its beginning.
fn without_queue_id(text: &str) -> &str {
    match text.split_once(": ") {
        Some((id, rest))
            if id.len() >= 6 && id.bytes().all(|b| b.is_ascii_alphanumeric()) && !id.contains("warning") =>
        {
            rest
        }
        _ => text,
    }
}

/// Without what is of the library or of this run: places in OpenSSL's source, digests.
pub(super) fn without_details(text: &str) -> String {
    let text = match text.split_once("TLS library problem: ") {
        Some((before, problem)) => {
            format!("{before}TLS library problem: {}", problem.split(':').nth(4).unwrap_or(""))
        }
        None => text.to_owned(),
    };
    let words = text.split_inclusive(|c: char| DELIMITERS.contains(&c));
    words.map(|word| digest(word).unwrap_or_else(|| word.to_owned())).collect()
}

const DELIMITERS: &[char] = &[' ', ',', '=', ')', '"', '|'];

/// `DIGEST` and what follows it, for a word that is one.
fn digest(word: &str) -> Option<String> {
    let digits = word.trim_end_matches(DELIMITERS).trim_end_matches(':');
    let is_one =
        digits.len() >= 32 && digits.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    is_one.then(|| format!("DIGEST{}", &word[digits.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
Nov 26 00:58:23 relay postfix/smtp[7]: Trusted TLS connection established to h[127.0.0.1]:25: TLSv1.3 with cipher X
Nov 26 00:58:23 relay postfix/smtp[8]: warning: of somebody else
Nov 26 00:58:23 relay postfix/smtp[7]: 4F1A2B3C: host h said: 450 later
Nov 26 00:58:23 relay postfix/smtp[7]: 4F1A2B3C: to=<a@d.test>, relay=none, delay=1, delays=0/0/0/1, dsn=4.7.5, status=deferred (no (really))
Nov 26 00:58:23 relay postfix/qmgr[9]: 4F1A2B3C: removed";

    #[test]
    fn lines_belong_to_the_message_of_their_process() {
        let entries = Log::new(LOG).about("a@d.test");
        let texts: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(texts[1..], ["host h said: 450 later", "no (really)"]);
        assert!(matches!(entries[0].kind, Kind::Summary), "{entries:?}");
        assert!(matches!(&entries[2].kind, Kind::Delivery { dsn, .. } if dsn == "4.7.5"), "{entries:?}");
    }

    #[test]
    fn who_has_a_verdict_is_not_waited_for() {
        let mut pending = Pending::new(["a@d.test".to_owned(), "b@d.test".to_owned()].into_iter());
        assert!(!pending.read(LOG));
        assert!(pending.read(&LOG.replace("a@d", "b@d")));
    }

    #[test]
    fn digests_and_places_in_openssl_are_left_out() {
        let digest = "AB:CD:".repeat(16);
        assert_eq!(without_details(&format!("match={digest} x")), "match=DIGEST: x");
        let problem = "TLS library problem: error:0A000410:SSL routines::sslv3 alert:../ssl/record/rec.c:1584:SSL alert 40:";
        assert_eq!(without_details(problem), "TLS library problem: sslv3 alert");
        assert_eq!(without_details("as it was"), "as it was");
    }
}
