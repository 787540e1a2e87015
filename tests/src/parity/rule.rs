//! What a scripted server does instead of the usual: `at VERB[#N][%CONNECTION][@RANK] [TEXT]: ACTION / ACTION …`.
//!
//! VERB is a command's, or `GREETING`, `ANSWER` (what follows a 334), `CONTENT` (the first octets of it), `DOT`; `#N` is its
//! N-th time on a connection, TEXT must be in the line. An action is a reply (`\n` begins its next line, `\c` at its end
//! leaves its line end out), or `usual`, `starttls`, `broken` (nonsense for a handshake), `close`, `reset`, `silence`.

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    verb: String,
    nth: Option<u32>,
    connection: Option<u32>,
    rank: Option<u8>,
    text: String,
    /// What is done, in order.
    pub(super) actions: Vec<Action>,
}

/// A thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// These octets.
    Say(Vec<u8>),
    /// What would be done without the rule.
    Usual,
    /// The handshake.
    StartTls,
    /// Octets in answer to a handshake that are none, and the end.
    Broken,
    /// The end of the connection.
    Close,
    /// A reset.
    Reset,
    /// Nothing more is said.
    Silence,
}

/// Where in the dialogue a server is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The verb, in capitals, or one of the other words.
    pub(super) verb: &'a str,
    /// How often it came on this connection, now included.
    pub(super) nth: u32,
    /// The number of the connection at this server, from 1.
    pub(super) connection: u32,
    /// The server's rank.
    pub(super) rank: u8,
    /// The line.
    pub(super) line: &'a str,
}

impl Rule {
    /// What stands behind `at`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (when, what) = text.split_once(": ").ok_or("no `: `")?;
        let (place, text) = when.split_once(' ').unwrap_or((when, ""));
        let end = place.find(['#', '%', '@']).unwrap_or(place.len());
        let mut rule = Self {
            verb: place[..end].to_owned(),
            nth: None,
            connection: None,
            rank: None,
            text: text.to_owned(),
            actions: Vec::new(),
        };
        let mut rest = &place[end..];
        while !rest.is_empty() {
            let (mark, after) = rest.split_at(1);
            let end = after.find(['#', '%', '@']).unwrap_or(after.len());
            let number: u32 = after[..end].parse().map_err(|_| format!("{rest}: no number"))?;
            match mark {
                "#" => rule.nth = Some(number),
                "%" => rule.connection = Some(number),
                _ => rule.rank = Some(u8::try_from(number).map_err(|_| "no such rank")?),
            }
            rest = &after[end..];
        }
        rule.actions = what.split(" / ").map(action).collect::<Result<_, _>>()?;
        Ok(rule)
    }

    /// It is about this.
    pub(super) fn applies(&self, now: Moment<'_>) -> bool {
        self.verb == now.verb
            && self.nth.is_none_or(|nth| nth == now.nth)
            && self.connection.is_none_or(|connection| connection == now.connection)
            && self.rank.is_none_or(|rank| rank == now.rank)
            && now.line.contains(&self.text)
    }
}

fn action(text: &str) -> Result<Action, String> {
    Ok(match text {
        "usual" => Action::Usual,
        "starttls" => Action::StartTls,
        "broken" => Action::Broken,
        "close" => Action::Close,
        "reset" => Action::Reset,
        "silence" => Action::Silence,
        _ => {
            let bare = text.strip_suffix("\\c");
            let mut octets = unescaped(bare.unwrap_or(text))?;
            if bare.is_none() {
                octets.extend_from_slice(b"\r\n");
            }
            Action::Say(octets)
        }
    })
}

/// `\n` is CRLF; `\l`, `\r`, `\t`, `\0`, `\\`, `\xHH` are one octet, `\*N;C` is N times C.
pub(super) fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        let mark = after.chars().next().ok_or("a lonely backslash")?;
        rest = &after[mark.len_utf8()..];
        match mark {
            'n' => octets.extend_from_slice(b"\r\n"),
            'l' => octets.push(b'\n'),
            'r' => octets.push(b'\r'),
            't' => octets.push(b'\t'),
            '0' => octets.push(0),
            '\\' => octets.push(b'\\'),
            'x' => {
                let digits = rest.get(..2).ok_or("\\x wants two digits")?;
                octets.push(u8::from_str_radix(digits, 16).map_err(|_| "\\x wants two digits")?);
                rest = &rest[2..];
            }
            '*' => {
                let (number, after) = rest.split_once(';').ok_or("\\* wants N;C")?;
                let number: usize = number.parse().map_err(|_| "\\* wants a number")?;
                let what = after.chars().next().ok_or("\\* wants N;C")?;
                octets.extend(std::iter::repeat_n(what as u8, number));
                rest = &after[what.len_utf8()..];
            }
            _ => return Err(format!("\\{mark} is not known")),
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_when_and_what() {
        let rule = Rule::parse("RCPT#2@1 bad@: 550-no\\n550 never / close").unwrap();
        let at = |verb, nth, rank, line| rule.applies(Moment { verb, nth, connection: 1, rank, line });
        assert!(at("RCPT", 2, 1, "RCPT TO:<bad@x>"));
        assert!(!at("RCPT", 1, 1, "RCPT TO:<bad@x>") && !at("RCPT", 2, 2, "RCPT TO:<bad@x>"));
        assert!(!at("RCPT", 2, 1, "RCPT TO:<good@x>"));
        assert_eq!(rule.actions, [Action::Say(b"550-no\r\n550 never\r\n".into()), Action::Close]);
        assert_eq!(Rule::parse("DATA: \\*3;x\\c").unwrap().actions, [Action::Say(b"xxx".into())]);
    }
}
