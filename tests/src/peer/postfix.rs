//! Postfix's smtpd with OpenSSL, as a private instance.

use super::{Certificate, Protocol, Seen, Suite};
use crate::daemon::Daemon;
use crate::maincf::MainCf;
use crate::sandbox::{Sandbox, free_port};
use crate::{programs, wait};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian has the daemons.
const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// What runs besides smtpd.
const SERVICES: &str = "\
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
proxymap  unix - - n - - proxymap
anvil     unix - - n - 1 anvil
smtp      unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
scache    unix - - n - 1 scache
";

/// A running instance.
#[derive(Debug)]
pub(super) struct Smtpd {
    _daemon: Daemon,
    port: u16,
    queue: PathBuf,
    log: PathBuf,
}

impl Smtpd {
    /// Everything below the sandbox; what it takes it relays to `nexthop`.
    pub(super) fn start(sandbox: &Sandbox, suite: Suite, certificate: &Certificate, nexthop: &str) -> Self {
        let port = free_port();
        let (etc, queue) = (sandbox.folder("smtpd/etc"), sandbox.folder("smtpd/spool"));
        let mut options = options(sandbox, nexthop);
        tls(&mut options, sandbox, suite, certificate);
        let services = format!("127.0.0.1:{} inet n - n - - smtpd\n{SERVICES}", port.number());
        fs::write(etc.join("main.cf"), options.text()).expect("main.cf");
        fs::write(etc.join("master.cf"), services).expect("master.cf");
        fs::write(etc.join("dynamicmaps.cf"), "").expect("dynamicmaps.cf");
        make_queue(&etc);
        // master leads a session, and cannot begin one while it leads a process group. -s: stays in the foreground.
        let mut command = Command::new(programs::debian("setsid"));
        command.arg("--wait").arg(Path::new(DAEMONS).join("master")).args(["-s", "-c"]).arg(&etc).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("MAIL_CONFIG", &etc);
        let port = port.release();
        let mut daemon = Daemon::from_command(command, &sandbox.join("smtpd/master.log"));
        let log = sandbox.join("smtpd/mail.log");
        daemon.wait_ready("Postfix's start", |_| {
            fs::read_to_string(&log).is_ok_and(|text| text.contains("daemon started")).then_some(())
        });
        Self { _daemon: daemon, port, queue, log }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn seen(&self) -> Seen {
        let log = self.log();
        let smtpd = || log.lines().filter(|line| line.contains("/smtpd["));
        Seen {
            connections: smtpd().filter(|line| line.contains("]: connect from ")).count(),
            handshakes: smtpd().filter_map(agreed).collect(),
        }
    }

    /// Its queue manager delivers by itself.
    pub(super) fn deliver(&mut self) {
        let empty = wait::until(wait::PATIENCE, || {
            ["incoming", "active", "deferred"]
                .iter()
                .all(|name| is_empty(&self.queue.join(name)))
                .then_some(())
        });
        assert!(empty.is_some(), "Postfix does not get rid of its queue; its log:\n{}", self.log());
    }

    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

fn options(sandbox: &Sandbox, nexthop: &str) -> MainCf {
    let _ = programs::debian("postconf");
    let at = |name: &str| sandbox.folder("smtpd").join(name).display().to_string();
    let mut options = MainCf::new();
    options
        .set("compatibility_level", "3.6")
        .set("queue_directory", at("spool"))
        .set("data_directory", at("data"))
        .set("daemon_directory", DAEMONS)
        .set("command_directory", "/usr/sbin")
        .set("maillog_file", at("mail.log"))
        .set("maillog_file_prefixes", sandbox.path().display().to_string())
        .set("inet_interfaces", "127.0.0.1")
        .set("inet_protocols", "ipv4")
        .set("myhostname", "peer.test")
        .set("mydestination", "")
        .set("alias_maps", "")
        .set("alias_database", "")
        .set("mynetworks", "127.0.0.0/8")
        .set("smtpd_peername_lookup", "no")
        .set("relayhost", nexthop)
        // Contents are compared: nothing may be made right on the way.
        .set("local_header_rewrite_clients", "")
        .set("smtp_line_length_limit", "0")
        .set("disable_mime_output_conversion", "yes");
    options
}

fn tls(options: &mut MainCf, sandbox: &Sandbox, suite: Suite, certificate: &Certificate) {
    let version = suite.protocol;
    let chain = format!("{}, {}", certificate.key.display(), certificate.certificate.display());
    options
        .set("smtpd_tls_security_level", "may")
        .set("smtpd_tls_loglevel", "1")
        .set("smtpd_tls_chain_files", chain)
        .set("smtpd_tls_protocols", format!(">={version}, <={version}"))
        .set("smtpd_tls_ciphers", "high");
    match suite.protocol {
        Protocol::Tls12 => {
            options.set("tls_high_cipherlist", suite.openssl());
        }
        // Postfix has no parameter for the suites of TLS 1.3.
        Protocol::Tls13 => {
            let text = format!(
                "postfix = here\n[here]\nssl_conf = ssl\n[ssl]\nsystem_default = only\n[only]\nCiphersuites = {}\n",
                suite.openssl()
            );
            options
                .set("tls_config_file", sandbox.write("smtpd/openssl.cnf", text).display().to_string())
                .set("tls_config_name", "postfix");
        }
    }
}

/// Folders and owners, as Postfix wants them.
fn make_queue(etc: &Path) {
    let mut command = Command::new(programs::debian("postfix"));
    let output = command.arg("-c").arg(etc).arg("check").output().expect("postfix runs");
    assert!(output.status.success(), "postfix check: {}", String::from_utf8_lossy(&output.stderr));
}

/// `Anonymous TLS connection established from unknown[127.0.0.1]: TLSv1.3 with cipher TLS_AES_… (…`
fn agreed(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(" TLS connection established from ")?;
    let (protocol, rest) = rest.split_once("]: ")?.1.split_once(" with cipher ")?;
    let suite: Suite = rest.split(' ').next()?.parse().ok()?;
    Some(format!("{protocol} {suite}"))
}

/// There is no file in it or below.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .all(|entry| entry.path().is_dir() && is_empty(&entry.path()))
}
