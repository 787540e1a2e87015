//! `proxy:type:name`: the table itself. Under Postfix the front end asks proxymap(8) instead.

use super::{OpenError, Table, TableSpec, braces};

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    braces::inner(spec, spec.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_table_answers() {
        let open = |spec| open(&TableSpec::parse(spec).unwrap());
        let table = open("proxy:unionmap:{static:a, regexp:{{/x/ b}}}").unwrap();
        assert_eq!(table.lookup("x").unwrap().as_deref(), Some("a,b"));
        assert!(open("proxy:nope:x").is_err());
        assert!(open("proxy:x").is_err());
        assert!(open(&("proxy:".repeat(10_000) + "static:x")).is_err());
    }
}
