//! Postfix's smtpd with OpenSSL, in a private instance.

use super::{Certificate, Protocol, Seen, Suite};
use crate::postfix::{Launch, Postfix};
use crate::sandbox::{Sandbox, free_port};
use crate::wait;

/// A running instance.
#[derive(Debug)]
pub(super) struct Smtpd {
    postfix: Postfix,
    port: u16,
}

impl Smtpd {
    /// Everything below the sandbox; what it takes it relays to `nexthop`.
    pub(super) fn start(sandbox: &Sandbox, suite: Suite, certificate: &Certificate, nexthop: &str) -> Self {
        let port = free_port();
        let launch = Postfix::in_sandbox(sandbox)
            .server(port.number(), &[])
            .option("myhostname", "peer.test")
            .option("smtpd_peername_lookup", "no")
            .option("relayhost", nexthop)
            // Contents are compared: nothing may be made right on the way.
            .option("local_header_rewrite_clients", "")
            .option("smtp_line_length_limit", "0")
            .option("disable_mime_output_conversion", "yes");
        let launch = only(launch, sandbox, suite, certificate);
        let port = port.release();
        Self { postfix: launch.start(), port }
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
        wait::until(wait::PATIENCE, || (self.postfix.queued() == 0).then_some(()));
    }

    pub(super) fn log(&self) -> String {
        self.postfix.log_from(0)
    }
}

/// TLS if the client wants it, and then with this suite.
fn only(launch: Launch, sandbox: &Sandbox, suite: Suite, certificate: &Certificate) -> Launch {
    let version = suite.protocol;
    let launch = launch
        .option("smtpd_tls_security_level", "may")
        .option("smtpd_tls_loglevel", "1")
        .option(
            "smtpd_tls_chain_files",
            format!("{}, {}", certificate.key.display(), certificate.certificate.display()),
        )
        .option("smtpd_tls_protocols", format!(">={version}, <={version}"))
        .option("smtpd_tls_ciphers", "high");
    match version {
        Protocol::Tls12 => launch.option("tls_high_cipherlist", suite.openssl()),
        // Postfix has no parameter for the suites of TLS 1.3.
        Protocol::Tls13 => {
            let text = format!(
                "postfix = here\n[here]\nssl_conf = ssl\n[ssl]\nsystem_default = only\n[only]\nCiphersuites = {}\n",
                suite.openssl()
            );
            let config = sandbox.write("openssl.cnf", text).display().to_string();
            launch.option("tls_config_file", config).option("tls_config_name", "postfix")
        }
    }
}

/// `Anonymous TLS connection established from unknown[127.0.0.1]: TLSv1.3 with cipher TLS_AES_… (…`
fn agreed(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(" TLS connection established from ")?;
    let (protocol, rest) = rest.split_once("]: ")?.1.split_once(" with cipher ")?;
    let suite: Suite = rest.split(' ').next()?.parse().ok()?;
    Some(format!("{protocol} {suite}"))
}
