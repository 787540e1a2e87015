//! Lists of domains: names, `.domain`, files of patterns, tables, and exceptions with `!`.

use std::path::PathBuf;

use super::{Direct, OpenError, Opener, Table, TableError, TableSpec};
use crate::MainCf;
use crate::value::{Value, ValueError, words};

/// How deep files of patterns may name other files.
const DEEPEST: u32 = 8;

/// How a pattern covers the subdomains of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentMatch {
    /// `.example.org` matches subdomains, `example.org` only itself.
    Dotted,
    /// `example.org` matches itself and its subdomains: the list's name is in
    /// `parent_domain_matches_subdomains`.
    Plain,
}

impl ParentMatch {
    /// What `parent_domain_matches_subdomains` says of the list of this name.
    pub fn of(list: &str, cf: &MainCf) -> Self {
        let plain = cf.expanded("parent_domain_matches_subdomains").ok().flatten().unwrap_or_default();
        let plain = plain.split([',', ' ', '\t', '\n']).any(|word| word.eq_ignore_ascii_case(list));
        if plain { Self::Plain } else { Self::Dotted }
    }

    /// The keys under which the domains above `domain` are asked for, nearest first.
    pub(super) fn keys_above(self, domain: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut rest = domain;
        // An address literal has dots but no parents.
        while let Some((_, above)) = rest.split_once('.').filter(|_| !domain.starts_with('[')) {
            match self {
                Self::Dotted => keys.push(format!(".{above}")),
                Self::Plain => keys.push(above.to_owned()),
            }
            rest = above;
        }
        keys
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern<Source> {
    /// `!pattern`: what matches is not in the list.
    excludes: bool,
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Written {
    /// In lower case.
    Domain(String),
    File(PathBuf),
    Table(TableSpec),
}

/// A list as written, not opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainList(Vec<Pattern<Written>>);

impl DomainList {
    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads files and opens tables.
    pub fn open(&self, parents: ParentMatch) -> Result<DomainMatcher, OpenError> {
        self.open_by(parents, &Direct)
    }

    /// The same, as the process wants it.
    pub fn open_by(&self, parents: ParentMatch, opener: &dyn Opener) -> Result<DomainMatcher, OpenError> {
        let mut matcher = DomainMatcher { patterns: Vec::new(), parents };
        matcher.add(self, false, 0, opener)?;
        Ok(matcher)
    }
}

impl Value for DomainList {
    const KIND: &'static str = "list of domains, /file or type:table";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        words(text)?.into_iter().map(pattern).collect::<Result<_, _>>().map(Self)
    }
}

fn pattern(word: &str) -> Result<Pattern<Written>, ValueError> {
    let plain = word.trim_start_matches('!');
    let excludes = (word.len() - plain.len()) % 2 == 1;
    let kind = plain.split_once(':').map(|(kind, _)| kind);
    let is_table = kind.is_some_and(|kind| {
        !kind.is_empty()
            && kind.chars().all(|c| c.is_ascii_alphanumeric())
            && plain.parse::<std::net::IpAddr>().is_err()
    });
    let source = if plain.is_empty() {
        return Err(ValueError::Empty);
    } else if plain.starts_with('/') {
        Written::File(plain.into())
    } else if is_table {
        Written::Table(TableSpec::parse(plain)?)
    } else {
        Written::Domain(plain.to_lowercase())
    };
    Ok(Pattern { excludes, source })
}

#[derive(Debug)]
enum Opened {
    Domain(String),
    Table(Box<dyn Table>),
}

/// By what a domain is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is not.
    No,
    /// By a pattern that is there as text.
    Listed,
    /// By a table.
    InTable,
}

/// A list, opened: says whether a domain is in it.
#[derive(Debug)]
pub struct DomainMatcher {
    patterns: Vec<Pattern<Opened>>,
    parents: ParentMatch,
}

impl DomainMatcher {
    /// Whether the domain is in the list: the first pattern that matches decides.
    ///
    /// Errors: a table could not answer before any pattern matched.
    pub fn matches(&self, domain: &str) -> Result<bool, TableError> {
        self.membership(domain).map(|membership| membership != Membership::No)
    }

    /// Whether no pattern is listed.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// As `matches`, with what it was that matched.
    pub fn membership(&self, domain: &str) -> Result<Membership, TableError> {
        if self.patterns.is_empty() {
            return Ok(Membership::No);
        }
        let domain = domain.to_lowercase();
        let mut keys = vec![domain.clone()];
        keys.extend(self.parents.keys_above(&domain));
        for Pattern { excludes, source } in &self.patterns {
            let (hit, by) = match source {
                Opened::Domain(pattern) => (keys.contains(pattern), Membership::Listed),
                Opened::Table(table) => (has_any(table.as_ref(), &keys)?, Membership::InTable),
            };
            if hit {
                return Ok(if *excludes { Membership::No } else { by });
            }
        }
        Ok(Membership::No)
    }

