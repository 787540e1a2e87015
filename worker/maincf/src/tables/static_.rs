//! `static:value`: every key has the same value.

use super::{OpenError, Table, TableError, TableSpec};

#[derive(Debug)]
struct Static(String);

/// `static:value`, or `static:{value with spaces}`.
pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let name = spec.name();
    let inner = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).map(str::trim);
    Ok(Box::new(Static(inner.unwrap_or(name).into())))
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
    }
}
