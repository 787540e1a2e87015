//! Tables whose answers cannot be done without: one that cannot be opened is one that cannot answer.

use super::ContextError;
use super::sasl::NoAnswer;
use maincf::tables::{OpenError, Opener, TableError, TableList, Tables};
use tls::PolicyTable;

/// Tables, or why there are none: mail waits until somebody has mended them.
#[derive(Debug)]
pub(super) struct Asked(Result<Tables, String>);

impl Asked {
    /// `parameter` names them.
    ///
    /// # Errors
    /// A table that nobody serves to this process: it would wait for ever.
    pub(super) fn open(
        parameter: &'static str,
        list: &TableList,
        opener: &dyn Opener,
    ) -> Result<Self, ContextError> {
        let tables = list.open_by(opener);
        match &tables {
            Ok(tables) => tables.remarks().for_each(|remark| tracing::warn!("{remark}")),
            Err(error) => tracing::error!("{error}"),
        }
        match tables {
            Err(error @ OpenError::NotServed(_)) => Err(ContextError::Table { parameter, error }),
            tables => Ok(Self(tables.map_err(|error| error.to_string()))),
        }
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
