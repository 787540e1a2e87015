//! `proxy:type:name`: the table itself, or whatever the process has in its place: under Postfix proxymap(8).

use super::{OpenError, Opener, Table, TableSpec, braces};

pub(super) fn open(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    opener.proxied(spec).unwrap_or_else(|| braces::inner(spec, spec.name(), opener))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_table_answers() {
        let open = |spec| TableSpec::parse(spec).unwrap().open();
        let table = open("proxy:unionmap:{static:a, regexp:{{/x/ b}}}").unwrap();
        assert_eq!(table.lookup("x").unwrap().as_deref(), Some("a,b"));
        assert!(open("proxy:nope:x").is_err());
        assert!(open("proxy:x").is_err());
        assert!(open(&("proxy:".repeat(10_000) + "static:x")).is_err());
    }
}
