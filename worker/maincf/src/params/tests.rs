//! The table itself: names, defaults, and how rows are found.

use super::*;

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = rows()
        .flat_map(|row| {
            let scopes =
                [Scope::Protocol(Protocol::Smtp), Scope::Protocol(Protocol::Lmtp), Scope::Transport("smtp")];
            let mut own: Vec<_> = scopes.into_iter().filter_map(|scope| row.name(scope)).collect();
            own.dedup();
            assert!(!own.is_empty(), "{} has no name", row.key);
            own
        })
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn rows_are_found_by_every_name() {
    assert_eq!(find("lmtp_lhlo_timeout").unwrap().row.key, "helo_timeout");
    assert_eq!(find("lmtp_connect_timeout").unwrap().default(), "0s");
    assert_eq!(
        find("lmtp_per_request_deadline").unwrap().default(),
        "${lmtp_per_record_deadline?{$lmtp_per_record_deadline}:{no}}"
    );
    assert!(find("tls_high_cipherlist").unwrap().default().ends_with(":@STRENGTH"));
    assert_eq!(find("relayhost").unwrap().row.key, "relayhost");
    let slow = find("slow_destination_recipient_limit").unwrap();
    assert_eq!(slow.scope(), Scope::Transport("slow"));
    let shared = find("default_destination_recipient_limit").unwrap();
    assert_eq!(shared.default(), "50");
    for name in
        ["lmtp_helo_timeout", "lmtp_always_send_ehlo", "smtp_assume_final", "_destination_recipient_limit"]
    {
        assert!(find(name).is_none(), "{name}");
    }
}

#[test]
fn every_row_has_a_doc_that_ends_and_a_kind() {
    for row in rows() {
        assert!(row.doc.trim_end().ends_with('.'), "{}", row.key);
        assert!(!row.kind.is_empty());
    }
}
