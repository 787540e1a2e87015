//! Mail for many domains on few hosts, of every kind, and a private Postfix that delivers it: for use in a namespace
//! ([`crate::policy::namespace`]), where port 25 and the resolver are ours.

mod run;
mod statistics;

use crate::ledger::{self, Balance};
use crate::mail::{self, Mail, Sent};
use crate::postfix::{Launch, Postfix};
use crate::sink::{Dialect, FinalReply, Identity, KeyKind, Listen, Received, Settings, Sink, Tls, TlsServer};
use crate::zone::{FakeDns, Zone};
use crate::{Sandbox, programs};
pub use run::{Log, Run};
pub use statistics::{Lookups, Statistics};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SMTP that offers no encryption.
    Plaintext,
    /// SMTP with STARTTLS.
    StartTls,
    /// LMTP at a TCP port.
    LmtpTcp,
    /// LMTP at Unix sockets.
    LmtpUnix,
}

/// All of them.
pub const KINDS: [Kind; 4] = [Kind::Plaintext, Kind::StartTls, Kind::LmtpTcp, Kind::LmtpUnix];

/// Domains of a kind that speaks SMTP. The MX of each names one of the kind's hosts.
const SMTP_DOMAINS: usize = 12;
/// Domains of a kind that speaks LMTP.
const LMTP_DOMAINS: usize = 4;
/// Hosts that the domains of one kind share.
const HOSTS: usize = 3;
const LMTP_PORT: u16 = 24;
/// Where mail comes in, and where it comes in to be held.
const INTAKE: u16 = 2525;
const HELD: u16 = 2526;

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plain",
            Self::StartTls => "tls",
            Self::LmtpTcp => "lmtp",
            Self::LmtpUnix => "unix",
        }
    }

    /// Speaks LMTP.
    fn stores(self) -> bool {
        matches!(self, Self::LmtpTcp | Self::LmtpUnix)
    }

    /// The domains that servers of this kind serve.
    pub fn domains(self) -> Vec<String> {
        let number = if self.stores() { LMTP_DOMAINS } else { SMTP_DOMAINS };
        (0..number).map(|n| format!("d{n}.{}.test", self.name())).collect()
    }

    /// The kind of server that this recipient's mail goes to.
    pub fn of(recipient: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| recipient.ends_with(&format!(".{}.test", kind.name())))
    }

    fn host(self, number: usize) -> String {
        format!("mx{number}.{}.test", self.name())
    }

    fn address(self, host: usize) -> Ipv4Addr {
        let third = KINDS.iter().position(|kind| *kind == self).unwrap_or_default() + 1;
        let octet = |value: usize| u8::try_from(value).expect("few hosts");
        Ipv4Addr::new(127, 0, octet(third), octet(host + 1))
    }

    fn settings(self, sandbox: &Sandbox, tls: &TlsServer) -> Settings {
        let at = |port: u16| (0..HOSTS).map(move |host| Listen::Tcp((self.address(host), port).into()));
        let lmtp = Settings {
            dialect: Dialect::Lmtp,
            banner: "220 sink.test LMTP ready".into(),
            ..Settings::smtp()
        };
        match self {
            Self::Plaintext => Settings::smtp().listening(at(25)),
            Self::StartTls => Settings::smtp().listening(at(25)).tls_server(tls.clone()),
            Self::LmtpTcp => lmtp.listening(at(LMTP_PORT)),
            Self::LmtpUnix => {
                lmtp.listening((0..HOSTS).map(|host| Listen::Unix(sandbox.join(&format!("lmtp{host}")))))
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plaintext => "SMTP, plaintext",
            Self::StartTls => "SMTP, STARTTLS",
            Self::LmtpTcp => "LMTP, TCP",
            Self::LmtpUnix => "LMTP, Unix socket",
        })
    }
}

/// Who delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agents {
    /// baton-smtp with baton-scache.
    Ours,
    /// smtp(8), lmtp(8) and scache(8).
    Stock,
    /// The same, with tlsproxy(8) to share encrypted sessions.
    StockWithProxy,
}

impl fmt::Display for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Stock => "stock",
            Self::StockWithProxy => "stock, tlsproxy",
        })
    }
}

