//! Keys and signatures of the lab's zones, by BIND's tools; nothing outlives the test.

use super::ZoneFile;
use crate::programs;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// When signatures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// From an hour ago for a month.
    Now,
    /// Long ago.
    Over,
}

/// Makes the one key of a zone; the file with its public half.
pub(super) fn new_key(folder: &Path, origin: &str) -> PathBuf {
    let made = run(folder, "dnssec-keygen", &["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", origin]);
    folder.join(format!("{}.key", made.trim()))
}

/// Signs a zone with its key. Its children's delegation signers (`dsset-`) come in from the folder.
/// The name of the new file, which has one record a line.
pub(super) fn sign(folder: &Path, zone: &ZoneFile, lifetime: Lifetime) -> String {
    let signed = format!("{}.signed", zone.file);
    let mut args = vec!["-S", "-z", "-g", "-O", "full", "-o", &zone.origin, "-f", &signed];
    if lifetime == Lifetime::Over {
        // -P: the tool would refuse what it sees when it looks at its work.
        args.extend(["-P", "-s", "20250101000000", "-e", "20250201000000"]);
    }
    args.push(&zone.file);
    run(folder, "dnssec-signzone", &args);
    signed
}

/// Changes the addresses and TLSA data of a signed zone, so that their signatures are wrong.
pub(super) fn forge(file: &Path) {
    let text = fs::read_to_string(file).expect("the signed zone");
    let forged: Vec<String> = text.lines().map(forged).collect();
    assert!(forged.iter().zip(text.lines()).any(|(new, old)| new != old), "{text}: nothing to forge");
    fs::write(file, forged.join("\n") + "\n").expect("the signed zone");
}

/// One record, with its last digit changed if it is an A or a TLSA.
fn forged(line: &str) -> String {
    let kind = line.split_ascii_whitespace().nth(3);
    match (kind, line.char_indices().next_back()) {
        (Some("A" | "TLSA"), Some((last, digit))) => {
            format!("{}{}", &line[..last], if digit == '1' { '2' } else { '1' })
        }
        _ => line.to_owned(),
    }
}

/// Runs a tool in the folder; its output. Ends the test, with what it said, if it fails.
fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(programs::debian(program))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
