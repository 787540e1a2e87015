//! A network and mount namespace for programs that insist on port 25 and `/etc/resolv.conf`.

use crate::programs;
use crate::sandbox::Sandbox;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The command that runs `program` in namespaces of its own: network, mounts, processes. Whatever it leaves behind
/// ends with it. Needs root.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(programs::debian("unshare"));
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["--propagation", "private", "--"]).arg(program);
    command
}

/// This program once more, with the same words and `--inside`, where port 25 and the resolver are ours.
///
/// Our programs are built before: inside there is no network.
pub fn go_inside() -> ! {
    let own = std::env::current_exe().expect("the program's own path");
    let mut command = command(&own);
    command.args(std::env::args_os().skip(1)).arg("--inside").env("BATON_PROGRAMS", programs::folder());
    let error = command.exec();
    panic!("{:?}: {error}", command.get_program());
}

/// To be called once inside: the loopback is up, and the resolver is at 127.0.0.1 port 53.
pub fn enter(sandbox: &Sandbox) {
    run("ip", &["link", "set", "lo", "up"]);
    let resolver = sandbox.write("resolv.conf", "nameserver 127.0.0.1\noptions trust-ad edns0\n");
    run("mount", &["--bind", &resolver.display().to_string(), "/etc/resolv.conf"]);
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(programs::debian(program)).args(words).output().expect("it runs");
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
