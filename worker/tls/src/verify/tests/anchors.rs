//! Files of trust anchors.

use super::*;

#[test]
fn files_of_anchors_stand_instead_of_authorities() {
    let (root, files, text) = rooted();
    let sub = root.below("Sub");
    let server = sub.server(&["mx.dom.example"]);
    let expired =
        sub.changed_server(&["mx.dom.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let with = |path: std::path::PathBuf| format!("{text}\nsmtp_tls_trust_anchor_file = {}", path.display());
    let chain = [&server.certificate, &sub.certificate];
    let depth = |verified: Verified| match verified.matched {
        Some(Matched::Name { anchor_depth, .. }) => anchor_depth,
        _ => None,
    };
    assert_eq!(depth(secure(&with(files.certificates("sub", &[&sub.certificate])), &chain)), Some(1));
    assert_eq!(depth(secure(&with(files.certificates("leaf", &[&server.certificate])), &chain)), Some(0));
    let old = with(files.certificates("old", &[&expired.certificate]));
    assert_eq!(depth(secure(&old, &[&expired.certificate])), Some(0));
    let other = with(files.certificates("other", &[&Authority::root("Other").certificate]));
    assert_eq!(
        problem(&other, &[&server.certificate, &sub.certificate, &root.certificate]),
        Problem::NoMatch
    );
}

#[test]
fn anchors_may_be_bare_keys() {
    let (root, files, _) = rooted();
    let sub = root.below("Sub");
    let server = sub.server(&["mx.dom.example"]);
    let with = |name: &str, pem: String| {
        format!("smtp_tls_trust_anchor_file = {}", files.text(name, &pem).display())
    };
    let chain = [&server.certificate, &sub.certificate];
    assert_eq!(secure(&with("root", root.public_key_pem()), &chain).trust, Trust::Verified);
    assert_eq!(secure(&with("sub", sub.public_key_pem()), &[&server.certificate]).trust, Trust::Verified);
    assert_eq!(
        secure(&with("leaf", server.key.public_key_pem()), &[&server.certificate]).trust,
        Trust::Verified
    );
    let stranger = with("stranger", Authority::root("Root").public_key_pem());
    assert_eq!(problem(&stranger, &chain), Problem::NoMatch);
}

#[test]
fn anchors_need_not_be_in_date() {
    let files = Files::new();
    let old = Authority::changed_root("Old", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let path = files.certificates("old", &[&old.certificate]);
    let text = format!("smtp_tls_trust_anchor_file = {}", path.display());
    assert_eq!(secure(&text, &[&old.server(&["mx.dom.example"]).certificate]).trust, Trust::Verified);
}
