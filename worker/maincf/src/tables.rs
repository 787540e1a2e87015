//! Lookup tables: `type:name`, opened once, asked by key.

mod berkeley;
mod braces;
mod cdb;
mod cidr;
mod domain_list;
mod environ;
mod error;
mod fail;
mod fold;
mod indexed;
mod inline;
mod lmdb;
mod locked;
mod opener;
mod patterns;
mod pcre;
mod peer_list;
mod pipemap;
mod posix_regex;
mod proxy;
mod randmap;
mod regexp;
mod rules;
mod server;
mod socketmap;
mod static_;
mod tcp;
mod texthash;
mod transport;
mod unionmap;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use cidr::AddressError;
pub use domain_list::{DomainList, DomainMatcher, Membership, ParentMatch};
pub use error::{InlineError, OpenError, RegexError, SpecError, TableError};
pub use opener::{BadRules, Direct, IndexFile, Opener, Unavailable};
pub use peer_list::{PeerList, PeerMatcher};
pub use rules::RuleError;
pub use transport::{TransportEntry, TransportMatch, transport_match};

use crate::nearest::nearest;
use crate::value::{Value, ValueError, words};

/// Answers lookups by key.
pub trait Table: fmt::Debug + Send + Sync {
    /// The value for a key; `None` where the table has no such key.
    ///
    /// Errors: the table could not answer. That is always a reason to defer, never "not found".
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError>;

    /// What was odd about the table's text but did not keep it from opening; for the log, once.
    fn remarks(&self) -> &[String] {
        &[]
    }

    /// Whether patterns are matched against whole addresses and names: such a table is not asked for their parts, as
    /// parent domains are.
    fn wants_whole_keys(&self) -> bool {
        false
    }

    /// The file that the table was read from and keeps open, where postmap(1) makes it.
    fn index_file(&self) -> Option<&Arc<IndexFile>> {
        None
    }
}

/// A reference to a table, checked for form and for a known type, not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    kind: &'static Kind,
    name: String,
}

impl fmt::Display for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name, self.name)
    }
}

/// A table, or why there is none.
type Opened = Result<Box<dyn Table>, OpenError>;

/// Opens a table of one type.
#[derive(Clone, Copy, Debug)]
enum Open {
    /// The same way everywhere.
    Alone(fn(&TableSpec) -> Opened),
    /// As the process wants it.
    By(fn(&TableSpec, &dyn Opener) -> Opened),
}

/// A table type.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// `None`: known, not built yet.
    open: Option<Open>,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

const fn ready(name: &'static str, open: fn(&TableSpec) -> Result<Box<dyn Table>, OpenError>) -> Kind {
    Kind { name, open: Some(Open::Alone(open)) }
}

const fn ready_by(name: &'static str, open: fn(&TableSpec, &dyn Opener) -> Opened) -> Kind {
    Kind { name, open: Some(Open::By(open)) }
}

const fn later(name: &'static str) -> Kind {
    Kind { name, open: None }
}

/// Every table type. Building one: its file, and its row.
static KINDS: &[Kind] = &[
    ready("inline", inline::open),
    ready("static", static_::open),
    ready("texthash", texthash::open),
    ready_by("hash", berkeley::hash),
    ready_by("btree", berkeley::btree),
    ready("cdb", cdb::open),
    ready("lmdb", lmdb::open),
    ready_by("cidr", cidr::open),
    ready_by("pcre", pcre::open),
    ready_by("regexp", regexp::open),
    ready("tcp", tcp::open),
    ready("socketmap", socketmap::open),
    ready_by("unionmap", unionmap::open),
    ready_by("pipemap", pipemap::open),
    ready("randmap", randmap::open),
    ready_by("proxy", proxy::open),
    ready("environ", environ::open),
    ready("fail", fail::open),
    later("dbm"),
    later("internal"),
    later("ldap"),
    later("memcache"),
    later("mongodb"),
    later("mysql"),
    later("netinfo"),
    later("nis"),
    later("nisplus"),
    later("pgsql"),
    later("sdbm"),
    later("sqlite"),
    later("unix"),
];

impl TableSpec {
    /// Parses `type:name`.
    pub fn parse(word: &str) -> Result<Self, SpecError> {
        let not_a_table = || SpecError::NotATable(word.into());
        let (kind, name) = word.split_once(':').ok_or_else(not_a_table)?;
        if kind.is_empty() || name.is_empty() {
            return Err(not_a_table());
        }
        match KINDS.iter().find(|known| known.name == kind) {
            Some(kind) => Ok(Self { kind, name: name.into() }),
            None => Err(SpecError::UnknownType {
                kind: kind.into(),
                nearest: nearest(kind, KINDS.iter().map(|known| known.name)),
            }),
        }
    }

