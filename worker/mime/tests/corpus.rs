//! Mail of the world: the samples that come with mail-parser, well-formed and not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use mime::{Conversion, Limits};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use support::{filtered, keep, leaves, map, seven, without_lone_cr};

/// Where the parser does not see delimiters that we, and Postfix, see.
const DISPUTED: [&str; 2] = ["malformed/020.eml", "malformed/021.eml"];

/// The folder of the parser's sources, which Cargo has.
fn samples() -> Vec<(PathBuf, Vec<u8>)> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Of this platform only: Cargo has not fetched what others need.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command.args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let parser =
        metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == "mail-parser");
    let manifest = PathBuf::from(parser.unwrap()["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap().join("resources/eml");
    let mut found = Vec::new();
    for kind in fs::read_dir(&folder).unwrap().flatten() {
        let files = fs::read_dir(kind.path()).unwrap().flatten().map(|entry| entry.path());
        let mails = files.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
        found.extend(mails.map(|path| (path.clone(), fs::read(path).unwrap())));
    }
    assert!(found.len() >= 100, "{} samples in {}", found.len(), folder.display());
    found
}

#[test]
fn they_pass_unchanged_where_nothing_is_to_change() {
    let limits = Limits { header: 10_000_000, ..Limits::default() };
    for (path, mail) in samples() {
        let (out, error) = filtered(&limits, Conversion::None, keep, [&mail[..]]);
        assert_eq!(error, None, "{}", path.display());
        assert!(out == without_lone_cr(&mail), "{}", path.display());
    }
}

#[test]
fn their_parts_decode_to_what_they_were_after_conversion() {
    let mut changed = 0;
    for (path, mail) in samples() {
        let converted = seven(&mail);
        changed += usize::from(converted != without_lone_cr(&mail));
        if !DISPUTED.iter().any(|name| path.ends_with(name)) {
            assert_eq!(leaves(&converted), leaves(&without_lone_cr(&mail)), "{}", path.display());
        }
    }
    assert!(changed > 10, "only {changed} had something to convert");
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for (path, mail) in samples() {
        for conversion in [Conversion::None, Conversion::SevenBit] {
            let whole = filtered(&Limits::default(), conversion, map, [&mail[..]]);
            for size in [1, 7, 1000] {
                let cut = filtered(&Limits::default(), conversion, map, mail.chunks(size));
                assert!(cut == whole, "{} in pieces of {size}", path.display());
            }
        }
    }
}
