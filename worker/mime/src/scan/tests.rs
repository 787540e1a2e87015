//! What the visitor is told, in order.

use super::*;
use std::convert::Infallible;

#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn note(&mut self, text: String) -> Result<(), Infallible> {
        self.0.push(text);
        Ok(())
    }
}

impl Visitor for Notes {
    type Error = Infallible;

    fn header(&mut self, header: Header<'_>, _: Entity) -> Result<(), Infallible> {
        self.note(format!("{:?} {:?}", header.block, String::from_utf8_lossy(header.raw)))
    }

    fn headers_end(&mut self, block: Block, entity: Entity, by: HeadersEnd) -> Result<(), Infallible> {
        self.note(format!("{block:?} ends by {by:?}: {:?} {:?}", entity.kind, entity.domain))
    }

    fn body(&mut self, piece: Piece<'_>, _: Entity) -> Result<(), Infallible> {
        match piece {
            Piece::Text(text) => self.note(format!("{:?}", String::from_utf8_lossy(text))),
            Piece::End(end) => self.note(format!("{end:?}")),
        }
    }

    fn too_deep(&mut self) -> Result<(), Infallible> {
        self.note("too deep".into())
    }
}

fn notes(content: &str) -> Vec<String> {
    let limits = Limits { nesting: 0, ..Limits::default() };
    let (mut scanner, mut notes) = (Scanner::new(&limits), Notes::default());
    let Ok(()) = scanner.feed(content.as_bytes(), &mut notes);
    let Ok(()) = scanner.finish(&mut notes);
    notes.0
}

#[test]
fn headers_come_with_their_folds_and_bodies_in_pieces() {
    assert_eq!(
        notes("A: b\r\n\tc\r\nContent-Transfer-Encoding: binary\n\nx\ry"),
        [
            "Message \"A: b\\r\\n\\tc\\r\\n\"",
            "Message \"Content-Transfer-Encoding: binary\\n\"",
            "Message ends by Blank: Leaf Binary",
            "Lf",
            "\"x\"",
            "\"\\r\"",
            "\"y\"",
        ]
    );
}

#[test]
fn blocks_are_told_apart() {
    assert_eq!(
        notes("Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nA: b\n--b--\n"),
        [
            "Message \"Content-Type: multipart/x; boundary=b\\n\"",
            "Message ends by Blank: Multipart SevenBit",
            "Lf",
            "\"--b\"",
            "Lf",
            "Part \"Content-Type: message/rfc822\\n\"",
            "Part ends by Blank: Message SevenBit",
            "Lf",
            "Nested \"A: b\\n\"",
            "Nested ends by Other: Leaf SevenBit",
            "\"--b--\"",
            "Lf",
        ]
    );
}

#[test]
fn a_message_may_end_anywhere() {
    assert_eq!(notes(""), ["Message ends by Message: Leaf SevenBit"]);
    assert_eq!(notes("A: b"), ["Message \"A: b\"", "Message ends by Message: Leaf SevenBit"]);
    assert_eq!(notes("A"), ["Message ends by Other: Leaf SevenBit", "\"A\""]);
    assert_eq!(notes("\r"), ["Message ends by Other: Leaf SevenBit", "\"\\r\""]);
}

#[test]
fn a_multipart_that_is_too_deep_is_told_once_a_header() {
    let three = "Content-Type: multipart/x; boundary=a; boundary=b; boundary=c; boundary=d\n";
    assert_eq!(notes(three)[0], "too deep");
    assert_eq!(notes(three).iter().filter(|note| *note == "too deep").count(), 1);
}
