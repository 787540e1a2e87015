//! `fail:reason`: every lookup fails, for tests and for holding mail back.

use super::{OpenError, Table, TableError, TableSpec};

#[derive(Debug)]
struct Fail(TableSpec);

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    Ok(Box::new(Fail(spec.clone())))
}

impl Table for Fail {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Err(TableError { table: self.0.to_string(), key: key.into(), reason: self.0.name().into() })
    }
}
