//! Private instances of Debian's Dovecot: one that checks passwords for Postfix's server, one that stores mail.

use crate::daemon::Daemon;
use crate::{Sandbox, programs, wait};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
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

/// A private instance of Debian's Dovecot that keeps mail which comes over LMTP. When dropped, it and its processes are ended.
#[derive(Debug)]
pub struct Store {
    daemon: Daemon,
    mail: PathBuf,
}

impl Store {
    /// One that takes mail for these users of any domain at this socket.
    pub fn start(sandbox: &Sandbox, socket: &Path, users: &[&str]) -> Self {
        let (folder, mail) = (sandbox.folder("store"), sandbox.folder("store/mail"));
        fs::set_permissions(&mail, Permissions::from_mode(0o777)).expect("own folder");
        let users: String = users.iter().map(|user| format!("{user}:::::::\n")).collect();
        let users = sandbox.write("store/users", users);
        let text = store_configuration(&folder, &users, socket, &mail);
        let configuration = sandbox.write("store/dovecot.conf", text);
        let args = [Path::new("-F"), Path::new("-c"), &configuration];
        let mut daemon = Daemon::start(&programs::debian("dovecot"), args, &folder.join("log"));
        daemon.wait_ready("Dovecot's LMTP", |_| UnixStream::connect(socket).ok());
        Self { daemon, mail }
    }

    /// What it has for a user, in no order.
    pub fn messages(&self, user: &str) -> Vec<String> {
        let files = fs::read_dir(self.mail.join(user).join("new")).into_iter().flatten().flatten();
        files.map(|file| fs::read_to_string(file.path()).expect("a message")).collect()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

fn store_configuration(folder: &Path, users: &Path, socket: &Path, mail: &Path) -> String {
    let (folder, users, socket, mail) = (folder.display(), users.display(), socket.display(), mail.display());
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = /dev/stderr\nprotocols = lmtp\nssl = no\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\nmail_location = maildir:{mail}/%n\nrecipient_delimiter = +\n\
         postmaster_address = postmaster@store.test\nauth_username_format = %n\nlda_mailbox_autocreate = yes\n\
         passdb {{\n driver = passwd-file\n args = {users}\n}}\n\
         userdb {{\n driver = passwd-file\n args = {users}\n default_fields = uid=nobody gid=nogroup home={mail}/%n\n}}\n\
         service lmtp {{\n unix_listener {socket} {{\n  mode = 0666\n }}\n}}\n"
    )
}
