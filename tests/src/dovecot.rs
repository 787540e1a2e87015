//! A private instance of Debian's Dovecot that only checks passwords, for Postfix's server.

use crate::daemon::Daemon;
use crate::{Sandbox, programs, wait};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A running instance. When dropped, it and its processes are ended.
#[derive(Debug)]
pub struct Dovecot {
    _daemon: Daemon,
    socket: PathBuf,
}

impl Dovecot {
    /// One that knows these users and passwords, and these mechanisms.
    pub fn start(sandbox: &Sandbox, users: &[(&str, &str)], mechanisms: &str) -> Self {
        let known = |(user, password): &(&str, &str)| {
            format!("{user}:{{PLAIN.HEX}}{}\n", data_encoding::HEXLOWER.encode(password.as_bytes()))
        };
        let users: String = users.iter().map(known).collect();
        let users = sandbox.write("dovecot/users", users);
        let folder = sandbox.folder("dovecot");
        let socket = folder.join("auth");
        let text = configuration(&folder, &users, &socket, mechanisms);
        let configuration = sandbox.write("dovecot/dovecot.conf", text);
        let args = [Path::new("-F"), Path::new("-c"), &configuration];
        let mut daemon = Daemon::start(&programs::debian("dovecot"), args, &folder.join("log"));
        daemon.wait_ready("Dovecot's socket", |_| UnixStream::connect(&socket).ok());
        wait::expect("Dovecot's start", || daemon.log().contains("starting up").then_some(()));
        Self { _daemon: daemon, socket }
    }

    /// For `smtpd_sasl_path`.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

fn configuration(folder: &Path, users: &Path, socket: &Path, mechanisms: &str) -> String {
    let (folder, users, socket) = (folder.display(), users.display(), socket.display());
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = /dev/stderr\nprotocols =\nssl = no\n\
         disable_plaintext_auth = no\nauth_failure_delay = 0\nauth_mechanisms = {mechanisms}\n\
         passdb {{\n driver = passwd-file\n args = {users}\n}}\n\
         userdb {{\n driver = static\n args = uid=nobody gid=nogroup home=/nonexistent\n}}\n\
         service anvil {{\n unix_listener anvil-auth-penalty {{\n  mode = 0\n }}\n}}\n\
         service auth {{\n unix_listener {socket} {{\n  mode = 0666\n }}\n}}\n"
    )
}
