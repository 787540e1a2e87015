//! Lines as administrators write them.

use super::commands;
use crate::install::conversion::{Conversion, ConversionError, command, convert};
use crate::install::edits::{diff, edited};
use crate::install::master_cf::{MasterCfError, services};
use postfix_wire::greeting::Release;
use std::path::Path;

pub(super) const FILE: &str = "\
# head
smtp      inet  n       -       y       -       -       smtpd
smtp      unix  -       -       y       -       -       smtp
# between
relay     unix  -       -       y       -       0       smtp
  # why
        -o syslog_name=postfix/$service_name
\t-o { smtp_helo_name = a b }

store     unix  -       n       n       -       1       lmtp flags=DRX
scache    unix  -       -       y       -       1       scache";

pub(super) fn converted(text: &str, cache: bool) -> (Conversion, String) {
    let conversion = convert(text.as_bytes(), &commands(cache), &[]).unwrap();
    let new = String::from_utf8(edited(text.as_bytes(), &conversion.edits)).unwrap();
    (conversion, new)
}

#[test]
fn every_line_that_runs_smtp_or_lmtp_changes_and_nothing_else() {
    let (conversion, new) = converted(FILE, true);
    let expected = "\
# head
smtp      inet  n       -       y       -       -       smtpd
smtp      unix  -       -       y       -       -       ../../../../opt/baton/baton-smtp -o connection_cache_service_name=bscache
# between
relay     unix  -       -       y       -       0       ../../../../opt/baton/baton-smtp -o connection_cache_service_name=bscache
  # why
        -o syslog_name=postfix/$service_name
\t-o { smtp_helo_name = a b }

store     unix  -       n       n       -       1       ../../../../opt/baton/baton-lmtp -o connection_cache_service_name=bscache flags=DRX
bscache   unix  -       -       n       -       1       ../../../../opt/baton/baton-scache
scache    unix  -       -       y       -       1       scache";
    assert_eq!(new, expected);
    let arguments: Vec<_> = conversion.converted.iter().map(|line| line.arguments[1..].join("|")).collect();
    let relay = "-z|-n|relay|-t|unix|-u|-c|-o|syslog_name=postfix/$service_name|-o|smtp_helo_name = a b";
    assert_eq!(arguments, ["-n|smtp|-t|unix|-u|-c", relay, "-l|-n|store|-t|unix|flags=DRX"]);
}

/// Lines that master takes, though few write them. In brackets: what changes.
#[test]
fn odd_lines_change_in_one_place_each() {
    let ours = "../../../../opt/baton/baton-smtp -o connection_cache_service_name=bscache";
    let cache =
        "bscache   unix  -       -       n       -       1       ../../../../opt/baton/baton-scache\n";
    for line in [
        "smtp\tunix\t-\t-\tn\t-\t-\t[smtp]",
        "out unix n n y - 0 [smtp] -v -v",
        "a\n  unix - -\n# between\n\n  n - - \n\t[smtp]\n  -o { a = { b } c }",
        "b unix - - n - - [smtp]\r",
        "c unix - - n - 1 [smtp] -o smtp_bind_address=192.0.2.1 # an argument",
        "10.0.0.1:25 inet n - n - - smtpd -o smtpd_banner=smtp",
        "smtp inet n - n - 1 postscreen",
        "d unix - - n - - pipe flags=DR argv=/usr/bin/smtp smtp",
        "e unix - - n - - ../sbin/smtp",
        "smtp-amavis unix - - - - 2 [smtp]",
    ] {
        let (conversion, new) = converted(&format!("# x\n{}\n", line.replace(['[', ']'], "")), true);
        let changes = line.contains('[');
        assert_eq!(conversion.converted.len(), usize::from(changes), "{line}");
        let cache = if changes { cache } else { "" };
        assert_eq!(new, format!("# x\n{cache}{}\n", line.replace("[smtp]", ours)));
    }
}

#[test]
fn a_program_of_stock_s_name_elsewhere_is_told_of_and_left_alone() {
    let (conversion, new) = converted("a unix - - n - - ../sbin/smtp\nb unix - - n - - smtpd\n", true);
    assert_eq!(conversion.foreign, ["line 1: service a runs ../sbin/smtp, and goes on to"]);
    assert!(conversion.edits.is_empty() && !new.contains("baton"), "{new}");
}

