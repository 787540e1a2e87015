//! Which Postfix is installed: postconf(1) is asked once, and its word holds as long as the program stays the same.
//!
//! The release is compiled into Postfix and stands in no file. Running postconf costs several times what everything else
//! costs that an agent does at its start, so that the answer is kept in `pid/`, where only root can write.

use crate::keyring;
use maincf::MainCf;
use postfix_wire::greeting::Release;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::ioctl_fionbio;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The file's name.
pub const NAME: &str = "baton-version";
/// Octets that it may have.
const ROOM: u64 = 512;
/// How long postconf may take. Without its word no agent starts: which dialect the daemons speak cannot be guessed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const BETWEEN: Duration = Duration::from_millis(5);

/// `mail_version` of the daemons. The folder is where it is kept, and its owner is root but in tests.
///
/// # Errors
/// postconf cannot be run, fails, or does not end.
pub fn installed(cf: &MainCf, folder: &Path, owner: u32) -> io::Result<String> {
    let programs = cf.expanded("command_directory").ok().flatten().filter(|folder| !folder.is_empty());
    let program = Path::new(programs.as_deref().unwrap_or("/usr/sbin")).join("postconf");
    let identity = identity(&program)?;
    if let Ok(Some(version)) = kept(folder, owner, &identity) {
        return Ok(version);
    }
    let version = asked(&program, PATIENCE)?;
    // What is no version would stand until postconf is another one.
    if Release::of_version(&version).is_none() {
        return Ok(version);
    }
    if let Err(error) = keep(folder, &identity, &version) {
        tracing::debug!("{}/{NAME}: {error}: postconf runs at each start", folder.display());
    }
    Ok(version)
}

/// What no other program has, nor this one after an upgrade.
fn identity(program: &Path) -> io::Result<String> {
    let about = fs::metadata(program)?;
    let changed = format!("{}.{:09}", about.mtime(), about.mtime_nsec());
    Ok(format!("{} {} {} {changed} {}", program.display(), about.dev(), about.ino(), about.len()))
}

fn asked(program: &Path, patience: Duration) -> io::Result<String> {
    let mut command = Command::new(program);
    command.args(["-d", "-h", "mail_version"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let until = Instant::now() + patience;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < until => std::thread::sleep(BETWEEN),
            None => {
                // Its end is not waited for: where a disk does not answer, that does not come either.
                child.kill()?;
                let why = "does not end; with baton_postfix_version in main.cf it is not asked";
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{}: {why}", program.display())));
            }
        }
    };
    // In the middle of an upgrade it may lack its libraries.
    if !status.success() {
        return Err(io::Error::other(format!("{status}: {}", said(child.stderr.take())?.trim())));
    }
    Ok(said(child.stdout.take())?.trim().to_owned())
}

/// What a program that has ended left in a pipe. Somebody else may hold the other end, so that its end is not waited for.
fn said(pipe: Option<impl Read + AsFd>) -> io::Result<String> {
    let Some(pipe) = pipe else { return Ok(String::new()) };
    ioctl_fionbio(&pipe, true)?;
    let mut octets = Vec::new();
    match pipe.take(ROOM).read_to_end(&mut octets) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(String::from_utf8_lossy(&octets).into_owned()),
    }
}

/// What was written down, if it is of this program and nobody else could have written it.
fn kept(folder: &Path, owner: u32, identity: &str) -> io::Result<Option<String>> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(folder.join(NAME), flags, Mode::empty())?);
    let others = Mode::WGRP | Mode::WOTH;
    keyring::check(&file, owner, FileType::RegularFile, others, NAME).map_err(io::Error::other)?;
    let mut text = String::new();
    file.take(ROOM).read_to_string(&mut text)?;
    let version = text.strip_prefix(identity).and_then(|rest| rest.strip_prefix('\n')?.strip_suffix('\n'));
    Ok(version.map(str::to_owned))
}

/// In one step: others may be reading.
fn keep(folder: &Path, identity: &str, version: &str) -> io::Result<()> {
    let unfinished: PathBuf = folder.join(format!("{NAME}.{}", std::process::id()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let mut file = File::from(rustix::fs::open(&unfinished, flags, mode)?);
    let written = file.write_all(format!("{identity}\n{version}\n").as_bytes());
    let done = written.and_then(|()| fs::rename(&unfinished, folder.join(NAME)));
    if done.is_err() {
        fs::remove_file(&unfinished)?;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    /// A postconf that writes down each time that it ran.
    fn postconf(folder: &Path, version: &str) {
        let text = format!("#!/bin/sh\necho x >> {}/runs\necho {version}\n", folder.display());
        let path = folder.join("postconf");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn postconf_runs_once_and_again_when_it_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut cf = MainCf::none();
        cf.set_option(&format!("command_directory={}", folder.path().display())).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        let asked = |owner| installed(&cf, folder.path(), owner).unwrap();
        let runs = || fs::read_to_string(folder.path().join("runs")).unwrap().lines().count();
        postconf(folder.path(), "3.7.11");
        assert_eq!([asked(owner), asked(owner)], ["3.7.11", "3.7.11"]);
        assert_eq!(runs(), 1);
        postconf(folder.path(), "3.10.13-of-later");
        assert_eq!([asked(owner), asked(owner)], ["3.10.13-of-later", "3.10.13-of-later"]);
        assert_eq!(runs(), 2);
        asked(owner + 1);
        assert_eq!(runs(), 3, "what another account owns is not believed");
        fs::set_permissions(folder.path().join(NAME), Permissions::from_mode(0o666)).unwrap();
        asked(owner);
        assert_eq!(runs(), 4, "nor what others can write");
    }

    #[test]
    fn a_postconf_that_fails_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut cf = MainCf::none();
        cf.set_option(&format!("command_directory={}", folder.path().display())).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        let asked = || installed(&cf, folder.path(), owner);
        // The same program as to its identity: what it lacks is beside it.
        postconf(folder.path(), "3.7.11; test -e $(dirname $0)/library || { echo lost >&2; exit 127; }");
        assert!(asked().unwrap_err().to_string().contains("lost"));
        fs::write(folder.path().join("library"), "").unwrap();
        assert_eq!(asked().unwrap(), "3.7.11");
        postconf(folder.path(), "");
        assert_eq!((asked().unwrap().as_str(), asked().unwrap().as_str()), ("", ""));
        assert!(!fs::read_to_string(folder.path().join(NAME)).unwrap().ends_with("\n\n"), "not written down");
    }

    #[test]
    fn a_postconf_that_does_not_end_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let ask = |patience| asked(&folder.path().join("postconf"), patience);
        postconf(folder.path(), "3.7.11; exec sleep 1000");
        let error = ask(Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("baton_postfix_version"), "{error}");
        // Nor who holds what it wrote to.
        postconf(folder.path(), "3.7.11; sleep 1000 & echo $! > $(dirname $0)/left");
        assert_eq!(ask(PATIENCE).unwrap(), "3.7.11");
        let left: i32 = fs::read_to_string(folder.path().join("left")).unwrap().trim().parse().unwrap();
        let left = rustix::process::Pid::from_raw(left).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    }
}
