//! Service extensions: what EHLO or LHLO said, as facts. One file per extension, one row per keyword.

pub(crate) mod auth;
pub(crate) mod chunking;
mod discard;
pub(crate) mod dsn;
pub(crate) mod eightbitmime;
pub(crate) mod enhancedstatus;
pub(crate) mod pipelining;
mod set;
pub(crate) mod size;
pub(crate) mod smtputf8;
pub(crate) mod starttls;
pub(crate) mod xforward;

pub use auth::Standing;
pub use discard::Discard;
pub use set::{Extension, Extensions};
pub use xforward::{ClientSource, OriginalClient};

use crate::reply::Reply;
use serde::{Deserialize, Serialize};

/// How many keywords of one server are looked at.
pub(crate) const MOST_KEYWORDS: usize = 128;
/// How many octets of AUTH mechanisms, or of XFORWARD attributes, are kept.
pub(crate) const LONGEST_LIST: usize = 2048;

/// All that a server said of itself in reply to EHLO, HELO or LHLO. It stays true as long as the session lives, so it
/// travels with the session; STARTTLS makes it void.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EhloFacts {
    /// The first word of the reply, in the server's own spelling; may be empty.
    pub server_name: String,
    /// What it offers, less what is to be ignored.
    pub extensions: Extensions,
    /// The largest message it takes, in octets; `None` where it named no limit. RFC 1870 §4.
    pub size_limit: Option<u64>,
    /// The mechanisms of all AUTH lines, separated by spaces, at most 2048 octets. RFC 4954 §3.
    pub auth: String,
    /// Whether it knows who we are: not said in EHLO, but as true of the session as what was.
    pub standing: Standing,
    /// The attributes of all XFORWARD lines, separated by spaces, at most 2048 octets.
    pub xforward: String,
    /// When it wants the end of a message: found in its greeting.
    pub dot: FinalDot,
}

/// When the final dot follows the text of a message (`smtp_pix_workarounds`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinalDot {
    /// With the last of the text.
    #[default]
    AtOnce,
    /// After a while, in a segment of its own: `delay_dotcrlf`.
    Late,
}

/// Something odd that the administrator may want to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The limit of SIZE is no number; it is taken as no limit.
    BadSizeLimit(String),
    /// SMTPUTF8 without the 8BITMIME that it requires (RFC 6531 §3.1); 8BITMIME is assumed.
    Utf8WithoutEightBit,
    /// There were so many of these that some were left out.
    TooMuch(&'static str),
}

/// One keyword of an EHLO reply.
pub(crate) struct Keyword {
    pub(crate) word: &'static str,
    pub(crate) extension: Extension,
    /// Takes what follows the keyword.
    pub(crate) read: fn(&mut EhloFacts, &str, &mut Vec<Remark>),
}

/// Which keywords mean something here.
const TABLE: &[Keyword] = &[
    pipelining::KEYWORD,
    size::KEYWORD,
    eightbitmime::KEYWORD,
    dsn::KEYWORD,
    smtputf8::KEYWORD,
    starttls::KEYWORD,
    auth::KEYWORD,
    enhancedstatus::KEYWORD,
    chunking::KEYWORD,
    xforward::KEYWORD,
];

/// For keywords whose presence says all.
pub(crate) fn no_value(_: &mut EhloFacts, _: &str, _: &mut Vec<Remark>) {}

impl EhloFacts {
    /// What a reply to EHLO or LHLO says.
    #[must_use]
    pub fn of_ehlo(reply: &Reply, discard: &Discard) -> (Self, Vec<Remark>) {
        let (mut facts, mut remarks) = (Self::of_helo(reply), Vec::new());
        let mut lines = reply.lines().skip(1);
        for line in lines.by_ref().take(MOST_KEYWORDS) {
            facts.take(line, discard, &mut remarks);
        }
        if lines.next().is_some() {
            remarks.push(Remark::TooMuch("keywords"));
        }
        smtputf8::requires_eight_bit(&mut facts, discard, &mut remarks);
        (facts, remarks)
    }

    /// What a reply to HELO says: a name.
    #[must_use]
    pub fn of_helo(reply: &Reply) -> Self {
        let name = reply.first_line().split_ascii_whitespace().next().unwrap_or_default();
        Self { server_name: name.to_owned(), ..Self::default() }
    }

    /// Whether the server offers it.
    #[must_use]
    pub const fn offers(&self, extension: Extension) -> bool {
        self.extensions.contains(extension)
    }

    fn take(&mut self, line: &str, discard: &Discard, remarks: &mut Vec<Remark>) {
        let line = line.trim_ascii();
        // `AUTH=LOGIN` is an old form of `AUTH LOGIN`.
        let (word, value) = line.split_once([' ', '=']).unwrap_or((line, ""));
        let Some(row) = TABLE.iter().find(|row| row.word.eq_ignore_ascii_case(word)) else { return };
        if !discard.contains(row.extension) {
            self.extensions.insert(row.extension);
            (row.read)(self, value.trim_ascii(), remarks);
        }
    }
}

/// Adds words to a list of words that stays within [`LONGEST_LIST`].
pub(crate) fn append_words(list: &mut String, words: &str, what: &'static str, remarks: &mut Vec<Remark>) {
    for word in words.split_ascii_whitespace() {
        if list.len() + 1 + word.len() > LONGEST_LIST {
            let remark = Remark::TooMuch(what);
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
            return;
        }
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(word);
    }
}

#[cfg(test)]
mod tests;
