//! `unionmap:{type:name, type:name ...}`: all values that any of the tables has for the key, with commas between.

use super::{OpenError, Opener, Table, TableError, TableSpec, braces};

#[derive(Debug)]
struct Union {
    tables: Vec<Box<dyn Table>>,
    remarks: Vec<String>,
}

pub(super) fn open(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    let tables = braces::tables(spec, opener)?;
    let remarks = tables.iter().flat_map(|table| table.remarks().to_vec()).collect();
    Ok(Box::new(Union { tables, remarks }))
}

impl Table for Union {
    /// One table that cannot answer makes the answer unknown, whatever the others have.
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        let key = braces::key(&self.tables, key);
        let mut union = String::new();
        for table in &self.tables {
            if let Some(value) = table.lookup(&key)? {
                if !union.is_empty() {
                    union.push(',');
                }
                union.push_str(&value);
            }
        }
        Ok(Some(union).filter(|union| !union.is_empty()))
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// As in Postfix the first table decides.
    fn wants_whole_keys(&self) -> bool {
        self.tables.first().is_some_and(|table| table.wants_whole_keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(spec: &str) -> Result<Box<dyn Table>, OpenError> {
        TableSpec::parse(spec).unwrap().open()
    }

    #[test]
    fn values_of_all_tables_are_put_together() {
        let table = table("unionmap:{inline:{a=1, {b = 2 3}, e=},static:x inline:{a=4,e=}}").unwrap();
        assert_eq!(table.lookup("A").unwrap().as_deref(), Some("1,x,4"));
        assert_eq!(table.lookup("b").unwrap().as_deref(), Some("2 3,x"));
        assert_eq!(table.lookup("e").unwrap().as_deref(), Some("x,"));
        assert!(!table.wants_whole_keys());
    }

    #[test]
    fn the_first_table_decides_whether_all_see_the_key_s_case() {
        let answer = |spec| table(spec).unwrap().lookup("AB").unwrap().unwrap();
        assert_eq!(answer("unionmap:{static:x, regexp:{{/(.*)/ $1}}}"), "x,ab");
        assert_eq!(answer("unionmap:{regexp:{{/(.*)/ $1}}, static:x}"), "AB,x");
    }

    #[test]
    fn nothing_anywhere_is_nothing() {
        let table = table("unionmap:{ regexp:{{/b/ y}}, inline:{a=} }").unwrap();
        assert_eq!(table.lookup("a").unwrap(), None);
        assert!(table.wants_whole_keys());
    }

    #[test]
    fn one_that_fails_makes_all_of_it_unknown() {
        let table = table("unionmap:{static:x, fail:down}").unwrap();
        assert_eq!(table.lookup("a").unwrap_err().table, "fail:down");
    }

    #[test]
    fn what_is_no_list_of_tables_is_refused() {
        for spec in
            ["static:x", "{}", "{ }", "{static}", "{{static:x}}", "{nope:x}", "{static:x", "{ldap:/x}"]
        {
            assert!(table(&format!("unionmap:{spec}")).is_err(), "{spec}");
        }
        let deep = "unionmap:{".repeat(50) + "static:x" + &"}".repeat(50);
        assert!(table(&deep).is_err());
    }
}
