//! `socketmap:inet:host:port:name` and `socketmap:unix:/path:name`: a server that is asked by netstrings.
//! socketmap_table(5).

use super::server::{Address, Complete, NoAnswer, Server, shown};
use super::{OpenError, Table, TableError, TableSpec};

/// How long a reply may be, in octets.
const LONGEST_REPLY: usize = 100_000;
/// How many digits its length may have.
const MOST_DIGITS: usize = 9;

#[derive(Debug)]
struct SocketMap {
    spec: TableSpec,
    server: Server,
    /// What the server calls the table.
    name: String,
}

/// Nothing is connected yet: a server that is down must not keep the process from starting.
pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let reason = "expected socketmap:inet:host:port:name or socketmap:unix:/path:name";
    let (address, name) =
        address(spec.name()).ok_or_else(|| OpenError::Name { table: spec.clone(), reason })?;
    Ok(Box::new(SocketMap { spec: spec.clone(), server: Server::new(address), name: name.into() }))
}

fn address(text: &str) -> Option<(Address, &str)> {
    let (server, name) = text.rsplit_once(':')?;
    let address = match server.split_once(':')? {
        ("inet", place) => Address::tcp(place)?,
        ("unix", path) if path.starts_with('/') => Address::Unix(path.into()),
        _ => return None,
    };
    Some((address, name))
}

impl Table for SocketMap {
    /// The key is sent as it is, in whatever case.
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        self.get(key).map_err(|reason| TableError::new(&self.spec, key, reason))
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}

impl SocketMap {
    fn get(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        if key.contains('\0') {
            return Err(NoAnswer::Nul("key"));
        }
        let request = format!("{} {key}", self.name);
        let request = format!("{}:{request},", request.len());
        answer(&self.server.ask(request.as_bytes(), reply)?)
    }
}

/// The inside of a netstring: `length:inside,`.
fn reply(octets: &[u8]) -> Complete<Vec<u8>> {
    let wrong = || NoAnswer::malformed(octets);
    let digits = octets.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (number, rest) = octets.split_at_checked(digits).ok_or_else(wrong)?;
    let Some((&colon, rest)) = rest.split_first() else {
        return if digits <= MOST_DIGITS { Ok(None) } else { Err(wrong()) };
    };
    let number = str::from_utf8(number).ok().filter(|_| colon == b':' && digits <= MOST_DIGITS);
    let length: usize = number.and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    if length > LONGEST_REPLY {
        return Err(NoAnswer::LongReply(LONGEST_REPLY));
    }
    match rest.split_at_checked(length) {
        Some((inside, [b',', ..])) => Ok(Some((inside.to_vec(), digits + 1 + length + 1))),
        Some((_, [_, ..])) => Err(wrong()),
        _ => Ok(None),
    }
}

/// `OK value`, `NOTFOUND`, or what keeps the server from answering.
fn answer(reply: &[u8]) -> Result<Option<String>, NoAnswer> {
    let blank = reply.iter().position(|&octet| octet == b' ');
    let (word, text) = match blank.and_then(|at| reply.split_at_checked(at)) {
        Some((word, text)) => (word, text.get(1..)),
        None => (reply, None),
    };
    match (word, text) {
        (b"OK", Some(value)) if value.contains(&0) => Err(NoAnswer::Nul("value")),
        (b"OK", Some(value)) => String::from_utf8(value.into()).map(Some).map_err(|_| NoAnswer::NotUtf8),
        (b"NOTFOUND", _) => Ok(None),
        (b"TEMP" | b"TIMEOUT" | b"PERM", _) => Err(NoAnswer::Reported(shown(reply))),
        _ => Err(NoAnswer::malformed(reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_is_complete_at_its_comma() {
        let reply = |text: &str| reply(text.as_bytes());
        assert_eq!(reply("5:OK ab,").unwrap(), Some((b"OK ab".to_vec(), 8)));
        assert_eq!(reply("2:OK,7").unwrap(), Some((b"OK".to_vec(), 5)));
        for more in ["", "5", "5:", "5:OK a", "5:OK ab"] {
            assert_eq!(reply(more).unwrap(), None, "{more}");
        }
        for bad in ["x", ":", "5x", "2:OKx", "1234567890", "-1:a,", "5 :"] {
            assert!(matches!(reply(bad), Err(NoAnswer::Malformed(_))), "{bad}");
        }
        assert!(matches!(reply("100001:"), Err(NoAnswer::LongReply(_))));
    }

    #[test]
    fn the_first_word_says_what_a_reply_means() {
        let answer = |text: &str| answer(text.as_bytes());
        assert_eq!(answer("OK a b").unwrap().as_deref(), Some("a b"));
        assert_eq!(answer("OK ").unwrap().as_deref(), Some(""));
        assert_eq!(answer("NOTFOUND ").unwrap(), None);
        assert_eq!(answer("NOTFOUND").unwrap(), None);
        for reply in ["TEMP down", "TIMEOUT ", "PERM no such map", "PERM"] {
            assert!(matches!(answer(reply), Err(NoAnswer::Reported(text)) if text == reply));
        }
        for bad in ["", "OK", "ok a", "OKAY a", "NOT FOUND"] {
            assert!(matches!(answer(bad), Err(NoAnswer::Malformed(_))), "{bad}");
        }
        assert!(matches!(answer("OK a\0b"), Err(NoAnswer::Nul(_))));
    }

    #[test]
    fn names_say_where_the_server_is() {
        let unix = Address::Unix("/run/x:y".into());
        assert_eq!(address("unix:/run/x:y:virtual"), Some((unix, "virtual")));
        let tcp = Address::Tcp { host: "::1".into(), port: 27 };
        assert_eq!(address("inet:[::1]:27:a b"), Some((tcp, "a b")));
        for bad in ["unix:x:y", "unix:/x", "inet:host:name", "host:27:name", "inet:host:27"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_reply_is_read_or_refused(text in "[0-9]{0,7}:?(OK|NOTFOUND|TEMP)? ?[a-z,]{0,20}") {
            if let Ok(Some((inside, length))) = reply(text.as_bytes()) {
                proptest::prop_assert!(length <= text.len());
                _ = answer(&inside);
            }
        }
    }
}
