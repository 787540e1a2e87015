//! Command lines: verb and argument, RFC 5321 §4.1.1.

use crate::reply::Reply;

/// What the client asks for. The order is that of Postfix's command statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Helo,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    /// A command of SMTP that is not done here.
    NotImplemented,
    /// `BDAT`: as above, but octets that are no commands follow it at once (RFC 3030 §2).
    Chunk,
    /// Another protocol's: a browser or proxy that was led here.
    Foreign,
    /// Anything else.
    Unknown,
}

/// One line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command<'l> {
    pub(crate) verb: Verb,
    /// What follows the verb, without blanks around it.
    pub(crate) argument: &'l str,
}

impl<'l> Command<'l> {
    /// Takes a line without CRLF. Verbs may be in any case (RFC 5321 §2.4).
    pub(crate) fn parse(line: &'l [u8]) -> Result<Self, Reply> {
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(Reply::new(500, "5.5.2", "Error: control character in a command"));
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return Err(Reply::new(500, "5.6.7", "Error: command is neither ASCII nor UTF-8"));
        };
        let text = text.trim_ascii_end();
        let (verb, argument) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let verb = Verb::named(verb);
        // Only addresses may have other characters, RFC 6531 §3.3.
        if !text.is_ascii() && !matches!(verb, Verb::Mail | Verb::Rcpt) {
            return Err(Reply::new(
                500,
                "5.6.7",
                "Error: characters outside ASCII in a command without address",
            ));
        }
        Ok(Self { verb, argument: argument.trim_ascii_start() })
    }
}

impl Verb {
    fn named(text: &str) -> Self {
        let known = VERBS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map_or(Self::Unknown, |(_, verb)| *verb)
    }

    /// For logs; a constant, so that nothing a client said gets there.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotImplemented | Self::Foreign | Self::Unknown => "UNKNOWN",
            verb => VERBS.iter().find(|(_, known)| *known == verb).map_or("UNKNOWN", |(name, _)| name),
        }
    }
}

const VERBS: &[(&str, Verb)] = &[
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("RSET", Verb::Rset),
    ("EHLO", Verb::Ehlo),
    ("HELO", Verb::Helo),
    ("QUIT", Verb::Quit),
    ("NOOP", Verb::Noop),
    ("VRFY", Verb::Vrfy),
    ("HELP", Verb::Help),
    ("BDAT", Verb::Chunk),
    ("ETRN", Verb::NotImplemented),     // RFC 1985
    ("EXPN", Verb::NotImplemented),     // RFC 5321 §3.5
    ("TURN", Verb::NotImplemented),     // RFC 5321 appendix F.1
    ("ATRN", Verb::NotImplemented),     // RFC 2645
    ("SEND", Verb::NotImplemented),     // RFC 5321 appendix F.6
    ("SOML", Verb::NotImplemented),     // likewise
    ("SAML", Verb::NotImplemented),     // likewise
    ("AUTH", Verb::NotImplemented),     // RFC 4954
    ("STARTTLS", Verb::NotImplemented), // RFC 3207
    ("BURL", Verb::NotImplemented),     // RFC 4468
    ("LHLO", Verb::NotImplemented),     // RFC 2033
    ("XCLIENT", Verb::NotImplemented),  // Postfix
    ("XFORWARD", Verb::NotImplemented), // Postfix
    ("GET", Verb::Foreign),
    ("POST", Verb::Foreign),
    ("PUT", Verb::Foreign),
    ("HEAD", Verb::Foreign),
    ("DELETE", Verb::Foreign),
    ("OPTIONS", Verb::Foreign),
    ("PATCH", Verb::Foreign),
    ("TRACE", Verb::Foreign),
    ("CONNECT", Verb::Foreign),
    ("PRI", Verb::Foreign),   // HTTP/2
    ("PROXY", Verb::Foreign), // the PROXY protocol, which is not expected here
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verb_and_argument() {
        for (line, verb, argument) in [
            ("DATA", Verb::Data, ""),
            ("dAtA  ", Verb::Data, ""),
            ("mail FROM:<a@b>  SIZE=1\t", Verb::Mail, "FROM:<a@b>  SIZE=1"),
            ("HELO\t x", Verb::Helo, "x"),
            ("starttls", Verb::NotImplemented, ""),
            ("GET / HTTP/1.1", Verb::Foreign, "/ HTTP/1.1"),
            ("DATAx", Verb::Unknown, ""),
            ("", Verb::Unknown, ""),
            (" DATA", Verb::Unknown, "DATA"),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(Command { verb, argument }), "{line:?}");
        }
    }

    #[test]
    fn lines_that_are_no_text_are_refused() {
        for line in [&b"NOOP \0"[..], b"NOOP \x1b[0m", b"NOOP \x7f", b"NOOP \xff", "NOOP é".as_bytes()] {
            assert_eq!(Command::parse(line).map_err(|reply| reply.code()), Err(500), "{line:?}");
        }
    }
}
