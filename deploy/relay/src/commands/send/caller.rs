//! Who calls `baton send`, where and when.

use super::Failure;
use intake::SysExit;
use intake::submit::{Caller, SubmitOptions};
use nix::unistd::{Uid, User};
use std::time::SystemTime;

/// The person behind this process; `origin` completes the login name.
///
/// # Errors
/// The account has no name and `-f` gives none either.
pub(super) fn caller(origin: String, options: &SubmitOptions) -> Result<Caller, Failure> {
    let uid = Uid::current();
    let user = User::from_uid(uid).ok().flatten();
    let login = match (&user, &options.sender) {
        (Some(user), _) => user.name.clone(),
        // Not used: -f is.
        (None, Some(_)) => String::new(),
        (None, None) => {
            let text = format!("user {uid} has no login name here; name the sender with -f");
            return Err(Failure::new(SysExit::NoUser, text));
        }
    };
    let mut unique = [0; 8];
    getrandom::fill(&mut unique).map_err(|error| Failure::new(SysExit::TempFail, error))?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = jiff::Zoned::now().offset().seconds();
    Ok(Caller {
        full_name: std::env::var("NAME").ok().or_else(|| full_name(user.as_ref()?)),
        login,
        origin,
        unix_seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        offset_minutes: i16::try_from(seconds / 60).unwrap_or(0),
        unique: format!("{:016x}", u64::from_le_bytes(unique)),
    })
}

/// The first part of the account's comment; `&` in it stands for the login name, capitalised.
fn full_name(user: &User) -> Option<String> {
    let comment = user.gecos.to_str().ok()?;
    let name = comment.split(',').next().unwrap_or_default().trim();
    let mut letters = user.name.chars();
    let capitalised: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    Some(name.replace('&', &capitalised)).filter(|name| !name.is_empty())
}
