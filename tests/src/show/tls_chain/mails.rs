//! The messages of a chain: contents whose ends meet the ends of TLS records, and others.

use crate::mail::{self, Mail};
use crate::peer::Kind;
use crate::sink::Record;

/// A record holds up to 16384 octets, the worker reads 65536 at once, and `.` CR LF may share a record with the end.
const EXACT: [usize; 12] =
    [16_380, 16_381, 16_382, 16_383, 16_384, 16_385, 16_386, 65_535, 65_536, 65_537, 131_072, 1 << 20];

/// Nothing after the header.
pub(super) fn empty() -> Mail {
    numbered(0, b"")
}

/// So many more, of every exact size on the wire at least; `trace` octets are put before each.
pub(super) fn of_all_sizes(number: usize, trace: usize) -> Vec<Mail> {
    assert!(number > EXACT.len() + 1, "{number} messages are too few for all sizes");
    let exact = EXACT.iter().enumerate().map(|(n, size)| {
        let header = numbered(n + 1, b"").content.len() + trace;
        numbered(n + 1, &filler(n, size - header))
    });
    let one = numbered(EXACT.len() + 1, b"x\r\n");
    let others = (EXACT.len() + 2..=number).map(|n| numbered(n, &mail::body(n as u64, n * 397 % 24_000)));
    exact.chain([one]).chain(others).collect()
}

/// Which exact sizes did not come over the wire, if the server records them.
pub(super) fn missed(kind: Kind, record: &Record) -> Vec<usize> {
    let came = |size: &usize| record.messages.iter().any(|message| message.size == *size as u64);
    match kind {
        Kind::Rustls => EXACT.into_iter().filter(|size| !came(size)).collect(),
        // Behind these there are trace fields of theirs.
        Kind::Postfix | Kind::Gnutls => Vec::new(),
    }
}

/// Names of equal length, so that trace fields are.
fn numbered(n: usize, body: &[u8]) -> Mail {
    Mail::new(&format!("u{n:04}@d.test"), &format!("{n:04}@client.test"), body)
}

/// Exactly so many octets in lines, none of which begins with a dot.
fn filler(seed: usize, length: usize) -> Vec<u8> {
    const LINE: usize = 80;
    let mut body = Vec::with_capacity(length);
    while body.len() < length {
        let left = length - body.len();
        let line = if left < LINE + 2 { left } else { LINE };
        let letters =
            (2..line).map(|at| b'a' + u8::try_from((at * (seed + 3) + body.len()) % 26).expect("below 26"));
        let letters: Vec<u8> = letters.collect();
        body.extend(letters);
        body.extend_from_slice(b"\r\n");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_have_exactly_the_sizes_asked_for() {
        let mails = of_all_sizes(51, 200);
        assert_eq!(mails.len(), 51);
        for (mail, size) in mails.iter().zip(EXACT) {
            assert_eq!(mail.content.len() + 200, size);
            assert!(mail.content.ends_with(b"\r\n") && !mail.content.windows(2).any(|two| two == b"\n."));
        }
    }
}
