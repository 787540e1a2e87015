//! The installer on a bad day: killed at any step, folders that cannot be written or executed, other people's files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::alone::{alone, forbid_execution, seal};
use testkit::{Sandbox, programs};

/// A configuration in a folder of its own, and its master.cf.
fn configuration(sandbox: &Sandbox) -> (PathBuf, PathBuf) {
    sandbox.write("etc/main.cf", "compatibility_level = 3.6\nmyhostname = relay.test\n");
    let services = "# ours\nsmtp unix - - y - - smtp\n  -o smtp_helo_name=a\npickup unix n - y 60 1 pickup\n\
                    relay unix - - y - - smtp\nqmgr unix n - n 300 1 qmgr\nlmtp unix - - n - - lmtp";
    let master_cf = sandbox.write("etc/master.cf", services);
    (sandbox.join("etc"), master_cf)
}

/// Programs as they are installed.
fn placed(sandbox: &Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.folder(name);
    for program in ["baton-smtp", "baton-scache"] {
        // Only its place in master.cf matters here.
        symlink(programs::ours("baton-smtp"), folder.join(program)).unwrap();
    }
    symlink("baton-smtp", folder.join("baton-lmtp")).unwrap();
    folder
}

fn with_words(mut command: Command, programs: &Path, etc: &Path, words: &[&str]) -> Output {
    command.arg("-c").arg(etc).arg("--programs").arg(programs).args(words).output().unwrap()
}

fn install(programs: &Path, etc: &Path, words: &[&str]) -> Output {
    with_words(Command::new(programs::ours("baton-postfix-install")), programs, etc, words)
}

fn text(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat()
}

#[track_caller]
fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    text(output)
}

#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let text = text(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} in {text}");
}

/// Runs it, and kills it when it enters the so-many-th call of this name; `false` when it ended before.
fn killed(call: &str, number: usize, programs: &Path, etc: &Path, words: &[&str]) -> bool {
    let mut command = Command::new(programs::debian("strace"));
    command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
    command.arg(programs::ours("baton-postfix-install"));
    let output = with_words(command, programs, etc, words);
    match output.status.signal() {
        Some(9) => true,
        _ => {
            done(&output);
            false
        }
    }
}

/// The calls between which a change of files is whole.
const CALLS: [&str; 3] = ["fsync", "rename", "unlink"];

/// Kills it at each of them in turn; `check` looks at what is left, and puts it back.
fn at_every_step(programs: &Path, etc: &Path, words: &[&str], mut check: impl FnMut(&str)) -> usize {
    let mut kills = 0;
    for call in CALLS {
        for number in 1.. {
            if !killed(call, number, programs, etc, words) {
                break;
            }
            kills += 1;
            check(&format!("{call} {number}"));
        }
        check(&format!("after the last {call}"));
    }
    kills
}

#[test]
fn killed_anywhere_it_leaves_the_old_file_or_the_new_one_and_undo_works() {
    let sandbox = Sandbox::new("pff");
    let (programs, (etc, master_cf)) = (placed(&sandbox, "libexec"), configuration(&sandbox));
    let read = || fs::read_to_string(&master_cf).unwrap();
    let before = read();
    done(&install(&programs, &etc, &["--apply"]));
    let after = read();
    let back = |step: &str| {
        let now = read();
        assert!(now == before || now == after, "{step}: {now}");
        if now == after {
            assert_eq!(fs::read_to_string(etc.join("master.cf.before-baton")).unwrap(), before, "{step}");
        }
        done(&install(&programs, &etc, &["--undo"]));
        assert_eq!(read(), before, "{step}");
        let left = fs::read_dir(&etc).unwrap().count();
        assert_eq!(left, 2, "{step}: main.cf and master.cf alone");
    };
    back("apply");
    let kills = at_every_step(&programs, &etc, &["--apply"], back);
    let undone = at_every_step(&programs, &etc, &["--undo"], |step| {
        let now = read();
        assert!(now == before || now == after, "{step}: {now}");
        done(&install(&programs, &etc, &["--apply"]));
        assert_eq!(read(), after, "{step}");
    });
    assert!(kills > 8 && undone > 4, "{kills} {undone}");
    println!("killed {kills} times applying, {undone} times undoing");
}

#[test]
fn killed_while_programs_are_moved_it_leaves_what_undo_brings_back() {
    let sandbox = Sandbox::new("pff");
    let (first, (etc, master_cf)) = (placed(&sandbox, "one"), configuration(&sandbox));
    let second = placed(&sandbox, "two");
    let stock = fs::read_to_string(&master_cf).unwrap();
    // A line that the first installation had not seen: what was kept of it does not fit any more.
    let edit = |text: &str| text.replacen("# ours\n", "# ours\nretry unix - - y - - error\n", 1);
    let begin = || {
        fs::write(&master_cf, &stock).unwrap();
        done(&install(&first, &etc, &["--apply"]));
        fs::write(&master_cf, edit(&fs::read_to_string(&master_cf).unwrap())).unwrap();
    };
    begin();
    let kills = at_every_step(&second, &etc, &["--apply"], |step| {
        done(&install(&second, &etc, &["--undo"]));
        assert_eq!(fs::read_to_string(&master_cf).unwrap(), edit(&stock), "{step}");
        begin();
    });
    assert!(kills > 8, "{kills}");
    println!("killed {kills} times");
}

