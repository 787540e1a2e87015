//! A server's certificate, signed by itself, in files.

use super::suite::Key;
use crate::programs;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Both as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one for `peer.test` in this folder.
    pub fn make(folder: &Path, kind: Key) -> Self {
        let made = Self { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
        let algorithm: &[&str] = match kind {
            Key::Ecdsa => &["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
            Key::Rsa => &["rsa:2048"],
        };
        let mut command = Command::new(programs::debian("openssl"));
        command.args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=peer.test"]);
        command.args(["-addext", "subjectAltName=DNS:peer.test", "-newkey"]).args(algorithm);
        command.arg("-keyout").arg(&made.key).arg("-out").arg(&made.certificate);
        let output = command.output().expect("openssl runs");
        assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        // The servers have accounts of their own, and it is nobody's secret.
        fs::set_permissions(&made.key, Permissions::from_mode(0o644)).expect("own file");
        made
    }
}
