//! A test in namespaces of its own: ports like 25 and 53 and folders like `/etc/postfix` are nobody else's there.

use crate::policy::namespace;
use crate::{Sandbox, programs};
use std::path::Path;
use std::process::Command;

/// Tells the test that it is inside.
const INSIDE: &str = "BATON_ALONE";

/// Runs the test of this name, whose body is `test`, in a process of its own, in namespaces of its own. Needs root.
pub fn alone(name: &str, test: impl FnOnce(&Sandbox)) {
    if std::env::var_os(INSIDE).is_some_and(|inside| inside == name) {
        let sandbox = Sandbox::new("in");
        namespace::enter(&sandbox);
        return test(&sandbox);
    }
    // It outlives the namespaces: inside, what is mounted cannot be removed.
    let around = Sandbox::new("alone");
    let own = std::env::current_exe().expect("the test's own path");
    let mut command = namespace::command(&own);
    command.args([name, "--exact", "--nocapture"]).env(INSIDE, name).env("TMPDIR", around.path());
    command.env("BATON_PROGRAMS", programs::folder());
    let output = command.output().expect("unshare runs");
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
    assert!(output.status.success() && text.contains("test result: ok. 1 passed"), "{text}");
    println!("{text}");
}

/// In place of `place` there is `folder` from now on, for this process and those it starts.
pub fn put(folder: &Path, place: &str) {
    mount(&["--rbind", &folder.display().to_string(), place]);
}

/// Nothing below it can be changed from now on.
pub fn seal(place: &Path) {
    let place = place.display().to_string();
    mount(&["--bind", &place, &place]);
    mount(&["-o", "remount,bind,ro", &place]);
}

/// What is below it cannot be executed from now on.
pub fn forbid_execution(place: &Path) {
    let place = place.display().to_string();
    mount(&["--bind", &place, &place]);
    mount(&["-o", "remount,bind,noexec", &place]);
}

/// A `/dev` with what programs need, in which a log socket can be made.
pub fn own_devices(sandbox: &Sandbox) {
    let folder = sandbox.folder("dev");
    let at = folder.display().to_string();
    mount(&["-t", "tmpfs", "tmpfs", &at]);
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        let file = sandbox.write(&format!("dev/{device}"), "");
        mount(&["--bind", &format!("/dev/{device}"), &file.display().to_string()]);
    }
    sandbox.folder("dev/shm");
    std::os::unix::fs::symlink("/proc/self/fd", folder.join("fd")).expect("own folder");
    put(&folder, "/dev");
}

fn mount(words: &[&str]) {
    let output = Command::new(programs::debian("mount")).args(words).output().expect("mount runs");
    assert!(output.status.success(), "mount {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
