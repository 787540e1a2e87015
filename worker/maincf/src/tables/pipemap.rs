//! `pipemap:{type:name, type:name ...}`: what the first table has for the key is the key for the next, and so on.

use super::{OpenError, Opener, Table, TableError, TableSpec, braces};

#[derive(Debug)]
struct Pipe {
    tables: Vec<Box<dyn Table>>,
    remarks: Vec<String>,
}

pub(super) fn open(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    let tables = braces::tables(spec, opener)?;
    let remarks = tables.iter().flat_map(|table| table.remarks().to_vec()).collect();
    Ok(Box::new(Pipe { tables, remarks }))
}

impl Table for Pipe {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        let mut key = braces::key(&self.tables, key).into_owned();
        for table in &self.tables {
            match table.lookup(&key)? {
                Some(value) => key = value,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Only the first table sees the key.
    fn wants_whole_keys(&self) -> bool {
        self.tables.first().is_some_and(|table| table.wants_whole_keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(spec: &str, key: &str) -> Result<Option<String>, TableError> {
        TableSpec::parse(spec).unwrap().open().unwrap().lookup(key)
    }

    #[test]
    fn a_value_is_the_next_table_s_key() {
        let spec = "pipemap:{inline:{a=B, c=d}, inline:{{b = c}}, regexp:{{/(.)/ <$1>}}}";
        assert_eq!(lookup(spec, "a").unwrap().as_deref(), Some("<c>"));
        assert_eq!(lookup(spec, "c").unwrap(), None);
        assert_eq!(lookup(spec, "x").unwrap(), None);
    }

    #[test]
    fn a_table_is_asked_only_with_a_value_of_the_one_before() {
        assert_eq!(lookup("pipemap:{inline:{a=b}, fail:down}", "x").unwrap(), None);
        assert!(lookup("pipemap:{inline:{a=b}, fail:down}", "a").is_err());
    }

    #[test]
    fn the_first_table_says_whether_it_wants_parts() {
        let wants = |spec| TableSpec::parse(spec).unwrap().open().unwrap().wants_whole_keys();
        assert!(wants("pipemap:{fail:x, static:y}"));
        assert!(!wants("pipemap:{static:y, fail:x}"));
    }
}