/// The servers, running, and DNS that leads to them.
#[derive(Debug)]
pub struct Farm {
    sinks: Vec<(Kind, Sink)>,
    folder: PathBuf,
    authority: PathBuf,
    _dns: FakeDns,
}

impl Farm {
    /// Servers of these kinds.
    pub fn start(sandbox: &Sandbox, kinds: &[Kind], final_reply: FinalReply) -> Self {
        let names = kinds.iter().flat_map(|kind| {
            let hosts = (0..HOSTS).map(|host| kind.host(host));
            hosts.chain(kind.domains()).collect::<Vec<_>>()
        });
        let tls = Tls {
            identity: Identity::Made { key: KeyKind::Ecdsa, names: names.collect() },
            ..Tls::default()
        };
        let tls = tls.open().unwrap_or_else(|error| panic!("TLS of the farm: {error}"));
        let authority = sandbox.write("authority.pem", tls.pem());
        let start = |&kind: &Kind| {
            let mut settings = kind.settings(sandbox, &tls).final_reply(final_reply);
            settings.verbose = false;
            (kind, Sink::start(settings))
        };
        let sinks = kinds.iter().map(start).collect();
        let dns = FakeDns::start_at(zone(kinds), SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
        Self { sinks, folder: sandbox.path().to_owned(), authority, _dns: dns }
    }

    /// A Postfix whose transports `out` and `in` are these agents, at the limits that Postfix has by default.
    pub fn launch(&self, sandbox: &Sandbox, agents: Agents) -> Launch {
        let launch = Postfix::in_sandbox(sandbox)
            .option("default_transport", "out:")
            .option("transport_maps", self.routes())
            .option("smtp_tls_CAfile", self.authority.display().to_string())
            .option("enable_long_queue_ids", "yes")
            .option("smtpd_peername_lookup", "no")
            // Contents are compared: they go as they came.
            .option("local_header_rewrite_clients", "")
            // Mail comes in as fast as it can, whatever goes out.
            .option("in_flow_delay", "0s")
            .option("service_throttle_time", "1s")
            .server(INTAKE, &[])
            .server(HELD, &[("smtpd_client_restrictions", "check_client_access static:HOLD".to_owned())]);
        let reuse = if agents == Agents::Stock { "no" } else { "yes" };
        let launch = launch.option("smtp_tls_connection_reuse", reuse);
        match agents {
            Agents::Ours => ours(launch, sandbox),
            Agents::Stock => launch.transport("out", &[]).line("in unix - - n - - lmtp"),
            Agents::StockWithProxy => launch
                .transport("out", &[])
                .line("in unix - - n - - lmtp")
                .line("tlsproxy unix - - n - 0 tlsproxy"),
        }
    }

    /// Where that Postfix takes mail in.
    pub fn intake() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, INTAKE))
    }

    /// Where it takes mail in that is to wait until it is released.
    pub fn held_intake() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, HELD))
    }

    fn routes(&self) -> String {
        let mut routes = Vec::new();
        for (kind, _) in &self.sinks {
            for (number, domain) in kind.domains().into_iter().enumerate() {
                match kind {
                    Kind::Plaintext | Kind::StartTls => {}
                    Kind::LmtpTcp => routes.push(format!("{{ {domain} = in:inet:{domain}:{LMTP_PORT} }}")),
                    Kind::LmtpUnix => {
                        let socket = self.folder.join(format!("lmtp{}", number % HOSTS));
                        routes.push(format!("{{ {domain} = in:unix:{} }}", socket.display()));
                    }
                }
            }
        }
        // A table without entries is none.
        if routes.is_empty() { String::new() } else { format!("inline:{{ {} }}", routes.join(", ")) }
    }

    /// The servers of a kind.
    pub fn sinks(&self) -> &[(Kind, Sink)] {
        &self.sinks
    }

    /// Transactions so far.
    pub fn transactions(&self) -> usize {
        self.sinks.iter().map(|(_, sink)| sink.record().messages.len()).sum()
    }

    /// Copies of a message for this recipient that a kind's servers have taken, and how many of them they have answered.
    pub fn copies(&self, kind: Kind, message_id: &str, recipient: &str) -> (usize, usize) {
        let mut counts = (0, 0);
        for (_, sink) in self.sinks.iter().filter(|(of, _)| *of == kind) {
            let record = sink.record();
            let of_message = record.messages.iter().filter(|copy| copy.message_id == message_id);
            for copy in of_message.filter(|copy| copy.recipients.iter().any(|to| to == recipient)) {
                counts.0 += 1;
                counts.1 += usize::from(copy.answered);
            }
        }
        counts
    }

    /// The address of the host that serves this recipient, if it is served over TCP.
    pub fn host_of(recipient: &str) -> Option<Ipv4Addr> {
        let kind = Kind::of(recipient).filter(|kind| *kind != Kind::LmtpUnix)?;
        let (_, domain) = recipient.rsplit_once('@')?;
        let number = kind.domains().iter().position(|known| known == domain)?;
        Some(kind.address(number % HOSTS))
    }

    /// What all servers have taken.
    pub fn received(&self) -> Vec<Received> {
        self.sinks.iter().flat_map(|(_, sink)| sink.messages()).collect()
    }

    /// Everything that is not as it should be on the wire.
    pub fn violations(&self) -> Vec<String> {
        let of = |sink: &Sink| {
            let record = sink.record();
            record.violations.iter().chain(&record.failed_handshakes).cloned().collect::<Vec<_>>()
        };
        self.sinks.iter().flat_map(|(_, sink)| of(sink)).collect()
    }

    /// What was sent against what arrived, by kind of server: each recipient's copy counts.
    pub fn balances(&self, sent: &[Sent]) -> Vec<(Kind, Balance)> {
        let balance = |(kind, sink): &(Kind, Sink)| {
            let of_kind = |sent: &Sent| {
                let recipients = sent.recipients.iter().filter(|to| Kind::of(to) == Some(*kind)).cloned();
                Sent { recipients: recipients.collect(), ..sent.clone() }
            };
            let wanted: Vec<Sent> = sent.iter().map(of_kind).collect();
            (*kind, ledger::compare_copies(&wanted, &sink.messages()))
        };
        self.sinks.iter().map(balance).collect()
    }
}

