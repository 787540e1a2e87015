//! Content made by hand: lines, continued lines, pointers, damage.

use super::*;
use proptest::prelude::*;

fn record(file: &mut Vec<u8>, kind: u8, payload: &[u8]) -> u64 {
    let at = file.len() as u64;
    file.push(kind);
    let mut length = payload.len();
    while length >= 0x80 {
        file.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    file.push(u8::try_from(length).unwrap());
    file.extend_from_slice(payload);
    at
}

fn pointer(file: &mut Vec<u8>, target: u64) -> u64 {
    record(file, b'p', format!("{target:15}").as_bytes())
}

fn read(file: &[u8], offset: u64) -> Result<Vec<u8>, ContentError> {
    let mut content = Content::new(file, offset, 100);
    let mut read = Vec::new();
    while let Some(piece) = content.next_piece()? {
        read.extend_from_slice(piece);
    }
    assert!(content.is_at_end());
    Ok(read)
}

fn message(records: &[(u8, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (kind, payload) in records {
        record(&mut file, *kind, payload);
    }
    file
}

#[test]
fn lines_get_their_ends_and_continued_lines_only_one() {
    let file = message(&[(b'N', b"a"), (b'N', b""), (b'L', b"b"), (b'L', b"c"), (b'N', b"d"), (b'X', b"")]);
    assert_eq!(read(&file, 0).unwrap(), b"a\r\n\r\nbcd\r\n");
}

#[test]
fn a_last_line_without_end_gets_one() {
    let file = message(&[(b'N', b"a"), (b'L', b"b"), (b'X', b"")]);
    assert_eq!(read(&file, 0).unwrap(), b"a\r\nb\r\n");
    assert_eq!(read(&message(&[(b'X', b"")]), 0).unwrap(), b"");
}

#[test]
fn a_message_longer_than_what_is_read_at_once_comes_out_whole() {
    let lines: Vec<_> = (0..3000_usize).map(|number| "x".repeat(number * 7 % 400)).collect();
    let mut file = Vec::new();
    for line in &lines {
        record(&mut file, b'N', line.as_bytes());
    }
    record(&mut file, b'N', "y".repeat(100_000).as_bytes());
    record(&mut file, b'X', b"");
    assert!(file.len() > 500_000);
    let want = lines.join("\r\n") + "\r\n" + &"y".repeat(100_000) + "\r\n";
    assert!(read(&file, 0).unwrap() == want.into_bytes());
}

#[test]
fn short_lines_come_many_at_once() {
    let lines: Vec<_> = (0..4000_usize).map(|number| "x".repeat(number % 0x80)).collect();
    let records: Vec<_> =
        lines.iter().map(|line| (b'N', line.as_bytes())).chain([(b'X', &b""[..])]).collect();
    let file = message(&records);
    let mut content = Content::new(file.as_slice(), 0, file.len() as u64);
    let (mut pieces, mut text) = (0, Vec::new());
    while let Some(piece) = content.next_piece().unwrap() {
        pieces += 1;
        text.extend_from_slice(piece);
    }
    assert!(text == (lines.join("\r\n") + "\r\n").into_bytes());
    assert!(pieces <= 2 * file.len().div_ceil(PIECE), "{pieces} pieces: they are copied line by line");
}

#[test]
fn pointers_lead_out_of_the_content_and_back() {
    let mut file = Vec::new();
    let start = record(&mut file, b'N', b"first");
    let hole = pointer(&mut file, 0);
    record(&mut file, b'N', b"replaced");
    let back = record(&mut file, b'N', b"third");
    record(&mut file, b'X', b"");
    record(&mut file, b'E', b"");
    let new = record(&mut file, b'N', b"second");
    pointer(&mut file, back);
    let mut patch = Vec::new();
    pointer(&mut patch, new);
    let hole = usize::try_from(hole).unwrap();
    file[hole..hole + patch.len()].copy_from_slice(&patch);
    assert_eq!(read(&file, start).unwrap(), b"first\r\nsecond\r\nthird\r\n");
}

#[test]
fn room_and_pointers_that_lead_nowhere_are_passed_over() {
    let mut file = Vec::new();
    record(&mut file, b'L', b"a");
    record(&mut file, b'w', &[b'x'; 500]);
    pointer(&mut file, 0);
    record(&mut file, b'N', b"b");
    record(&mut file, b'X', b"");
    assert_eq!(read(&file, 0).unwrap(), b"ab\r\n");
}

#[test]
fn long_records_come_in_pieces() {
    let line = vec![b'y'; 3 * PIECE];
    let file = message(&[(b'N', &line), (b'X', b"")]);
    assert_eq!(read(&file, 0).unwrap(), [line.as_slice(), b"\r\n"].concat());
}

#[test]
fn what_is_no_content_is_an_error_and_never_an_end() {
    let misplaced = message(&[(b'N', b"a"), (b'R', b"x@y"), (b'X', b"")]);
    assert!(matches!(read(&misplaced, 0), Err(ContentError::Misplaced { kind: 'R', at: 3 })));
    let whole = message(&[(b'N', b"abc"), (b'N', b"def"), (b'X', b"")]);
    for end in 0..whole.len() - 1 {
        assert!(matches!(read(&whole[..end], 0), Err(ContentError::Truncated)), "cut at {end}");
    }
    assert!(matches!(read(b"N\xff\xff\xff\xff\xff\x01", 0), Err(ContentError::Length { at: 0 })));
    assert!(matches!(read(&message(&[(b'p', b"x")]), 0), Err(ContentError::Pointer { at: 0 })));
    assert!(matches!(read(&message(&[(b'p', &[b'1'; 33])]), 0), Err(ContentError::Pointer { at: 0 })));
}

#[test]
fn records_in_a_circle_are_left() {
    let mut file = message(&[(b'L', b"again")]);
    pointer(&mut file, 0);
    let at = file.len() as u64;
    record(&mut file, b'N', b"x");
    pointer(&mut file, at);
    assert!(matches!(read(&file, at), Err(ContentError::Circle)));
}

proptest! {
    #[test]
    fn no_octets_do_harm(octets in prop::collection::vec(any::<u8>(), 0..400), offset in 0u64..500) {
        let mut content = Content::new(octets.as_slice(), offset, 100);
        let mut read = 0;
        while let Ok(Some(piece)) = content.next_piece() {
            read += piece.len();
            prop_assert!(read < 400 * 10_001, "bounded by the jumps");
        }
    }

    #[test]
    fn lines_come_out_as_they_went_in(lines in prop::collection::vec("[a-z.]{0,300}", 0..40), at in 1usize..50) {
        let mut file = Vec::new();
        for line in &lines {
            let mut rest = line.as_bytes();
            while rest.len() > at {
                record(&mut file, b'L', &rest[..at]);
                rest = &rest[at..];
            }
            record(&mut file, b'N', rest);
        }
        record(&mut file, b'X', b"");
        let want: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        prop_assert_eq!(read(&file, 0).unwrap(), want.into_bytes());
    }
}
