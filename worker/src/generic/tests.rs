//! What becomes of addresses, by table and parameters.

use super::*;
use maincf::{Deployment, MainCf};
use std::path::Path;

fn generic(text: &str) -> Generic {
    let text = format!("myhostname = here.example\nmydomain = example\nrecipient_delimiter = +\n{text}\n");
    let cf = MainCf::parse(&text, Path::new("/m")).unwrap().for_deployment(Deployment::Standalone);
    let config = DeliveryConfig::load(&cf, Protocol::Smtp).unwrap();
    Generic::open(&config, &maincf::tables::Direct).unwrap().unwrap()
}

#[track_caller]
fn check(generic: &Generic, address: &str, want: Option<&str>) {
    assert_eq!(generic.rewrite(address).unwrap().as_deref(), want, "{address}");
}

#[test]
fn the_search_goes_from_the_whole_address_to_the_domain() {
    let generic = generic(
        "smtp_generic_maps = inline:{{a+x@d.test = whole@pub.test} {a@d.test = bare@pub.test} {u+x = ext@pub.test}
          {u = user@pub.test} {@d.test = domain@pub.test} {@here.example = other@pub.test}}
mydestination = local.test",
    );
    check(&generic, "a+x@d.test", Some("whole@pub.test"));
    check(&generic, "A+X@D.test", Some("whole@pub.test"));
    check(&generic, "a+y@d.test", Some("bare@pub.test"));
    check(&generic, "a@d.test", Some("bare@pub.test"));
    check(&generic, "u+x@d.test", Some("domain@pub.test"));
    // Local parts alone count in local domains and in that of myorigin.
    check(&generic, "u+x@local.test", Some("ext@pub.test"));
    check(&generic, "u+y@local.test", Some("user@pub.test"));
    check(&generic, "u@here.example", Some("user@pub.test"));
    check(&generic, "v@here.example", Some("other@pub.test"));
    check(&generic, "u@elsewhere.test", None);
    check(&generic, "u", Some("user@pub.test"));
    check(&generic, "", None);
}

#[test]
fn extensions_are_passed_on_where_that_is_asked_for() {
    let table =
        "smtp_generic_maps = inline:{{a@d.test = pub@p.test} {@e.test = @q.test} {b+x@d.test = c@p.test}}";
    let without = generic(table);
    check(&without, "a+x@d.test", Some("pub@p.test"));
    check(&without, "a+x@e.test", Some("a@q.test"));
    let with = generic(&format!("{table}\npropagate_unmatched_extensions = canonical, generic"));
    check(&with, "a+x@d.test", Some("pub+x@p.test"));
    check(&with, "a+x@e.test", Some("a+x@q.test"));
    check(&with, "b+x@d.test", Some("c@p.test"));
    check(&with, "+x@e.test", Some("+x@q.test"));
}

#[test]
fn results_are_completed_and_the_first_address_counts() {
    let table = "smtp_generic_maps = inline:{{a@d.test = alone} {b@d.test = x@host}
        {c@d.test = Some One <one@p.test>, two@p.test} {d@d.test = d@d.test}}";
    let usual = generic(&format!("{table}\nappend_dot_mydomain = yes"));
    check(&usual, "a@d.test", Some("alone@here.example"));
    check(&usual, "b@d.test", Some("x@host.example"));
    check(&usual, "c@d.test", Some("one@p.test"));
    check(&usual, "d@d.test", None);
    let bare = generic(&format!("{table}\nappend_dot_mydomain = no\nappend_at_myorigin = no"));
    check(&bare, "a@d.test", Some("alone"));
    check(&bare, "b@d.test", Some("x@host"));
}

#[test]
fn local_parts_are_quoted_in_tables_and_not_in_envelopes() {
    let generic =
        generic(r#"smtp_generic_maps = inline:{{"a b"@d.test = "c d"@p.test} {@e.test = @q.test}}"#);
    check(&generic, "a b@d.test", Some("c d@p.test"));
    check(&generic, "a b@e.test", Some("a b@q.test"));
}

#[test]
fn patterns_see_whole_addresses_only() {
    let sandbox = tempfile::tempdir().unwrap();
    let path = sandbox.path().join("generic.re");
    std::fs::write(&path, "/^@d\\.test$/ wrong@p.test\n/^(.*)@d\\.test$/ $1@p.test\n").unwrap();
    let generic = generic(&format!("smtp_generic_maps = regexp:{}", path.display()));
    check(&generic, "a+x@d.test", Some("a+x@p.test"));
    check(&generic, "a@e.test", None);
}

#[test]
fn what_cannot_stand_in_a_command_or_header_is_an_error() {
    let control = generic("smtp_generic_maps = static:a\u{1}b@p.test");
    assert!(matches!(control.rewrite("a@d.test"), Err(GenericError::ControlCharacters { .. })));
    let nothing = generic("smtp_generic_maps = static:<>");
    assert!(matches!(nothing.rewrite("a@d.test"), Err(GenericError::NoAddress { .. })));
    let broken = generic("smtp_generic_maps = fail:no");
    assert!(matches!(broken.rewrite("a@d.test"), Err(GenericError::Table(_))));
}
