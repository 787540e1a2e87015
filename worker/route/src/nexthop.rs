//! Next-hop text, as requests and the configuration write it.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::hostname::{Host, HostName, Utf8Names};
use crate::services::Services;

/// Longest path of a Unix-domain socket, in octets: `sun_path` without its final zero.
pub const LONGEST_SOCKET_PATH: usize = 107;

/// Whose destination syntax it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Domains have exchangers; `unix:` and `inet:` mean nothing.
    Smtp,
    /// Names are hosts; `unix:` and `inet:` are understood.
    Lmtp,
}

/// What is needed to read destinations.
#[derive(Clone, Copy, Debug)]
pub struct Syntax<'a> {
    /// SMTP or LMTP.
    pub dialect: Dialect,
    /// `smtputf8_enable`.
    pub utf8: Utf8Names,
    /// For ports by name.
    pub services: &'a Services,
}

/// How the place is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A domain: its mail exchangers are asked for. A number is possible here (`1.2.3.4` without brackets).
    Mx(Host),
    /// A host: only its addresses are asked for.
    Host(HostName),
    /// An address: nothing is asked.
    Literal(IpAddr),
    /// A stream socket in the file system; a relative path counts from the queue directory.
    Unix(PathBuf),
}

/// One place that mail is to be handed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nexthop {
    text: String,
    kind: Kind,
    domain: String,
    form: Form,
    service: Option<String>,
    port: Option<u16>,
}

/// Why a text is not a destination. Each leads to a deferral with 4.3.5.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NexthopError {
    /// Nothing but separators.
    #[error("missing host information in server description: {0}")]
    NoHost(String),
    /// `[` without `]`.
    #[error("missing \"]\" in server description: {0}")]
    Unclosed(String),
    /// Something other than `:service` after `]`.
    #[error("garbage after \"]\" in server description: {0}")]
    AfterBracket(String),
    /// Neither a host name nor an address.
    #[error("valid hostname or network address required in server description: {0}")]
    NotAHost(String),
    /// Begins with a digit and is not a number from 1 to 65535.
    #[error("malformed service in server description: {0}")]
    MalformedService(String),
    /// Not in the list of services.
    #[error("unknown service: {service}/tcp in server description: {text}")]
    UnknownService {
        /// As written.
        service: String,
        /// The whole destination.
        text: String,
    },
    /// Empty, or longer than a socket address holds.
    #[error("Server configuration error")]
    SocketPath(String),
}

impl Nexthop {
    /// Reads a list of destinations, separated by commas or blanks, tried from left to right.
    ///
    /// `unix:path` takes the whole text, so a path may have blanks and commas.
    /// An error anywhere refuses the whole list: a typing mistake must not send mail elsewhere.
    pub fn parse_list(text: &str, syntax: &Syntax<'_>) -> Result<Vec<Self>, NexthopError> {
        if let (Dialect::Lmtp, Some(path)) = (syntax.dialect, text.strip_prefix("unix:")) {
            return unix(text, path).map(|nexthop| vec![nexthop]);
        }
        let list = text
            .split(|c: char| c == ',' || c.is_ascii_whitespace())
            .filter(|part| !part.is_empty())
            .map(|part| Self::parse(part, syntax))
            .collect::<Result<Vec<_>, _>>()?;
        if list.is_empty() { Err(NexthopError::NoHost(text.into())) } else { Ok(list) }
    }

    /// Reads one destination.
    pub fn parse(text: &str, syntax: &Syntax<'_>) -> Result<Self, NexthopError> {
        let mut rest = text;
        if syntax.dialect == Dialect::Lmtp {
            if let Some(path) = text.strip_prefix("unix:") {
                return unix(text, path);
            }
            rest = text.strip_prefix("inet:").unwrap_or(text);
        }
        let parts = split(rest)?;
        let host = Host::parse(parts.host, syntax.utf8).ok_or_else(|| NexthopError::NotAHost(text.into()))?;
        let kind = match (syntax.dialect, parts.form, host) {
            (Dialect::Smtp, Form::Bare, host) => Kind::Mx(host),
            (_, _, Host::Name(name)) => Kind::Host(name),
            (_, _, Host::Address(address)) => Kind::Literal(address),
        };
        let port = parts.service.map(|service| port(service, text, syntax.services)).transpose()?;
        Ok(Self {
            text: rest.into(),
            kind,
            domain: parts.host.into(),
            form: parts.form,
            service: parts.service.map(Into::into),
            port,
        })
    }

    /// As written, without `inet:`; for logs, tables that know ports and brackets, and cache keys.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the place is found.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The host or domain as written, without brackets and port, for table lookups; the path of a socket.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether it was written without brackets: a domain, whatever is looked up for it.
    pub fn is_bare(&self) -> bool {
        self.form == Form::Bare
    }

    /// The service as written, if any was.
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// The port asked for, else `default`.
    pub fn port_or(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }
}

fn unix(text: &str, path: &str) -> Result<Nexthop, NexthopError> {
    if path.is_empty() || path.len() > LONGEST_SOCKET_PATH || path.contains('\0') {
        return Err(NexthopError::SocketPath(text.into()));
    }
    Ok(Nexthop {
        text: text.into(),
        kind: Kind::Unix(path.into()),
        domain: path.into(),
        form: Form::Bracketed,
        service: None,
        port: None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bare,
    Bracketed,
}

struct Parts<'a> {
    host: &'a str,
    form: Form,
    /// `None` also for `host:`, which means the default service.
    service: Option<&'a str>,
}

fn split(text: &str) -> Result<Parts<'_>, NexthopError> {
    let (host, form, service) = match text.strip_prefix('[') {
        Some(inside) => {
            let (host, after) = inside.split_once(']').ok_or_else(|| NexthopError::Unclosed(text.into()))?;
            let service = match after.strip_prefix(':') {
                None if after.is_empty() => None,
                None => return Err(NexthopError::AfterBracket(text.into())),
                service => service,
            };
            (host, Form::Bracketed, service)
        }
        None => match text.rsplit_once(':') {
            Some((host, service)) => (host, Form::Bare, Some(service)),
            None => (text, Form::Bare, None),
        },
    };
    if host.is_empty() {
        return Err(NexthopError::NoHost(text.into()));
    }
    Ok(Parts { host, form, service: service.filter(|service| !service.is_empty()) })
}

fn port(service: &str, text: &str, services: &Services) -> Result<u16, NexthopError> {
    if service.starts_with(|c: char| c.is_ascii_digit()) {
        // What begins with a digit is a number or a mistake, never a name: `25smtp`.
        return match service.parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(NexthopError::MalformedService(text.into())),
        };
    }
    services
        .port(service)
        .ok_or_else(|| NexthopError::UnknownService { service: service.into(), text: text.into() })
}

#[cfg(test)]
mod tests;
