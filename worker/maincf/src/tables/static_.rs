//! `static:value`: every key has the same value.

use super::{OpenError, Table, TableError, TableSpec, braces};

#[derive(Debug)]
struct Static(String);

/// `static:value`, or `static:{value with spaces}`.
pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let name = spec.name();
    if !name.starts_with('{') {
        return Ok(Box::new(Static(name.into())));
    }
    let reason = "expected static:value or static:{value}";
    let inside = braces::removed(name).ok_or_else(|| OpenError::Name { table: spec.clone(), reason })?;
    Ok(Box::new(Static(inside.trim().into())))
}

impl Table for Static {
    fn lookup(&self, _key: &str) -> Result<Option<String>, TableError> {
        Ok(Some(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_value() {
        for (spec, value) in [("static:smtp:[h]:25", "smtp:[h]:25"), ("static:{ a b }", "a b")] {
            let table = open(&TableSpec::parse(spec).unwrap()).unwrap();
            assert_eq!(table.lookup("anything").unwrap().as_deref(), Some(value));
        }
        for spec in ["static:{a", "static:{a}b", "static:{a}{b}"] {
            assert!(matches!(open(&TableSpec::parse(spec).unwrap()), Err(OpenError::Name { .. })), "{spec}");
        }
    }
}
