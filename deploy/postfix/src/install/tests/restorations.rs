//! Taking ours out of files that others have edited since.

use super::examples::{FILE, converted};
use crate::install::edits::edited;
use crate::install::restoration::{Restoration, RestorationError, restore, restore_by_name};

fn undone(current: &str, applied: &str) -> Result<(String, Vec<String>), RestorationError> {
    let Restoration { edits, edited: named } =
        restore(current.as_bytes(), FILE.as_bytes(), applied.as_bytes())?;
    Ok((String::from_utf8(edited(current.as_bytes(), &edits)).unwrap(), named))
}

#[test]
fn lines_of_others_stay_when_ours_are_undone() {
    let (_, applied) = converted(FILE, true);
    let text = |current: &str| undone(current, &applied).unwrap().0;
    assert_eq!(text(&applied), FILE);
    let edit = |text: &str| {
        format!(
            "{}\nnew unix - - n - - pipe\n",
            text.replace("# head", "# edited").replace(" smtpd", " postscreen")
        )
    };
    assert_eq!(text(&edit(&applied)), edit(FILE));
    // One that was removed, and one that is stock's again.
    let gone =
        |text: &str| text.lines().filter(|line| !line.starts_with("store")).collect::<Vec<_>>().join("\n");
    assert_eq!(text(&gone(&applied)), gone(FILE));
    assert_eq!(text(FILE), FILE);
}

#[test]
fn what_others_changed_in_lines_of_ours_stays_and_they_are_named() {
    let (_, applied) = converted(FILE, true);
    let cases = [
        ("flags=DRX", "flags=DX", "line 10, service store"),
        // Who looks for a fault does this first.
        ("bscache\n# between", "bscache -v\n# between", "line 3, service smtp"),
        ("relay     unix  -       -       y", "relay     unix  -       n       n", "line 5, service relay"),
    ];
    for (old, new, named) in cases {
        let change = |text: &str| text.replacen(old, new, 1);
        assert!(applied.contains(old), "{old}");
        let expected = if old.starts_with("bscache") {
            FILE.replacen("smtp\n# between", "smtp -v\n# between", 1)
        } else {
            change(FILE)
        };
        assert_eq!(undone(&change(&applied), &applied), Ok((expected, vec![named.to_owned()])));
    }
}

#[test]
fn the_cache_goes_however_it_was_edited_and_copies_of_ours_become_stock_s() {
    let (_, applied) = converted(FILE, true);
    let current = applied.replace("bscache   unix  -       -       n ", "bscache   unix  -       -       y ");
    assert_eq!(
        undone(&current, &applied),
        Ok((FILE.to_owned(), vec!["line 11, service bscache".to_owned()]))
    );
    let other = "other unix - - n - - ../../../../opt/baton/baton-smtp";
    for option in
        ["", " -o connection_cache_service_name=bscache", " -o connection_cache_service_name=bscache -v"]
    {
        let current = applied.replace("# between", &format!("{other}{option}"));
        let rest = option.trim_start_matches(" -o connection_cache_service_name=bscache");
        let expected = FILE.replace("# between", &format!("other unix - - n - - smtp{rest}"));
        assert_eq!(undone(&current, &applied), Ok((expected, vec!["line 4, service other".to_owned()])));
    }
}

#[test]
fn nothing_is_undone_where_our_cache_was_named_by_hand() {
    let (_, applied) = converted(FILE, true);
    for option in
        ["-o { connection_cache_service_name = bscache }", "-v -o connection_cache_service_name=bscache"]
    {
        let current = applied.replacen(
            "-o connection_cache_service_name=bscache\n# between",
            &format!("{option}\n# between"),
            1,
        );
        assert_ne!(current, applied);
        let refused = RestorationError::Edited { number: 3, service: "smtp".into() };
        assert_eq!(undone(&current, &applied), Err(refused), "{option}");
    }
}

#[test]
fn without_what_was_kept_ours_are_known_by_their_names() {
    for cache in [false, true] {
        let (_, applied) = converted(FILE, cache);
        let Restoration { edits, .. } = restore_by_name(applied.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(edited(applied.as_bytes(), &edits)).unwrap(), FILE);
    }
    assert_eq!(restore_by_name(FILE.as_bytes()), Ok(Restoration::default()));
}
