//! Which transport and next hop an address has in `transport_maps`.

use super::{Answer, ParentMatch, TableError, Tables};
use crate::value::TransportNexthop;

/// What a transport table says about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportEntry {
    /// `:` alone: as if the table did not exist.
    Unchanged,
    /// `:nexthop`: the transport stays as it would be without the table.
    Nexthop(String),
    /// `transport:` or `transport:nexthop`; without next hop it is the recipient's domain.
    Transport(TransportNexthop),
}

impl TransportEntry {
    /// Reads a table's value.
    pub fn parse(value: &str) -> Self {
        let (transport, nexthop) = value.split_once(':').unwrap_or((value, ""));
        let (transport, nexthop) = (transport.trim(), nexthop.trim());
        match (transport.is_empty(), nexthop.is_empty()) {
            (true, true) => Self::Unchanged,
            (true, false) => Self::Nexthop(nexthop.into()),
            (false, empty) => Self::Transport(TransportNexthop {
                transport: transport.into(),
                nexthop: (!empty).then(|| nexthop.into()),
            }),
        }
    }

    /// The route, given the one that would hold without the table.
    pub fn apply(self, without: TransportNexthop) -> TransportNexthop {
        match self {
            Self::Unchanged => without,
            Self::Nexthop(nexthop) => {
                TransportNexthop { transport: without.transport, nexthop: Some(nexthop) }
            }
            Self::Transport(route) => route,
        }
    }
}

/// An entry and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportMatch {
    /// What the table says.
    pub entry: TransportEntry,
    /// The key it has.
    pub key: String,
    /// `type:name`.
    pub table: String,
}

/// Looks an address up: the address, the address without extension, the domain, its parents, `*`.
///
/// `delimiters` are the characters of `recipient_delimiter`. `parents` says whether a parent domain is
/// asked for as `.example.org` or as `example.org` (`parent_domain_matches_subdomains`).
/// Errors: a table could not answer; the mail is deferred.
pub fn transport_match(
    tables: &Tables,
    address: &str,
    delimiters: &str,
    parents: ParentMatch,
) -> Result<Option<TransportMatch>, TableError> {
    if tables.is_empty() {
        return Ok(None);
    }
    let found = |key: &str, Answer { table, value }: Answer<'_>| TransportMatch {
        entry: TransportEntry::parse(&value),
        key: key.to_owned(),
        table: table.to_string(),
    };
    if let Some(answer) = tables.find(address)? {
        return Ok(Some(found(address, answer)));
    }
    for key in parts(address, delimiters, parents) {
        if let Some(answer) = tables.find_part(&key)? {
            return Ok(Some(found(&key, answer)));
        }
    }
    Ok(None)
}

/// Every key to ask for after the address itself, most specific first.
fn parts(address: &str, delimiters: &str, parents: ParentMatch) -> Vec<String> {
    let mut keys = Vec::new();
    if let Some((local, domain)) = address.rsplit_once('@') {
        // A delimiter at the very beginning is part of the name.
        let extension = local.char_indices().find(|&(at, c)| at > 0 && delimiters.contains(c));
        if let Some((plain, _)) = extension.and_then(|(at, _)| local.split_at_checked(at)) {
            keys.push(format!("{plain}@{domain}"));
        }
        if !domain.is_empty() {
            keys.push(domain.to_owned());
            keys.extend(parents.keys_above(domain));
        }
    }
    keys.push("*".into());
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TableList;
    use crate::value::Value;

    #[test]
    fn the_search_goes_from_the_address_to_the_wildcard() {
        assert_eq!(
            parts("user+x@a.b.example", "+-", ParentMatch::Dotted),
            ["user@a.b.example", "a.b.example", ".b.example", ".example", "*"]
        );
        assert_eq!(
            parts("user+x@a.b.example", "", ParentMatch::Plain),
            ["a.b.example", "b.example", "example", "*"]
        );
        assert_eq!(parts("+x@[192.0.2.1]", "+", ParentMatch::Dotted), ["[192.0.2.1]", "*"]);
        assert_eq!(parts("postmaster", "+", ParentMatch::Dotted), ["*"]);
    }

    #[test]
    fn empty_parts_keep_or_reset() {
        let without = TransportNexthop::parse("smtp:[relay]", "").unwrap();
        let route = |value: &str| {
            let route = TransportEntry::parse(value).apply(without.clone());
            (route.transport, route.nexthop)
        };
        assert_eq!(route(":"), ("smtp".into(), Some("[relay]".into())));
        assert_eq!(route(":[other]:26"), ("smtp".into(), Some("[other]:26".into())));
        assert_eq!(route("lmtp:"), ("lmtp".into(), None));
        assert_eq!(route("lmtp"), ("lmtp".into(), None));
        assert_eq!(route("lmtp:unix:/x"), ("lmtp".into(), Some("unix:/x".into())));
    }

    #[test]
    fn a_subdomain_entry_does_not_hold_for_the_domain_itself() {
        let tables = TableList::parse("inline:{.example.org=lmtp:, example.net=smtp:[h]}", "").unwrap();
        let tables = tables.open().unwrap();
        let entry = |address| transport_match(&tables, address, "", ParentMatch::Dotted).unwrap();
        let found = entry("u@a.example.org").unwrap();
        assert_eq!(
            (&*found.key, &*found.table),
            (".example.org", "inline:{.example.org=lmtp:, example.net=smtp:[h]}")
        );
        assert_eq!(entry("u@example.org"), None);
        assert_eq!(entry("u@a.example.net"), None);
        assert!(entry("U@EXAMPLE.NET").is_some());
    }

    #[test]
    fn patterns_see_the_address_only() {
        let tables =
            TableList::parse("regexp:{{/^(example\\.org|[*])$/ bad:}, {/@example\\.org$/ lmtp:}}", "")
                .unwrap();
        let tables = tables.open().unwrap();
        let entry = |address| {
            let found = transport_match(&tables, address, "+", ParentMatch::Dotted).unwrap();
            found.map(|found| found.entry)
        };
        assert_eq!(entry("u+x@example.org"), Some(TransportEntry::parse("lmtp:")));
        assert_eq!(entry("u+x@a.example.org"), None);
    }

    #[test]
    fn a_table_error_is_never_not_found() {
        let tables = TableList::parse("fail:down", "").unwrap().open().unwrap();
        assert!(transport_match(&tables, "u@example.org", "", ParentMatch::Dotted).is_err());
    }
}