/// Both programs of ours, the agent also under the name that makes it lmtp(8).
fn ours(launch: Launch, sandbox: &Sandbox) -> Launch {
    let lmtp = sandbox.join("baton-lmtp");
    std::os::unix::fs::symlink(programs::ours("baton-smtp"), &lmtp).expect("own folder");
    let named = "-o connection_cache_service_name=bscache";
    launch
        .agent("out", "-", named)
        .line(&format!("in unix - - n - - ../../../..{} {named}", lmtp.display()))
        .cache("bscache", "")
}

fn zone(kinds: &[Kind]) -> Zone {
    let mut zone = Zone::new();
    for kind in kinds {
        for host in 0..HOSTS {
            zone = zone.address(&kind.host(host), kind.address(host).into());
        }
        for (number, domain) in kind.domains().into_iter().enumerate() {
            zone = if kind.stores() {
                zone.address(&domain, kind.address(number % HOSTS).into())
            } else {
                zone.mx(&domain, 10, &kind.host(number % HOSTS))
            };
        }
    }
    zone
}

/// So many messages, dealt round over the domains of these kinds. Every tenth has two more recipients: one in the same
/// domain and one in the domain after it.
pub fn mails(number: usize, size: usize, kinds: &[Kind]) -> Vec<Mail> {
    let longest = kinds.iter().map(|kind| kind.domains().len()).max().unwrap_or_default();
    let pick = |place: usize| kinds.iter().filter_map(move |kind| kind.domains().into_iter().nth(place));
    let domains: Vec<String> = (0..longest).flat_map(pick).collect();
    let names: Vec<&str> = domains.iter().map(String::as_str).collect();
    let mut mails = mail::spread(number, size, &names);
    for (at, mail) in mails.iter_mut().enumerate().skip(9).step_by(10) {
        let (here, next) = (&domains[at % domains.len()], &domains[(at + 1) % domains.len()]);
        mail.recipients.extend([format!("v{at}@{here}"), format!("w{at}@{next}")]);
    }
    mails
}
