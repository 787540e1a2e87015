//! Lists of peers: host names, `.domain`, addresses, networks, files of patterns, tables, and exceptions with `!`.

use std::net::IpAddr;
use std::path::Path;

use super::domain_list::has_any;
use super::{Direct, OpenError, Opener, ParentMatch, Table, TableError, TableSpec};
use crate::value::{Network, Value, ValueError, words};

/// How deep files of patterns may name other files.
const DEEPEST: u32 = 8;

/// A list as written, not opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerList(Vec<String>);

impl Value for PeerList {
    const KIND: &'static str = "list of host names, addresses, networks, /file or type:table";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let list: Vec<String> = words(text)?.into_iter().map(str::to_owned).collect();
        list.iter().try_for_each(|word| written(word).map(drop))?;
        Ok(Self(list))
    }
}

impl PeerList {
    /// Reads files and opens tables.
    pub fn open(&self, parents: ParentMatch) -> Result<PeerMatcher, OpenError> {
        self.open_by(parents, &Direct)
    }

    /// The same, as the process wants it.
    pub fn open_by(&self, parents: ParentMatch, opener: &dyn Opener) -> Result<PeerMatcher, OpenError> {
        let mut matcher = PeerMatcher { patterns: Vec::new(), parents };
        matcher.add(self, false, 0, opener)?;
        Ok(matcher)
    }
}

enum Written<'a> {
    Network(Network),
    Domain(String),
    File(&'a Path),
    Table(TableSpec),
}

/// Whether the pattern is an exception, and what it is.
fn written(word: &str) -> Result<(bool, Written<'_>), ValueError> {
    let plain = word.trim_start_matches('!');
    let excludes = (word.len() - plain.len()) % 2 == 1;
    let what = if plain.is_empty() {
        return Err(ValueError::Empty);
    } else if plain.starts_with('/') {
        Written::File(Path::new(plain))
    } else if plain.starts_with(|c: char| c == '[' || c.is_ascii_digit()) && plain.contains('/') {
        Written::Network(Network::parse(plain)?)
    } else if let Ok(one) = Network::parse(plain) {
        Written::Network(one)
    } else if plain.contains(':') {
        Written::Table(TableSpec::parse(plain)?)
    } else {
        Written::Domain(plain.to_lowercase())
    };
    Ok((excludes, what))
}

#[derive(Debug)]
enum Pattern {
    Network(Network),
    Domain(String),
    Table(Box<dyn Table>),
}

/// A list, opened: says whether a peer is in it.
#[derive(Debug)]
pub struct PeerMatcher {
    patterns: Vec<(bool, Pattern)>,
    parents: ParentMatch,
}

impl PeerMatcher {
    /// Whether the host, or its address, is in the list: the first pattern that matches either decides.
    ///
    /// Errors: a table could not answer before any pattern matched.
    pub fn matches(&self, name: &str, address: &str) -> Result<bool, TableError> {
        let name = name.to_lowercase();
        let ip: Option<IpAddr> = address.parse().ok();
        let mut keys = vec![name];
        keys.extend(keys.first().map(|name| self.parents.keys_above(name)).unwrap_or_default());
        for (excludes, pattern) in &self.patterns {
            let hit = match pattern {
                Pattern::Network(network) => ip.is_some_and(|ip| network.contains(ip)),
                Pattern::Domain(domain) => keys.contains(domain),
                Pattern::Table(table) => {
                    has_any(table.as_ref(), &keys)? || !address.is_empty() && table.lookup(address)?.is_some()
                }
            };
            if hit {
                return Ok(!excludes);
            }
        }
        Ok(false)
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    fn add(
        &mut self,
        list: &PeerList,
        excluded: bool,
        depth: u32,
        opener: &dyn Opener,
    ) -> Result<(), OpenError> {
        for word in &list.0 {
            // Every word was looked at when the list was parsed.
            let Ok((excludes, what)) = written(word) else { continue };
            let excludes = excludes != excluded;
            let pattern = match what {
                Written::Network(network) => Pattern::Network(network),
                Written::Domain(domain) => Pattern::Domain(domain),
                Written::Table(spec) => Pattern::Table(spec.open_by(opener)?),
                Written::File(path) => {
                    self.add_file(path, excludes, depth, opener)?;
                    continue;
                }
            };
            self.patterns.push((excludes, pattern));
        }
        Ok(())
    }

    fn add_file(
        &mut self,
        path: &Path,
        excluded: bool,
        depth: u32,
        opener: &dyn Opener,
    ) -> Result<(), OpenError> {
        if depth >= DEEPEST {
            return Err(OpenError::NestedFiles(path.into()));
        }
        let text =
            std::fs::read_to_string(path).map_err(|source| OpenError::Io { path: path.into(), source })?;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let list = PeerList::parse(line, "")
                .map_err(|reason| OpenError::Pattern { path: path.into(), reason })?;
            self.add(&list, excluded, depth + 1, opener)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn matches(list: &str, name: &str, address: &str) -> bool {
        PeerList::parse(list, "").unwrap().open(ParentMatch::Plain).unwrap().matches(name, address).unwrap()
    }

    #[test]
    fn a_peer_is_known_by_name_address_network_table_or_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "# peers\n192.0.2.0/24").unwrap();
        let file = file.path().to_str().unwrap();
        for list in [
            "Example.org",
            "192.0.2.7",
            "192.0.2.0/24",
            "inline:{192.0.2.7=x}",
            "static:all",
            "a.example.org",
            file,
        ] {
            assert!(matches(list, "A.example.org", "192.0.2.7"), "{list}");
        }
        for list in
            ["", "ample.org", "192.0.2.8", "198.51.100.0/24", "inline:{0.2.7=x}", "!192.0.2.7, example.org"]
        {
            assert!(!matches(list, "a.example.org", "192.0.2.7"), "{list}");
        }
        assert!(matches("[2001:db8::]/32", "x", "2001:db8::1") && matches("2001:db8::1", "x", "2001:db8::1"));
        assert!(PeerList::parse("192.0.2.1/24", "").is_err() && PeerList::parse("hsah:/x", "").is_err());
    }
}
