//! Made-up files: there and back, octet for octet.

use super::commands;
use crate::install::conversion::convert;
use crate::install::edits::edited;
use crate::install::master_cf::services;
use crate::install::restoration::{restore, restore_by_name};
use proptest::prelude::*;

/// A comment, an empty line, or a service with continuation lines, comments between them, and odd white space.
fn piece() -> impl Strategy<Value = String> {
    let end = || prop::sample::select(vec!["\n", " \n", "\r\n", "\t\r\n"]);
    let comment = ("[ \t]{0,2}#[ -~é]{0,12}", end()).prop_map(|(text, end)| text + end);
    let command = prop::sample::select(vec!["smtp", "lmtp", "smtpd", "scache", "pipe", "smtp2", "error"]);
    let argument = prop::sample::select(vec![
        "-v",
        "-o a=b",
        "-o { a = { b } c }",
        "flags=DR",
        "-o smtp_helo_name=smtp",
        "lmtp",
        "{ x y }",
        "#x",
    ]);
    let more = prop_oneof![
        3 => ("[ \t]{1,3}", argument.clone()).prop_map(|(space, word)| space + word),
        2 => (end(), "[ \t]{1,3}", argument).prop_map(|(end, space, word)| format!("{end}{space}{}", if word == "#x" { "x" } else { word })),
        1 => end().prop_map(|end| format!("{end} # smtp{end} -v")),
    ];
    let columns = (
        "[a-z]{1,4}",
        "[ \t]{1,3}",
        prop::sample::select(vec!["-", "y", "n"]),
        prop::sample::select(vec!["-", "0", "1", "20"]),
    );
    let service = (columns, command, prop::collection::vec(more, 0..4), end()).prop_map(
        |((name, space, chroot, limit), command, more, end)| {
            let columns = [&name, "unix", "-", "-", chroot, "-", limit, command].join(&space);
            format!("{columns}{}{end}", more.concat())
        },
    );
    prop_oneof![1 => comment, 1 => end().prop_map(str::to_owned), 4 => service]
}

/// A file, with or without the last line end.
fn file() -> impl Strategy<Value = String> {
    (prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat()), any::<bool>()).prop_map(
        |(text, complete)| if complete { text } else { text.trim_end_matches(['\r', '\n']).to_owned() },
    )
}

/// Lines that do not run ours, and end.
fn foreign() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "# mine\n", "web unix - - n - - pipe\n  flags=x\n", "\n\n"])
        .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn what_was_applied_and_undone_is_what_was_there(text in file(), cache: bool) {
        let conversion = convert(text.as_bytes(), &commands(cache), &[]).unwrap();
        let applied = edited(text.as_bytes(), &conversion.edits);
        let back = restore(&applied, text.as_bytes(), &applied).unwrap();
        prop_assert_eq!(String::from_utf8(edited(&applied, &back.edits)).unwrap(), text);
    }

    #[test]
    fn what_was_put_in_can_be_taken_out_without_what_was_kept(text in file(), cache: bool) {
        let conversion = convert(text.as_bytes(), &commands(cache), &[]).unwrap();
        let applied = edited(text.as_bytes(), &conversion.edits);
        let back = restore_by_name(&applied).unwrap();
        prop_assert_eq!(String::from_utf8(edited(&applied, &back.edits)).unwrap(), text);
    }

    #[test]
    fn edits_of_others_around_ours_stay(text in file(), head in foreign(), tail in foreign(), cache: bool) {
        let conversion = convert(text.as_bytes(), &commands(cache), &[]).unwrap();
        let applied = String::from_utf8(edited(text.as_bytes(), &conversion.edits)).unwrap();
        let around = |inner: &str| {
            let end = if inner.is_empty() || inner.ends_with('\n') { "" } else { "\n" };
            format!("{head}{inner}{end}{tail}")
        };
        let current = around(&applied);
        let back = restore(current.as_bytes(), text.as_bytes(), applied.as_bytes()).unwrap();
        prop_assert_eq!(String::from_utf8(edited(current.as_bytes(), &back.edits)).unwrap(), around(&text));
    }

    #[test]
    fn all_that_ran_smtp_or_lmtp_runs_ours_and_the_rest_is_as_it_was(text in file(), cache: bool) {
        let commands = commands(cache);
        let conversion = convert(text.as_bytes(), &commands, &[]).unwrap();
        let applied = edited(text.as_bytes(), &conversion.edits);
        prop_assert!(convert(&applied, &commands, &[]).unwrap().edits.is_empty());
        let (before, after) = (services(text.as_bytes()).unwrap(), services(&applied).unwrap());
        let after = after.into_iter().filter(|service| service.name != "bscache");
        for (old, new) in before.into_iter().zip(after) {
            let command = match old.command.as_str() {
                "smtp" => &commands.smtp,
                "lmtp" => &commands.lmtp,
                other => other,
            };
            prop_assert_eq!(&new.command, command);
            prop_assert!(new.arguments.ends_with(&old.arguments));
            prop_assert_eq!((new.name, new.chroot, new.limit), (old.name, old.chroot, old.limit));
        }
    }
}