    /// Opens the table; whatever it needs from the file system is read or opened now.
    pub fn open(&self) -> Result<Box<dyn Table>, OpenError> {
        self.open_by(&Direct)
    }

    /// The same, as the process wants it.
    pub fn open_by(&self, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
        let opened = match self.kind.open {
            Some(Open::Alone(open)) => open(self),
            Some(Open::By(open)) => open(self, opener),
            None => Err(OpenError::NotBuilt(self.clone())),
        };
        let table = opened.or_else(|error| opener.missing(self, error))?;
        if let Some(file) = table.index_file() {
            opener.opened(self, file);
        }
        Ok(table)
    }

    /// What stands after the colon.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// References to tables, to be asked one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableList(Vec<TableSpec>);

impl TableList {
    /// Whether no table is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files that the tables are read from, and the texts that those were made from, as far as they exist. Tables in
    /// tables are not looked into, but for `proxy:`.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let path = |spec: &TableSpec| {
            let inner = spec.name.rsplit_once(':').filter(|_| spec.kind.name == "proxy");
            PathBuf::from(inner.map_or(spec.name.as_str(), |(_, path)| path))
        };
        let forms = |path: PathBuf| ["", "db", "lmdb", "cdb"].map(|form| path.with_added_extension(form));
        self.0
            .iter()
            .map(path)
            .filter(|path| path.is_absolute())
            .flat_map(forms)
            .filter(|file| file.is_file())
    }

    /// Opens every table.
    pub fn open(&self) -> Result<Tables, OpenError> {
        self.open_by(&Direct)
    }

    /// The same, as the process wants it.
    pub fn open_by(&self, opener: &dyn Opener) -> Result<Tables, OpenError> {
        let opened = self.0.iter().map(|spec| Ok((spec.clone(), spec.open_by(opener)?)));
        opened.collect::<Result<_, _>>().map(Tables)
    }
}

impl Value for TableList {
    const KIND: &'static str = "list of type:table";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let specs = words(text)?.into_iter().map(TableSpec::parse);
        specs.collect::<Result<_, _>>().map(Self).map_err(ValueError::from)
    }
}

/// A value, and the table that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'t> {
    /// As written.
    pub table: &'t TableSpec,
    /// Empty only where that was asked for.
    pub value: String,
}

/// Opened tables, with their names; the first that has the key answers.
#[derive(Debug, Default)]
pub struct Tables(Vec<(TableSpec, Box<dyn Table>)>);

impl Tables {
    /// Whether there is no table to ask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first table's value for the key. A table that cannot answer ends the search.
    pub fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Ok(self.find(key)?.map(|answer| answer.value))
    }

    /// As [`Self::lookup`], where an empty value means something too.
    pub fn lookup_even_empty(&self, key: &str) -> Result<Option<String>, TableError> {
        Ok(first(self.0.iter(), key, Empty::Answer)?.map(|answer| answer.value))
    }

    /// As [`Self::lookup`], with the table that has the key.
    pub fn find(&self, key: &str) -> Result<Option<Answer<'_>>, TableError> {
        first(self.0.iter(), key, Empty::NoAnswer)
    }

    /// As `lookup`, for a key that is only a part of what is looked up: an address without its extension, a domain
    /// or one above it. Tables of patterns are left out.
    pub fn lookup_part(&self, key: &str) -> Result<Option<String>, TableError> {
        Ok(self.find_part(key)?.map(|answer| answer.value))
    }

    /// As [`Self::lookup_part`], with the table that has the key.
    pub fn find_part(&self, key: &str) -> Result<Option<Answer<'_>>, TableError> {
        first(self.0.iter().filter(|(_, table)| !table.wants_whole_keys()), key, Empty::NoAnswer)
    }

    /// All tables' remarks; for the log, once.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|(_, table)| table.remarks()).map(String::as_str)
    }
}

/// What an empty value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    /// A mistake in the table.
    NoAnswer,
    /// A value like others.
    Answer,
}

/// The first value for the key. As in Postfix no table is asked for nothing, and usually an empty value is no answer.
fn first<'t>(
    tables: impl Iterator<Item = &'t (TableSpec, Box<dyn Table>)>,
    key: &str,
    empty: Empty,
) -> Result<Option<Answer<'t>>, TableError> {
    if key.is_empty() {
        return Ok(None);
    }
    for (spec, table) in tables {
        match table.lookup(key)? {
            Some(value) if value.is_empty() && empty == Empty::NoAnswer => {
                return Err(TableError::new(spec, key, "an empty value"));
            }
            Some(value) => return Ok(Some(Answer { table: spec, value })),
            None => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
