//! `tcp:host:port`: a server that is asked line by line. tcp_table(5).

use super::server::{Address, Complete, NoAnswer, Server, shown};
use super::{OpenError, Table, TableError, TableSpec};

/// How long a reply may be, in octets, its line end included.
const LONGEST_REPLY: usize = 4096;

#[derive(Debug)]
struct Tcp {
    spec: TableSpec,
    server: Server,
}

/// Nothing is connected yet: a server that is down must not keep the process from starting.
pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let reason = "expected tcp:host:port";
    let address = Address::tcp(spec.name()).ok_or_else(|| OpenError::Name { table: spec.clone(), reason })?;
    Ok(Box::new(Tcp { spec: spec.clone(), server: Server::new(address) }))
}

impl Table for Tcp {
    /// The key is sent as it is, in whatever case.
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        let request = format!("get {}\n", quoted(key));
        let result = self.server.ask(request.as_bytes(), reply).and_then(answer);
        result.map_err(|reason| TableError::new(&self.spec, key, reason))
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}

/// With `%XX` for the sign itself and whatever does not show.
fn quoted(key: &str) -> String {
    let mut quoted = String::with_capacity(key.len());
    for octet in key.bytes() {
        match octet {
            b'!'..=b'~' if octet != b'%' => quoted.push(octet.into()),
            _ => quoted.push_str(&format!("%{octet:02X}")),
        }
    }
    quoted
}

fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            octets.push(first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let digits = str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(octets)
}

/// A line without its end.
fn reply(octets: &[u8]) -> Complete<Vec<u8>> {
    match octets.iter().position(|&octet| octet == b'\n') {
        Some(end) if end < LONGEST_REPLY => Ok(octets.get(..end).map(|line| (line.to_vec(), end + 1))),
        None if octets.len() < LONGEST_REPLY => Ok(None),
        _ => Err(NoAnswer::LongReply(LONGEST_REPLY)),
    }
}

/// `200 value`, `500 text` or `400 text`; as in Postfix the first digit counts.
fn answer(line: Vec<u8>) -> Result<Option<String>, NoAnswer> {
    let wrong = || NoAnswer::malformed(&line);
    let (code, rest) = line.split_first_chunk::<4>().ok_or_else(wrong)?;
    let [class, second, third, blank] = code;
    if ![class, second, third].iter().all(|digit| digit.is_ascii_digit()) || !blank.is_ascii_whitespace() {
        return Err(wrong());
    }
    let text = unquoted(rest).ok_or_else(wrong)?;
    match class {
        b'2' if text.contains(&0) => Err(NoAnswer::Nul("value")),
        b'2' => String::from_utf8(text).map(Some).map_err(|_| NoAnswer::NotUtf8),
        b'4' => Err(NoAnswer::Reported(shown(&text))),
        b'5' => Ok(None),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_quoted() {
        assert_eq!(quoted("a%b c\né@"), "a%25b%20c%0A%C3%A9@");
        assert_eq!(unquoted(b"a%25b%20c%c3%A9 d").unwrap(), "a%b cé d".as_bytes());
        for bad in ["%", "%2", "%2g", "%+1"] {
            assert_eq!(unquoted(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn codes_say_what_a_reply_means() {
        let answer = |line: &str| answer(line.into());
        assert_eq!(answer("200 a%20b").unwrap().as_deref(), Some("a b"));
        assert_eq!(answer("200 ").unwrap().as_deref(), Some(""));
        assert_eq!(answer("500 no%20such%20key").unwrap(), None);
        assert!(matches!(answer("400 try%0Alater"), Err(NoAnswer::Reported(text)) if text == "try\nlater"));
        for bad in ["", "200", "20 x", "2000 x", "300 x", "x00 y", "200 %zz", "500 %"] {
            assert!(matches!(answer(bad), Err(NoAnswer::Malformed(_))), "{bad}");
        }
        assert!(matches!(answer("200 a%00b"), Err(NoAnswer::Nul(_))));
        assert!(matches!(answer("200 %ff"), Err(NoAnswer::NotUtf8)));
    }

    #[test]
    fn names_without_a_port_are_refused() {
        let open = |spec| open(&TableSpec::parse(spec).unwrap());
        for spec in ["tcp:host:", "tcp:host", "tcp:::1:25", "tcp:[::1:25", "tcp:host:0"] {
            assert!(matches!(open(spec), Err(OpenError::Name { .. })), "{spec}");
        }
        for spec in ["tcp:host:25", "tcp:[::1]:25", "tcp:25", "tcp:host:smtp"] {
            assert!(open(spec).is_ok(), "{spec}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_quoted_comes_back(key: String) {
            proptest::prop_assert_eq!(unquoted(quoted(&key).as_bytes()), Some(key.into_bytes()));
        }

        #[test]
        fn any_reply_is_read_or_refused(octets: Vec<u8>) {
            if let Ok(Some((line, length))) = reply(&octets) {
                proptest::prop_assert!(length <= octets.len());
                _ = answer(line);
            }
        }
    }
}