#[test]
fn a_trial_is_of_the_services_that_were_named() {
    let only = |name: &str| convert(FILE.as_bytes(), &commands(true), &[name.to_owned()]);
    let conversion = only("relay").unwrap();
    let services: Vec<_> = conversion.converted.iter().map(|line| line.service.as_str()).collect();
    assert_eq!((services.as_slice(), conversion.edits.len()), (["relay"].as_slice(), 2), "and the cache");
    assert_eq!(only("scache"), Err(ConversionError::Nobody("scache".into())));
    assert_eq!(only("inet"), Err(ConversionError::Nobody("inet".into())));
}

#[test]
fn without_our_cache_lines_have_no_option_and_no_service_is_added() {
    let (_, new) = converted(FILE, false);
    assert_eq!(
        new,
        FILE.replace("  smtp\n", "  ../../../../opt/baton/baton-smtp\n")
            .replace("lmtp flags", "../../../../opt/baton/baton-lmtp flags")
    );
}

#[test]
fn the_difference_is_one_that_patch_takes() {
    let (conversion, _) =
        converted("a unix - - n - - smtp\n\nb unix - - n - - pipe\nc unix - - n - - lmtp", true);
    let shown = diff(
        "m",
        b"a unix - - n - - smtp\n\nb unix - - n - - pipe\nc unix - - n - - lmtp",
        &conversion.edits,
    );
    let option = "-o connection_cache_service_name=bscache";
    let expected = format!(
        "--- m\n+++ m\n@@ -1,1 +1,2 @@\n-a unix - - n - - smtp\n\
         +bscache   unix  -       -       n       -       1       ../../../../opt/baton/baton-scache\n\
         +a unix - - n - - ../../../../opt/baton/baton-smtp {option}\n\
         @@ -4,1 +5,1 @@\n-c unix - - n - - lmtp\n\\ No newline at end of file\n\
         +c unix - - n - - ../../../../opt/baton/baton-lmtp {option}\n\\ No newline at end of file\n"
    );
    assert_eq!(String::from_utf8(shown).unwrap(), expected);
}

#[test]
fn what_master_would_not_read_is_refused_with_the_line() {
    let cases: [(&[u8], MasterCfError); 6] = [
        (b"# x\n  a unix - - n - - smtp\n", MasterCfError::NothingToContinue(2)),
        (b"a unix - - n - -\n", MasterCfError::Columns(1)),
        (b"a unix - - n - - smtp -o { a = b\n", MasterCfError::Braces(1)),
        (b"\na unix - - n - - smtp -o {a = b}c\n", MasterCfError::Braces(2)),
        (b"a unix - - n - - smtp -o a=\xff\n", MasterCfError::NotText(1)),
        (b"a unix - - n - - smtp -o a=\0\n", MasterCfError::NotText(1)),
    ];
    for (text, error) in cases {
        assert_eq!(services(text), Err(error), "{}", String::from_utf8_lossy(text));
    }
    assert_eq!(services(b"# caf\xe9\n\n").map(|found| found.len()), Ok(0));
}

#[test]
fn a_cache_that_somebody_chose_is_not_overruled() {
    let refused = |text: &str| convert(text.as_bytes(), &commands(true), &[]).unwrap_err();
    for option in [
        "-o connection_cache_service_name=x",
        "-voconnection_cache_service_name=x",
        "-o { connection_cache_service_name = x }",
    ] {
        assert_eq!(
            refused(&format!("a unix - - n - - smtp {option}\n")),
            ConversionError::Cache(1),
            "{option}"
        );
    }
    let taken = "a unix - - n - - smtp\nbscache unix - - n - 1 scache\n";
    assert_eq!(refused(taken), ConversionError::Taken(2));
}

#[test]
fn programs_are_named_from_the_folder_of_postfix_s_daemons() {
    let named = |program: &str| command(Path::new(program), Path::new("/usr/lib/postfix/sbin"));
    assert_eq!(named("/opt/baton/baton-smtp").as_deref(), Ok("../../../../opt/baton/baton-smtp"));
    for program in ["baton-smtp", "/opt/my baton/baton-smtp", "/opt/a\nb"] {
        assert!(named(program).is_err(), "{program}");
    }
}

#[test]
fn releases_are_known_from_3_4_to_3_12() {
    let versions =
        ["3.3.22", "3.4.0", "3.7.11", "3.12-20260821", "3.12.1", "3.13.0", "4.0.0", "3", "", "x.y"];
    let known: Vec<_> =
        versions.into_iter().filter(|version| Release::of_version(version).is_some()).collect();
    assert_eq!(known, ["3.4.0", "3.7.11", "3.12-20260821", "3.12.1"]);
}
