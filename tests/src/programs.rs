//! Where the programs under test are; builds them when nobody said.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Our own programs, by the package that makes them.
const OURS: [(&str, &str); 5] = [
    ("baton", "baton-relay"),
    ("baton-worker", "baton-worker"),
    ("scache", "baton-scache"),
    ("baton-smtp", "baton-postfix"),
    ("baton-postfix-install", "baton-postfix"),
];

/// The path of one of our programs.
///
/// They are in `BATON_PROGRAMS` (as `tests/run` sets it), else beside the test in `target/PROFILE`, where they are
/// built first, so that a test never runs against yesterday's program.
pub fn ours(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.is_file(), "{} is not there: cargo build --release makes it", path.display());
    path
}

/// The folder of our programs.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match std::env::var_os("BATON_PROGRAMS") {
        Some(folder) => std::path::absolute(folder).expect("BATON_PROGRAMS is a path"),
        None => build(),
    })
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let beside = test.ancestors().find(|folder| folder.join("deps").is_dir()).expect("run by cargo");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.arg("--target-dir").arg(beside.parent().expect("target/PROFILE"));
    for (program, package) in OURS {
        command.args(["--package", package, "--bin", program]);
    }
    if beside.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    assert!(command.status().expect("cargo runs").success(), "the programs under test do not build");
    beside.to_owned()
}

/// The path of a Debian program; ends the test when it is missing, since a skipped test looks like a passed one.
pub fn debian(name: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/bin", "/sbin", "/bin"]);
    folders
        .map(|folder| Path::new(folder).join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed; tests/run installs what the tests need"))
}

/// The path of a Debian program that cannot be installed beside the others: `tests/run` unpacks its packages below
/// `BATON_PEERS`, or `/var/cache/baton/peers`.
pub fn unpacked(name: &str) -> PathBuf {
    let root = std::env::var_os("BATON_PEERS")
        .map_or_else(|| PathBuf::from("/var/cache/baton/peers"), PathBuf::from);
    let path = root.join("usr/sbin").join(name);
    assert!(path.is_file(), "{} is not there; tests/run unpacks what the tests need", path.display());
    path
}
