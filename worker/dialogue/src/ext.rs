//! What a server says of itself in reply to EHLO or LHLO. RFC 5321 §4.1.1.1.

use crate::reply::Reply;
use serde::{Deserialize, Serialize};

/// The facts of one session. All that is kept of the reply, so a session can change hands with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EhloFacts {
    /// The name the server gives itself: the first word of its reply.
    pub server_name: String,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 1870: offered; the limit in octets, if there is one.
    pub size: Option<SizeLimit>,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 2034.
    pub enhanced_status_codes: bool,
    /// RFC 3030.
    pub chunking: bool,
    /// RFC 8689.
    pub requiretls: bool,
    /// RFC 4954: mechanisms separated by blanks, in the server's order.
    pub auth: String,
    /// Postfix's XFORWARD: the attributes, separated by blanks.
    pub xforward: String,
}

/// RFC 1870 §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SizeLimit {
    /// Offered without a fixed limit.
    None,
    /// The largest message, in octets.
    Octets(u64),
}

/// Keywords that are not to be believed (`*_discard_ehlo_keywords`), in any case.
#[derive(Debug, Clone, Default)]
pub struct Discard(Vec<String>);

impl Discard {
    /// A list of keywords.
    pub fn new(keywords: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(keywords.into_iter().map(Into::into).collect())
    }

    fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|discarded| discarded.eq_ignore_ascii_case(keyword))
    }
}

/// How one keyword is read: the words behind it change the facts.
type Read = fn(&mut EhloFacts, &str);

/// Every keyword that means something.
const TABLE: &[(&str, Read)] = &[
    ("8BITMIME", |facts, _| facts.eight_bit_mime = true),
    ("PIPELINING", |facts, _| facts.pipelining = true),
    ("SIZE", |facts, words| facts.size = Some(size(words))),
    ("DSN", |facts, _| facts.dsn = true),
    ("STARTTLS", |facts, _| facts.starttls = true),
    ("ENHANCEDSTATUSCODES", |facts, _| facts.enhanced_status_codes = true),
    ("CHUNKING", |facts, _| facts.chunking = true),
    ("REQUIRETLS", |facts, _| facts.requiretls = true),
    ("AUTH", |facts, words| append(&mut facts.auth, words)),
    ("XFORWARD", |facts, words| append(&mut facts.xforward, words)),
    ("SMTPUTF8", |facts, _| {
        // RFC 6531 §3.1 (item 8): a server with SMTPUTF8 has 8BITMIME, whether it says so or not.
        facts.smtputf8 = true;
        facts.eight_bit_mime = true;
    }),
];

/// The most text kept of a list (mechanisms, attributes), in octets.
const LONGEST_LIST: usize = 1024;

impl EhloFacts {
    /// Reads a positive reply. Unknown keywords mean nothing.
    #[must_use]
    pub fn read(reply: &Reply, discard: &Discard) -> Self {
        let mut lines = reply.text.lines().map(|line| line.get(4..).unwrap_or_default());
        let server_name = lines.next().and_then(|line| line.split_ascii_whitespace().next());
        let mut facts = Self { server_name: server_name.unwrap_or_default().to_owned(), ..Self::default() };
        for line in lines {
            let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
            let (keyword, words) = line.split_at(end);
            if discard.has(keyword) {
                continue;
            }
            if let Some((_, read)) = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(keyword)) {
                read(&mut facts, words.get(1..).unwrap_or_default().trim());
            }
        }
        facts
    }

    /// What HELO tells: the name.
    #[must_use]
    pub fn of_helo(reply: &Reply) -> Self {
        let first = reply.text.lines().next().and_then(|line| line.get(4..)).unwrap_or_default();
        let name = first.split_ascii_whitespace().next().unwrap_or_default();
        Self { server_name: name.to_owned(), ..Self::default() }
    }

    /// The largest message the server says it takes.
    #[must_use]
    pub fn size_limit(&self) -> Option<u64> {
        match self.size {
            Some(SizeLimit::Octets(limit)) => Some(limit),
            Some(SizeLimit::None) | None => None,
        }
    }
}

/// What is no number, and 0, is no limit.
fn size(words: &str) -> SizeLimit {
    let word = words.split_ascii_whitespace().next().unwrap_or_default();
    match word.parse::<u64>() {
        Ok(limit) if limit > 0 => SizeLimit::Octets(limit),
        _ => SizeLimit::None,
    }
}

/// Several lines of one keyword add up, up to a bound.
fn append(list: &mut String, words: &str) {
    for word in words.split_ascii_whitespace() {
        if list.len() + 1 + word.len() > LONGEST_LIST {
            return;
        }
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::ReplyReader;

    fn read(lines: &str, discard: &[&str]) -> EhloFacts {
        let mut reader = ReplyReader::default();
        reader.feed(lines.as_bytes());
        EhloFacts::read(&reader.next_reply().unwrap().unwrap(), &Discard::new(discard.iter().copied()))
    }

    #[test]
    fn a_usual_server() {
        let facts = read(
            "250-mx.example ESMTP\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-starttls\r\n250-AUTH PLAIN LOGIN\r\n\
             250-AUTH=CRAM-MD5\r\n250-X-UNKNOWN a\r\n250-8BITMIME\r\n250 DSN\r\n",
            &[],
        );
        let want = EhloFacts {
            server_name: "mx.example".into(),
            pipelining: true,
            eight_bit_mime: true,
            size: Some(SizeLimit::Octets(1000)),
            dsn: true,
            starttls: true,
            auth: "PLAIN LOGIN CRAM-MD5".into(),
            ..EhloFacts::default()
        };
        assert_eq!(facts, want);
    }

    #[test]
    fn odd_values_mean_no_limit_and_floods_are_bounded() {
        for size in ["SIZE", "SIZE 0", "SIZE x", "SIZE 99999999999999999999"] {
            assert_eq!(read(&format!("250-m\r\n250 {size}\r\n"), &[]).size_limit(), None, "{size}");
        }
        let flood = "250-AUTH MECHANISM\r\n".repeat(200);
        let facts = read(&format!("250-m\r\n{flood}250 OK\r\n"), &[]);
        assert!(facts.auth.len() <= LONGEST_LIST);
        assert!(read("250-m\r\n250 SMTPUTF8\r\n", &[]).eight_bit_mime);
    }

    #[test]
    fn discarded_keywords_are_not_heard() {
        let facts = read("250-m\r\n250-PIPELINING\r\n250 SIZE 5\r\n", &["pipelining"]);
        assert!(!facts.pipelining);
        assert_eq!(facts.size_limit(), Some(5));
    }
}
