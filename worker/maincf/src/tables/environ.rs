//! `environ:name`: the process's environment; the name after the colon means nothing.

use std::env::VarError;

use super::fold::folded;
use super::{OpenError, Table, TableError, TableSpec};

#[derive(Debug)]
struct Environ(TableSpec);

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    Ok(Box::new(Environ(spec.clone())))
}

impl Table for Environ {
    /// The key's case is folded as for other tables, so that `PATH` finds the variable `path` only.
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        match std::env::var(folded(key).as_ref()) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => {
                Err(TableError::new(&self.0, key, "the value is not valid UTF-8"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_by_names_in_small_letters() {
        let table = open(&TableSpec::parse("environ:x").unwrap()).unwrap();
        for key in ["PATH", "", "=", "a=b", "a\0b"] {
            assert_eq!(table.lookup(key).unwrap(), None, "{key:?}");
        }
    }
}
