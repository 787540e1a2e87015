//! Lists of attributes in the null encoding: name NUL value NUL … and an empty name at the end.

use crate::text::Text;
use data_encoding::BASE64;

/// The longest list that is read: far above any that Postfix makes.
pub const MAX_LIST: usize = 1 << 20;

/// What was read is no list, or not the one that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttrError {
    /// [`MAX_LIST`] octets and no end.
    #[error("a list of more than {MAX_LIST} octets")]
    TooLong,
    /// The other side left before its end.
    #[error("a list without end")]
    Ended,
    /// Another attribute stands where this one should.
    #[error("unexpected attribute {got:?} (expecting: {want})")]
    Unexpected {
        /// The name it should have.
        want: &'static str,
        /// The name it has.
        got: Text,
    },
    /// The list ends before this attribute.
    #[error("missing attribute {0}")]
    Missing(&'static str),
    /// The value is not of the attribute's kind.
    #[error("attribute {name} has the malformed value {value:?}")]
    Malformed {
        /// Which attribute.
        name: &'static str,
        /// What it says.
        value: Text,
    },
}

/// Octets that few lists exceed.
const USUAL: usize = 512;

/// A list on its way out.
#[derive(Debug, Default)]
pub struct List(Vec<u8>);

impl List {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::with_capacity(USUAL))
    }

    /// A string.
    #[must_use]
    pub fn text(mut self, name: &str, value: &Text) -> Self {
        self.put(name, value.as_bytes());
        self
    }

    /// A string of ours.
    #[must_use]
    pub fn word(mut self, name: &str, value: &str) -> Self {
        // As Text has it.
        self.put(name, value.split('\0').next().unwrap_or_default().as_bytes());
        self
    }

    /// An int: −1 travels as 4294967295.
    #[must_use]
    pub fn int(mut self, name: &str, value: i32) -> Self {
        self.put(name, value.cast_unsigned().to_string().as_bytes());
        self
    }

    /// A long: −1 travels as 18446744073709551615.
    #[must_use]
    pub fn long(mut self, name: &str, value: i64) -> Self {
        self.put(name, value.cast_unsigned().to_string().as_bytes());
        self
    }

    /// Octets of any kind, in base64.
    #[must_use]
    pub fn data(mut self, name: &str, value: &[u8]) -> Self {
        self.put(name, BASE64.encode(value).as_bytes());
        self
    }

    /// What to write, in one write: several readers of Postfix do not wait for a second one.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.0.push(0);
        self.0
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.extend_from_slice(part);
            self.0.push(0);
        }
    }
}

/// Octets as they came, cut into lists.
#[derive(Debug, Default)]
pub struct Incoming(Vec<u8>);

impl Incoming {
    /// More octets came.
    pub fn feed(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    /// Whether nothing is left over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next list, if it is complete.
    ///
    /// # Errors
    /// [`AttrError::TooLong`].
    pub fn next_list(&mut self) -> Result<Option<Fields>, AttrError> {
        let mut rest = self.0.as_slice();
        while let Some((name, after)) = cut(rest) {
            if name.is_empty() {
                let left = after.to_vec();
                let octets = std::mem::replace(&mut self.0, left);
                return Ok(Some(Fields { octets, at: 0 }));
            }
            let Some((_value, after)) = cut(after) else { break };
            rest = after;
        }
        if self.0.len() > MAX_LIST { Err(AttrError::TooLong) } else { Ok(None) }
    }
}

/// Before and after the first NUL.
fn cut(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, octets)?;
    let (before, from) = octets.split_at_checked(end)?;
    Some((before, from.get(1..)?))
}

/// A list that came, taken apart in its order. Nothing is passed over: an attribute that we do not know might change what
/// the others mean.
#[derive(Debug)]
pub struct Fields {
    /// The list, its end, and perhaps something after it that is not looked at.
    octets: Vec<u8>,
    at: usize,
}

impl Fields {
    /// The next attribute, which has this name.
    ///
    /// # Errors
    /// It has not.
    pub fn text(&mut self, want: &'static str) -> Result<Text, AttrError> {
        self.one_of(&[want])
    }

