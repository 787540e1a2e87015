//! Memory stays flat, however long a message or a line of it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use mime::{AsTheyAre, Conversion, Filter, Limits};
use std::fs;

const PIECE: usize = 64 * 1024;
/// Thirty megabytes, and what is enough to show growth.
const MANY: usize = 480;
const SOME: usize = 120;

/// The most memory that this process ever had, in KiB.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// So many pieces of `text` below `head`. Returns the longest output of one piece and the sum.
fn pass(pieces: usize, conversion: Conversion, head: &str, text: &[u8]) -> (usize, usize) {
    let piece: Vec<u8> = text.iter().copied().cycle().take(PIECE).collect();
    let (mut filter, mut out) = (Filter::new(&Limits::default(), conversion), Vec::new());
    let (mut longest, mut sum) = (0, 0);
    filter.feed(head.as_bytes(), &mut AsTheyAre, &mut out).unwrap();
    for _ in 0..pieces {
        out.clear();
        filter.feed(&piece, &mut AsTheyAre, &mut out).unwrap();
        longest = longest.max(out.len());
        sum += out.len();
    }
    out.clear();
    filter.finish(&mut AsTheyAre, &mut out).unwrap();
    (longest.max(out.len()), sum + out.len())
}

#[test]
fn thirty_megabytes_need_no_more_than_a_few() {
    const EIGHT: &str = "Content-Transfer-Encoding: 8bit\r\n\r\n";
    const PARTS: &str =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    let lines = b"Some text \xe9 and more of it = \r\n-- not a delimiter\r\n.\r\n";
    let before = peak();
    for (pieces, conversion, head, text) in [
        (MANY, Conversion::SevenBit, EIGHT, &lines[..]),
        (SOME, Conversion::SevenBit, PARTS, &lines[..]),
        (SOME, Conversion::None, PARTS, &lines[..]),
        // One line: of a body, of a header, of a name, of what could be a delimiter, of blanks, of CR.
        (MANY, Conversion::SevenBit, EIGHT, b"\xe9"),
        (MANY, Conversion::None, "\r\n", b"x"),
        (MANY, Conversion::SevenBit, "Subject: ", b"x"),
        (SOME, Conversion::SevenBit, "", b"x"),
        (SOME, Conversion::SevenBit, PARTS, b"-"),
        (SOME, Conversion::SevenBit, EIGHT, b" "),
        (SOME, Conversion::SevenBit, EIGHT, b"........................................\r"),
        (SOME, Conversion::SevenBit, "A: ", b"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n "),
        (SOME, Conversion::SevenBit, "", b"A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"),
        (SOME, Conversion::SevenBit, PARTS, b"--b and what does not matter\r\n"),
        (SOME, Conversion::None, "", b"Content-Type: multipart/x; boundary=b\n\n--b\n"),
    ] {
        let (longest, sum) = pass(pieces, conversion, head, text);
        let label = format!("{conversion:?} {head:?} {text:?}");
        // =XX for each octet, and a soft line break for every 25 of them; a header that was kept.
        assert!(longest <= PIECE * 4 + 102_400 + 2, "{label}: {longest} at once");
        assert!(sum > 0, "{label}");
    }
    let grown = peak() - before;
    assert!(grown < 4 * 1024, "{grown} KiB more");
}
