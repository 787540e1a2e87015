//! XFORWARD: which attributes of the original client the server wants to know, and the commands that tell them.

use super::set::Extension;
use super::{EhloFacts, Keyword, Remark, append_words};
use crate::xtext;

pub(super) const KEYWORD: Keyword = Keyword { word: "XFORWARD", extension: Extension::Xforward, read };

fn read(facts: &mut EhloFacts, attributes: &str, remarks: &mut Vec<Remark>) {
    append_words(&mut facts.xforward, attributes, "XFORWARD attributes", remarks);
}

/// Who handed the message in, for XFORWARD. What is empty is not known; of name, address, port and protocol the word
/// `unknown` says the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct OriginalClient<'a> {
    /// Host name.
    pub name: &'a str,
    /// IP address.
    pub address: &'a str,
    /// TCP port.
    pub port: &'a str,
    /// `SMTP`, `ESMTP`, …
    pub protocol: &'a str,
    /// What it called itself in HELO or EHLO.
    pub helo: &'a str,
    /// The queue's word for the message.
    pub ident: &'a str,
    /// Where it was.
    pub source: ClientSource,
}

/// Whether the client was part of this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientSource {
    /// It was.
    #[default]
    Local,
    /// It was not.
    Remote,
}

/// The attributes go in two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// NAME, ADDR, PORT.
    NameAddress,
    /// PROTO, HELO, IDENT, SOURCE.
    ProtocolHelo,
}

/// Appends the command with what the server wants to know and we do; nothing where there is nothing to say.
pub(crate) fn command(facts: &EhloFacts, client: &OriginalClient<'_>, part: Part, out: &mut Vec<u8>) {
    let begin = out.len();
    for (attribute, value) in attributes(client, part) {
        let wanted = facts.xforward.split(' ').any(|word| word.eq_ignore_ascii_case(attribute));
        if value.is_empty() || !wanted {
            continue;
        }
        if out.len() == begin {
            out.extend_from_slice(b"XFORWARD");
        }
        out.push(b' ');
        out.extend_from_slice(attribute.as_bytes());
        out.push(b'=');
        xtext::append(out, &value);
    }
    if out.len() > begin {
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether there is such a command.
pub(crate) fn has(facts: &EhloFacts, client: Option<&OriginalClient<'_>>, part: Part) -> bool {
    let mut out = Vec::new();
    if let Some(client) = client.filter(|_| facts.offers(Extension::Xforward)) {
        command(facts, client, part, &mut out);
    }
    !out.is_empty()
}

fn attributes(client: &OriginalClient<'_>, part: Part) -> Vec<(&'static str, String)> {
    let OriginalClient { name, address, port, protocol, helo, ident, source } = *client;
    let known =
        |value: &str| if value.eq_ignore_ascii_case("unknown") { String::new() } else { value.to_owned() };
    match part {
        Part::NameAddress => {
            // Of addresses only those of IPv6 have a colon; one that is marked already begins with a letter.
            let is_bare = address.contains(':') && !address.starts_with(['I', 'i']);
            let address = if is_bare { format!("IPv6:{address}") } else { known(address) };
            vec![("NAME", known(name)), ("ADDR", address), ("PORT", known(port))]
        }
        Part::ProtocolHelo => {
            let source = match source {
                ClientSource::Local => "LOCAL",
                ClientSource::Remote => "REMOTE",
            };
            let (helo, ident) = (helo.to_owned(), ident.to_owned());
            vec![("PROTO", known(protocol)), ("HELO", helo), ("IDENT", ident), ("SOURCE", source.to_owned())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_and_known_is_said_and_in_xtext() {
        let facts = |list: &str| EhloFacts {
            extensions: [Extension::Xforward].into_iter().collect(),
            xforward: list.to_owned(),
            ..EhloFacts::default()
        };
        let said = |list: &str, client: &OriginalClient<'_>, part| {
            let mut out = Vec::new();
            command(&facts(list), client, part, &mut out);
            assert_eq!(has(&facts(list), Some(client), part), !out.is_empty());
            String::from_utf8(out).unwrap()
        };
        let client = OriginalClient {
            name: "Unknown",
            address: "2001:db8::1",
            helo: "a b+c\r\nRSET",
            source: ClientSource::Remote,
            ..OriginalClient::default()
        };
        assert_eq!(said("addr NAME PORT", &client, Part::NameAddress), "XFORWARD ADDR=IPv6:2001:db8::1\r\n");
        assert_eq!(said("NAME PORT", &client, Part::NameAddress), "");
        let rest = said("PROTO HELO IDENT SOURCE", &client, Part::ProtocolHelo);
        assert_eq!(rest, "XFORWARD HELO=a+20b+2Bc+0D+0ARSET SOURCE=REMOTE\r\n");
        assert!(!has(&facts("SOURCE"), None, Part::ProtocolHelo));
    }
}