#[test]
fn a_trial_of_one_service_is_extended_to_all_and_taken_back_in_one() {
    let sandbox = Sandbox::new("pff");
    let (programs, (etc, master_cf)) = (placed(&sandbox, "libexec"), configuration(&sandbox));
    let before = fs::read(&master_cf).unwrap();
    let ours = || {
        fs::read_to_string(&master_cf).unwrap().matches("-o connection_cache_service_name=bscache").count()
    };
    refused(&install(&programs, &etc, &["--apply", "--only", "nobody"]), 78, &["no service nobody"]);
    done(&install(&programs, &etc, &["--apply", "--only", "relay"]));
    assert_eq!(ours(), 1);
    done(&install(&programs, &etc, &["--apply"]));
    assert_eq!(ours(), 3);
    done(&install(&programs, &etc, &["--undo"]));
    assert_eq!(fs::read(&master_cf).unwrap(), before);
}

#[test]
fn there_is_nothing_to_undo_before_anything_was_applied() {
    let sandbox = Sandbox::new("pff");
    let (programs, (etc, master_cf)) = (placed(&sandbox, "libexec"), configuration(&sandbox));
    let before = fs::read(&master_cf).unwrap();
    assert!(done(&install(&programs, &etc, &["--undo"])).contains("nothing to undo"));
    assert_eq!(fs::read(&master_cf).unwrap(), before);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_the_change_can_still_be_seen() {
    alone("a_folder_that_cannot_be_written_is_named_and_the_change_can_still_be_seen", |sandbox| {
        let (programs, (etc, master_cf)) = (placed(sandbox, "libexec"), configuration(sandbox));
        let before = fs::read(&master_cf).unwrap();
        seal(&etc);
        assert!(done(&install(&programs, &etc, &[])).contains("nothing was changed"));
        refused(&install(&programs, &etc, &["--apply"]), 74, &["master.cf", "Read-only file system"]);
        assert_eq!(fs::read(&master_cf).unwrap(), before);
    });
}

#[test]
fn programs_that_master_could_not_run_are_refused() {
    alone("programs_that_master_could_not_run_are_refused", |sandbox| {
        let (etc, master_cf) = configuration(sandbox);
        let before = fs::read(&master_cf).unwrap();
        let folder = sandbox.folder("libexec");
        let program = folder.join("baton-smtp");
        fs::copy(programs::ours("baton-smtp"), &program).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o644)).unwrap();
        refused(&install(&folder, &etc, &["--apply"]), 69, &["baton-smtp: not a program"]);
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        forbid_execution(&folder);
        refused(&install(&folder, &etc, &["--apply"]), 69, &["baton-smtp: ", "noexec"]);
        assert_eq!(fs::read(&master_cf).unwrap(), before);
    });
}

/// `deploy/postfix/install`.
fn script() -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/postfix/install");
    let mut command = Command::new(path);
    command.arg("--from").arg(programs::folder());
    command
}

#[test]
fn the_script_puts_programs_into_a_folder_of_their_own_and_runs_the_installer_there() {
    let sandbox = Sandbox::new("pff");
    let (etc, master_cf) = configuration(&sandbox);
    let before = fs::read(&master_cf).unwrap();
    let to = sandbox.join("usr/local/libexec/baton");
    let run =
        |words: &[&str]| script().arg("--to").arg(&to).arg("-c").arg(&etc).args(words).output().unwrap();
    assert!(done(&run(&[])).contains("nothing was changed"));
    assert_eq!(fs::read(&master_cf).unwrap(), before);
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["baton-lmtp", "baton-postfix-install", "baton-scache", "baton-smtp"]);
    for name in &names {
        let about = fs::metadata(to.join(name)).unwrap();
        assert_eq!((about.mode() & 0o7777, about.uid()), (0o755, 0), "{name:?}");
    }
    let running = fs::metadata(to.join("baton-smtp")).unwrap().ino();
    done(&run(&["--apply"]));
    assert!(fs::read_to_string(&master_cf).unwrap().contains(&format!("{}/baton-lmtp", to.display())));
    assert_ne!(fs::metadata(to.join("baton-smtp")).unwrap().ino(), running, "a running one keeps its file");
    done(&run(&["--undo"]));
    assert_eq!(fs::read(&master_cf).unwrap(), before);
}

#[test]
fn the_script_makes_a_package_s_tree_and_keeps_out_of_postfix_s_folders() {
    let sandbox = Sandbox::new("pff");
    let tree = sandbox.folder("tree");
    let output =
        script().env("DESTDIR", &tree).args(["--to", "/usr/lib/baton", "--only-programs"]).output().unwrap();
    done(&output);
    assert!(tree.join("usr/lib/baton/baton-scache").is_file());
    let daemons = "/usr/lib/postfix/sbin";
    let count = || fs::read_dir(daemons).unwrap().count();
    let before = count();
    refused(&script().args(["--to", daemons]).output().unwrap(), 69, &["Postfix's own"]);
    refused(&script().args(["--to", "relative"]).output().unwrap(), 69, &["not an absolute path"]);
    assert_eq!(count(), before);
}