    /// The next attribute, which has one of these names.
    ///
    /// # Errors
    /// It has not.
    pub fn one_of(&mut self, want: &[&'static str]) -> Result<Text, AttrError> {
        self.value(want).map(Text::new)
    }

    /// An int.
    ///
    /// # Errors
    /// It is not there, or no number of 32 bits.
    pub fn int(&mut self, want: &'static str) -> Result<i32, AttrError> {
        let value = self.value(&[want])?;
        int(value).ok_or_else(|| malformed(want, value))
    }

    /// A long.
    ///
    /// # Errors
    /// It is not there, or no number of 64 bits.
    pub fn long(&mut self, want: &'static str) -> Result<i64, AttrError> {
        let value = self.value(&[want])?;
        long(value).ok_or_else(|| malformed(want, value))
    }

    /// Octets.
    ///
    /// # Errors
    /// It is not there, or no base64.
    pub fn data(&mut self, want: &'static str) -> Result<Vec<u8>, AttrError> {
        let value = self.value(&[want])?;
        BASE64.decode(value).map_err(|_| malformed(want, value))
    }

    /// The list has nothing more.
    ///
    /// # Errors
    /// It has.
    pub fn end(mut self) -> Result<(), AttrError> {
        match self.next() {
            None => Ok(()),
            Some((got, _)) => Err(AttrError::Unexpected { want: "(list terminator)", got: Text::new(got) }),
        }
    }

    fn value(&mut self, want: &[&'static str]) -> Result<&[u8], AttrError> {
        let first = want.first().copied().unwrap_or_default();
        match self.next() {
            None => Err(AttrError::Missing(first)),
            Some((name, value)) if want.iter().any(|want| want.as_bytes() == name) => Ok(value),
            Some((got, _)) => Err(AttrError::Unexpected { want: first, got: Text::new(got) }),
        }
    }

    /// `None` at the end.
    fn next(&mut self) -> Option<(&[u8], &[u8])> {
        let (name, after) = cut(self.octets.get(self.at..)?)?;
        let (value, _rest) = cut(after).filter(|_| !name.is_empty())?;
        self.at += name.len() + value.len() + 2;
        Some((name, value))
    }
}

fn malformed(name: &'static str, value: &[u8]) -> AttrError {
    AttrError::Malformed { name, value: Text::new(value) }
}

/// A number of 32 bits, with or without sign, as Postfix writes and scanf(3) reads it.
pub(crate) fn int(value: &[u8]) -> Option<i32> {
    let value = long(value)?;
    let unsigned = u32::try_from(value).ok().map(u32::cast_signed);
    unsigned.or_else(|| i32::try_from(value).ok())
}

fn long(value: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(value).ok()?.trim_start();
    let unsigned = digits.parse::<u64>().ok().map(u64::cast_signed);
    unsigned.or_else(|| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(octets: &[u8]) -> Fields {
        let mut incoming = Incoming::default();
        incoming.feed(octets);
        incoming.next_list().unwrap().unwrap()
    }

    #[test]
    fn a_list_has_one_octet_for_its_end() {
        let list = List::new().word("a", "x").word("b", "").int("c", -1).long("d", -1).data("e", b"\0\x01");
        assert_eq!(list.end(), *b"a\0x\0b\0\0c\x004294967295\0d\x0018446744073709551615\0e\0AAE=\0\0");
    }

    #[test]
    fn numbers_are_read_as_unsigned_or_signed() {
        let mut fields =
            one(b"a\x004294967295\0b\0-1\0c\x0018446744073709551615\0d\0 +7\0e\x002147483648\0\0");
        assert_eq!(fields.int("a"), Ok(-1));
        assert_eq!(fields.int("b"), Ok(-1));
        assert_eq!(fields.long("c"), Ok(-1));
        assert_eq!(fields.long("d"), Ok(7));
        assert_eq!(fields.int("e"), Ok(i32::MIN));
        assert_eq!(fields.end(), Ok(()));
    }

    #[test]
    fn numbers_with_something_behind_them_are_none() {
        for bad in ["7x", "", "-", "4294967296", "0x10", "1 "] {
            let mut fields = one(&List::new().word("a", bad).end());
            assert!(matches!(fields.int("a"), Err(AttrError::Malformed { .. })), "{bad:?}");
        }
    }

    #[test]
    fn an_attribute_out_of_place_is_an_error_wherever_it_stands() {
        let mut fields = one(b"b\x001\0\0");
        let got = Text::from("b");
        assert_eq!(fields.text("a"), Err(AttrError::Unexpected { want: "a", got }));
        assert_eq!(one(b"\0").text("a"), Err(AttrError::Missing("a")));
        assert!(matches!(one(b"b\x001\0\0").end(), Err(AttrError::Unexpected { .. })));
    }

    #[test]
    fn lists_come_out_whole_however_they_came_in() {
        let octets = [List::new().word("a", "1").word("b", "").end(), List::new().end()].concat();
        let mut incoming = Incoming::default();
        let mut lists = 0;
        for octet in &octets {
            incoming.feed(&[*octet]);
            lists += usize::from(incoming.next_list().unwrap().is_some());
        }
        assert_eq!((lists, incoming.is_empty()), (2, true));
    }

    #[test]
    fn a_list_without_end_is_given_up() {
        let mut incoming = Incoming::default();
        incoming.feed(&vec![b'x'; MAX_LIST + 1]);
        assert_eq!(incoming.next_list().unwrap_err(), AttrError::TooLong);
    }
}
