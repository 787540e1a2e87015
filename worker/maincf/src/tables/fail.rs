//! `fail:reason`: every lookup fails, for tests and for holding mail back.

use super::{OpenError, Table, TableError, TableSpec};

#[derive(Debug)]
struct Fail(TableSpec);

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    Ok(Box::new(Fail(spec.clone())))
}

impl Table for Fail {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Err(TableError::new(&self.0, key, self.0.name()))
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}
