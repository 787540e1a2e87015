//! Tables whose answers cannot be done without: one that cannot be opened is one that cannot answer.

use super::sasl::NoAnswer;
use maincf::tables::{TableError, TableList, Tables};
use tls::PolicyTable;

/// Tables, or why there are none: mail waits until somebody has mended them.
#[derive(Debug)]
pub(super) struct Asked(Result<Tables, String>);

impl Asked {
    pub(super) fn open(list: &TableList) -> Self {
        let tables = list.open();
        match &tables {
            Ok(tables) => tables.remarks().for_each(|remark| tracing::warn!("{remark}")),
            Err(error) => tracing::error!("{error}"),
        }
        Self(tables.map_err(|error| error.to_string()))
    }

    pub(super) fn lookup(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        self.ask(|tables| tables.lookup(key)).map_err(NoAnswer::Table)
    }

    /// As [`Tables::lookup_even_empty`].
    pub(super) fn lookup_even_empty(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        self.ask(|tables| tables.lookup_even_empty(key)).map_err(NoAnswer::Table)
    }

    /// As [`Tables::lookup_part`].
    pub(super) fn lookup_part(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        self.ask(|tables| tables.lookup_part(key)).map_err(NoAnswer::Table)
    }

    fn ask<T>(&self, ask: impl FnOnce(&Tables) -> Result<T, TableError>) -> Result<T, String> {
        ask(self.0.as_ref().map_err(Clone::clone)?).map_err(|error| error.to_string())
    }
}

impl PolicyTable for Asked {
    fn lookup(&self, key: &str) -> Result<Option<String>, String> {
        self.ask(|tables| tables.lookup(key))
    }

    fn is_empty(&self) -> bool {
        self.0.as_ref().is_ok_and(Tables::is_empty)
    }
}
