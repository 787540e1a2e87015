//! Exim with GnuTLS, unpacked from Debian's packages (they cannot be installed beside Postfix), with a private spool.

use super::{ALL, Certificate, Protocol, Seen, Suite};
use crate::daemon::Daemon;
use crate::sandbox::{Sandbox, free_port};
use crate::{programs, wait};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

/// A client greets again after its handshake, and only then under TLS.
const COUNTING: &str = "\
begin acl
connected:
  accept logwrite = baton connection
greeted:
  accept condition = ${if def:tls_in_cipher}
         logwrite = baton handshake $tls_in_cipher
  accept
";

/// A running daemon. It only takes mail; [`Exim::deliver`] sends it on.
#[derive(Debug)]
pub(super) struct Exim {
    daemon: Daemon,
    port: u16,
    program: PathBuf,
    config: PathBuf,
    folder: PathBuf,
}

impl Exim {
    /// Everything below the sandbox.
    pub(super) fn start(
        sandbox: &Sandbox,
        suite: Suite,
        certificate: &Certificate,
        sink: SocketAddr,
    ) -> Self {
        let program = programs::unpacked("exim4");
        let folder = sandbox.folder("exim");
        for name in ["spool", "log"] {
            let owned = sandbox.folder(&format!("exim/{name}"));
            let mail = nix::unistd::User::from_name("mail").expect("accounts").expect("Debian has it");
            chown(owned, Some(mail.uid.as_raw()), Some(mail.gid.as_raw())).expect("root may");
        }
        let port = free_port();
        let text = [
            general(&folder.display().to_string(), &program.display().to_string(), port.number()),
            tls(suite, certificate),
            COUNTING.to_owned(),
            onward(sink.port()),
        ];
        let config = sandbox.write("exim/exim.conf", text.concat());
        let port = port.release();
        let mut command = Command::new(&program);
        command.arg("-C").arg(&config).arg("-bdf").env_clear().env("PATH", "/usr/bin:/bin");
        let daemon = Daemon::from_command(command, &folder.join("daemon.log"));
        let mut exim = Self { daemon, port, program, config, folder };
        let main = exim.folder.join("log/main");
        exim.daemon.wait_ready("Exim's start", |_| {
            fs::read_to_string(&main).is_ok_and(|text| text.contains("daemon started")).then_some(())
        });
        exim
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn seen(&self) -> Seen {
        let log = fs::read_to_string(self.folder.join("log/main")).unwrap_or_default();
        let handshakes = log.lines().filter_map(|line| line.split_once(" baton handshake "));
        Seen {
            connections: log.lines().filter(|line| line.ends_with(" baton connection")).count(),
            handshakes: handshakes.map(|(_, cipher)| agreed(cipher)).collect(),
        }
    }

    /// One run over its queue.
    pub(super) fn deliver(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("-C").arg(&self.config).arg("-q").env_clear().env("PATH", "/usr/bin:/bin");
        let mut run = Daemon::from_command(command, &self.folder.join("queue.log"));
        wait::until(wait::PATIENCE, || run.ended());
    }

    pub(super) fn log(&self) -> String {
        let read = |name: &str| fs::read(self.folder.join("log").join(name)).unwrap_or_default();
        let all = [read("main"), read("reject"), read("panic"), self.daemon.log().into_bytes()].concat();
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// The account `mail` instead of the one compiled in; connections and handshakes are logged in words of ours.
fn general(folder: &str, program: &str, port: u16) -> String {
    format!(
        "exim_user = mail\nexim_group = mail\nnever_users =\nexim_path = {program}\n\
         primary_hostname = peer.test\nspool_directory = {folder}/spool\nlog_file_path = {folder}/log/%s\n\
         pid_file_path = {folder}/spool/exim.pid\nlocal_interfaces = <; 127.0.0.1\ndaemon_smtp_ports = {port}\n\
         queue_only\nhost_lookup =\nrfc1413_query_timeout = 0s\nkeep_environment =\nmessage_size_limit = 50M\n\
         log_selector = +smtp_connection +tls_cipher +smtp_protocol_error +smtp_syntax_error\n\
         acl_smtp_connect = connected\nacl_smtp_helo = greeted\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n"
    )
}

fn tls(suite: Suite, certificate: &Certificate) -> String {
    format!(
        "tls_advertise_hosts = *\ntls_certificate = {}\ntls_privatekey = {}\ntls_require_ciphers = {}\n",
        certificate.certificate.display(),
        certificate.key.display(),
        suite.gnutls()
    )
}

/// Everything goes to the sink, in plaintext and unchanged.
fn onward(port: u16) -> String {
    format!(
        "begin routers\nall:\n  driver = manualroute\n  domains = *\n  route_list = * 127.0.0.1\n  self = send\n  \
         transport = out\nbegin transports\nout:\n  driver = smtp\n  port = {port}\n  allow_localhost\n  \
         hosts_avoid_tls = *\n  connection_max_messages = 1\n  message_linelength_limit = 1000000\n\
         begin retry\n* * F,1h,1m\n"
    )
}

/// `TLS1.2:ECDHE_X25519__ECDSA_SECP256R1_SHA256__AES_128_GCM:128` (`tls_in_cipher_std` is wrong under TLS 1.3).
fn agreed(cipher: &str) -> String {
    let is = |suite: &Suite| {
        let (protocol, key) = (suite.protocol.to_string(), format!("__{}_", suite.key));
        let cipher = cipher.replacen("TLS", "TLSv", 1);
        cipher.starts_with(&protocol)
            && cipher.contains(&format!("__{}:", suite.gnutls_cipher().replace('-', "_")))
            && (suite.protocol == Protocol::Tls13 || cipher.contains(&key))
    };
    ALL.iter()
        .find(|suite| is(suite))
        .map_or(cipher.to_owned(), |suite| format!("{} {suite}", suite.protocol))
}