    fn add(
        &mut self,
        list: &DomainList,
        excluded: bool,
        depth: u32,
        opener: &dyn Opener,
    ) -> Result<(), OpenError> {
        for Pattern { excludes, source } in &list.0 {
            let excludes = *excludes != excluded;
            let source = match source {
                Written::Domain(domain) => Opened::Domain(domain.clone()),
                Written::Table(spec) => Opened::Table(spec.open_by(opener)?),
                Written::File(path) => {
                    self.add_file(path, excludes, depth, opener)?;
                    continue;
                }
            };
            self.patterns.push(Pattern { excludes, source });
        }
        Ok(())
    }

    fn add_file(
        &mut self,
        path: &PathBuf,
        excluded: bool,
        depth: u32,
        opener: &dyn Opener,
    ) -> Result<(), OpenError> {
        if depth >= DEEPEST {
            return Err(OpenError::NestedFiles(path.clone()));
        }
        let text =
            std::fs::read_to_string(path).map_err(|source| OpenError::Io { path: path.clone(), source })?;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let list = DomainList::parse(line, "")
                .map_err(|reason| OpenError::Pattern { path: path.clone(), reason })?;
            self.add(&list, excluded, depth + 1, opener)?;
        }
        Ok(())
    }
}

/// Whether the table has the domain, which comes first, or one above it.
pub(super) fn has_any(table: &dyn Table, keys: &[String]) -> Result<bool, TableError> {
    let most = if table.wants_whole_keys() { 1 } else { keys.len() };
    for key in keys.iter().take(most) {
        if table.lookup(key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn matches(list: &str, parents: ParentMatch, domain: &str) -> bool {
        DomainList::parse(list, "").unwrap().open(parents).unwrap().matches(domain).unwrap()
    }

    #[test]
    fn names_and_their_subdomains() {
        use ParentMatch::{Dotted, Plain};
        assert!(matches("Example.org", Dotted, "example.ORG"));
        assert!(!matches("example.org", Dotted, "a.example.org"));
        assert!(matches(".example.org", Dotted, "a.b.example.org"));
        assert!(!matches(".example.org", Dotted, "example.org"));
        assert!(matches("example.org", Plain, "a.b.example.org"));
        assert!(!matches("example.org", Plain, "badexample.org"));
        assert!(!matches("", Dotted, "example.org"));
    }

    #[test]
    fn the_first_match_decides() {
        assert!(!matches("!a.example, .example", ParentMatch::Dotted, "a.example"));
        assert!(matches("!a.example, .example", ParentMatch::Dotted, "b.example"));
        assert!(matches(".example, !a.example", ParentMatch::Dotted, "a.example"));
    }

    #[test]
    fn what_matched_is_told() {
        let list = DomainList::parse("!gssapi, xoauth2, static:all", "").unwrap();
        let list = list.open(ParentMatch::Dotted).unwrap();
        let found = ["GSSAPI", "XOAUTH2", "PLAIN"].map(|name| list.membership(name).unwrap());
        assert_eq!(found, [Membership::No, Membership::Listed, Membership::InTable]);
    }

    #[test]
    fn tables_and_addresses() {
        assert!(matches("inline:{.example=x}", ParentMatch::Dotted, "a.example"));
        assert!(matches("regexp:{{/^a[.]/ x}}", ParentMatch::Dotted, "a.example"));
        assert!(!matches("regexp:{{/^[.]?example/ x}}", ParentMatch::Dotted, "a.example"));
        assert!(matches("2001:db8::1", ParentMatch::Dotted, "2001:db8::1"));
        assert!(matches("192.0.2.1", ParentMatch::Dotted, "192.0.2.1"));
        assert!(DomainList::parse("hsah:/x", "").is_err());
        let failing = DomainList::parse("fail:down, example.org", "").unwrap();
        assert!(failing.open(ParentMatch::Dotted).unwrap().matches("example.org").is_err());
    }

    #[test]
    fn files_hold_patterns_and_may_not_go_in_circles() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "# hosts\nexample.org, example.net\n!.example.com\n").unwrap();
        let list = file.path().to_str().unwrap().to_owned();
        assert!(matches(&list, ParentMatch::Dotted, "example.net"));
        assert!(!matches(&format!("!{list}"), ParentMatch::Dotted, "example.net"));

        writeln!(file, "{list}").unwrap();
        let circle = DomainList::parse(&list, "").unwrap().open(ParentMatch::Dotted);
        assert!(matches!(circle, Err(OpenError::NestedFiles(_))));
    }
}
