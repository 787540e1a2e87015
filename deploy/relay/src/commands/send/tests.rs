//! Our own options before sendmail's, and exit codes.

use super::*;
use smtp::{Class, Status};

fn split(line: &str) -> Result<(SettingsArguments, Vec<String>), Failure> {
    let (settings, rest) = leading(line.split_whitespace().map(OsString::from).collect())?;
    Ok((settings, rest.into_iter().map(|one| one.into_string().unwrap()).collect()))
}

#[test]
fn our_own_options_stand_in_front_and_nowhere_else() {
    let (settings, rest) = split("--config /x --option=a=b --option c=d -oi -t --config y").unwrap();
    assert_eq!(settings.config.as_deref(), Some(std::path::Path::new("/x")));
    assert_eq!(settings.option, ["a=b", "c=d"]);
    assert_eq!(rest, ["-oi", "-t", "--config", "y"]);
    let (settings, rest) = split("-o x=y -f a@b").unwrap();
    assert!(settings.config.is_none() && settings.option.is_empty());
    assert_eq!(rest, ["-o", "x=y", "-f", "a@b"]);
    assert_eq!(split("--config").unwrap_err().code, SysExit::Usage.code());
}

#[test]
fn refusals_have_the_exit_code_of_their_status() {
    for (subject, detail, exit) in [
        (1, 1, SysExit::NoUser),
        (1, 3, SysExit::NoUser),
        (1, 7, SysExit::DataErr),
        (3, 4, SysExit::DataErr),
        (6, 0, SysExit::DataErr),
        (4, 0, SysExit::DataErr),
        (7, 1, SysExit::Unavailable),
        (0, 0, SysExit::Unavailable),
    ] {
        assert_eq!(exit_of(Status::new(Class::Hard, subject, detail)), exit, "5.{subject}.{detail}");
    }
}
