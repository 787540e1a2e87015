//! Who answers the questions of the table: signed zones behind a validating resolver, a server that errs, and memory.

use crate::fake_server::{Act, Asked, FakeServer, a, rcode, reply};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use route::dns::{AdTrust, RecordFilter, Resolver, ResolverOptions, Source, SystemFailure, Table};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::Sandbox;
use testkit::lab::{SignedLab, SignedZone, ZoneKind};

/// Long enough never to matter where an answer is expected, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For the server that does not always answer: all of it is waited for.
const HASTY: Duration = Duration::from_secs(2);

pub(crate) struct World {
    lab: SignedLab,
    fake: FakeServer,
}

/// Hosts `mx1` to `mx3`, and one that is this machine.
const SIGNED: &str = "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 127.0.1.1\nmx2 A 127.0.1.2\nmx3 A 127.0.1.3\nself A 127.0.9.9\n\
    dual A 127.0.1.4\ndual AAAA ::2\nto-dual MX 10 dual\nxn--bcher-kva MX 10 mx1\n\
    alias CNAME link\nlink CNAME by-alias\nby-alias MX 10 mx3\nhost-alias CNAME mx1\nout CNAME mx.insecure.test.\n\
    null MX 0 .\nnull A 127.0.1.1\nnull-and-more MX 0 .\nnull-and-more MX 10 mx1\nnull-and-more A 127.0.1.1\n\
    implicit A 127.0.1.5\nnothing TXT x\nodd MX 10 in\\@valid\nodd A 127.0.1.6\npart-odd MX 10 in\\@valid\n\
    part-odd MX 20 mx1\nnumber MX 10 127.0.1.7.\nodd-alias CNAME in\\@valid\nin\\@valid A 127.0.1.8\n\
    some-fail MX 10 gone\nsome-fail MX 20 mx.bogus.test.\nsome-fail MX 30 mx1\n\
    hard-soft MX 10 gone\nhard-soft MX 20 mx.bogus.test.\nsoft-hard MX 10 mx.bogus.test.\nsoft-hard MX 20 gone\n\
    hard MX 10 gone\nhard MX 20 nothing\n\
    backup MX 10 mx1\nbackup MX 20 self\nbackup MX 20 mx2\nbackup MX 30 mx3\n\
    we-first MX 10 self\nwe-first MX 20 mx1\nwe-second MX 10 gone\nwe-second MX 20 self\nself-implicit A 127.0.9.9\n\
    balance MX 10 six\nsix AAAA ::11\nsix AAAA ::12\nbalance MX 20 four\nfour A 127.0.1.21\nfour A 127.0.1.22\n\
    cut MX 10 many\n";

/// Services of `srv.signed.test` and others.
const SERVICES: &str = "_smtp._tcp.srv SRV 20 0 2520 mx2\n_smtp._tcp.srv SRV 10 0 2510 mx1\n\
    _smtp._tcp.srv SRV 30 0 2530 mx3\nsrv MX 10 mx3\nsrv A 127.0.1.30\n_submission._tcp.srv SRV 1 1 587 mx2\n\
    _smtp._tcp.srv-null SRV 0 0 0 .\nsrv-null MX 10 mx3\nno-srv MX 10 mx3\n_smtp._tcp.srv-gone SRV 1 1 25 gone\n\
    srv-gone MX 10 mx3\n_smtp._tcp.srv-odd SRV 1 1 25 in\\@valid\nsrv-odd MX 10 mx3\n\
    _smtp._tcp.srv-self SRV 1 1 25 self\n_submission._tcp.srv-self SRV 1 1 25 self\n_smtp._tcp.srv-other SRV 1 1 2525 self\n\
    _smtp._tcp.srv-backup SRV 1 1 25 mx1\n_smtp._tcp.srv-backup SRV 2 1 25 self\n\
    _smtp._tcp.srv-second SRV 1 1 25 gone\n_smtp._tcp.srv-second SRV 2 1 25 self\n\
    _lmtp._tcp.srv SRV 1 1 2424 mx1\nsrv-bogus MX 10 mx3\n_smtp._tcp.srv-bogus CNAME _smtp._tcp.expired.test.\n";

impl World {
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        let mut signed = format!("{SIGNED}{SERVICES}");
        for last in 0..105 {
            let _ = writeln!(signed, "many A 127.0.2.{last}");
        }
        let own = "@ MX 10 mx\nmx A 127.0.3.1\n_smtp._tcp SRV 1 1 2525 mx\n";
        let zones = [
            SignedZone::new("signed.test.", ZoneKind::Signed, signed),
            SignedZone::new("insecure.test.", ZoneKind::Unsigned, own),
            SignedZone::new("bogus.test.", ZoneKind::Bogus, own),
            SignedZone::new("expired.test.", ZoneKind::Expired, own),
        ];
        Self { lab: SignedLab::start(sandbox, &zones), fake: FakeServer::start(err).await }
    }

    pub(crate) fn lab(&self) -> Resolver {
        resolver(self.lab.resolver(), PATIENT)
    }

    pub(crate) fn filtered(
        &self,
        text: &'static str,
        action: Result<&'static str, &'static str>,
    ) -> Resolver {
        self.lab().with_filter(Box::new(Filter { text, action }))
    }

    pub(crate) fn fake(&self) -> Resolver {
        resolver(self.fake.address, HASTY)
    }

    pub(crate) fn memory(&self) -> Table {
        let failure = |failure: fn(String) -> SystemFailure, text: &str| Err(failure(text.to_owned()));
        Table::new()
            .system("hosts-file.example", Ok(vec!["127.0.4.1".parse().unwrap()]))
            .system("busy.example", failure(SystemFailure::TryAgain, "Temporary failure in name resolution"))
            .system("full.example", failure(SystemFailure::Other, "Memory allocation failure"))
            .system("broken.example", failure(SystemFailure::Unrecoverable, "Non-recoverable failure"))
    }
}

fn resolver(server: SocketAddr, timeout: Duration) -> Resolver {
    let source = Source::Servers { servers: vec![server], timeout, attempts: 1 };
    Resolver::new(ResolverOptions { source, trust: AdTrust::Local, cache_size: 16 })
}

/// `servfail-mx.…` fails for MX (and SRV) only, and so on; every name has an address, but for those of `-all`.
fn err(asked: &Asked, question: &Message) -> Act {
    let label = asked.name.split('.').find(|label| !label.starts_with('_')).unwrap_or_default();
    let address = matches!(asked.kind, RecordType::A | RecordType::AAAA);
    if address && !label.ends_with("-all") {
        return Act::Say(reply(question, vec![a(&asked.name, 1)]));
    }
    match label.split('-').next() {
        Some("servfail") => Act::Say(rcode(question, ResponseCode::ServFail)),
        Some("refused") => Act::Say(rcode(question, ResponseCode::Refused)),
        Some("notimp") => Act::Say(rcode(question, ResponseCode::NotImp)),
        Some("formerr") => Act::Say(rcode(question, ResponseCode::FormErr)),
        Some("silent") => Act::Silent,
        _ => Act::Say(rcode(question, ResponseCode::NXDomain)),
    }
}

#[derive(Debug)]
struct Filter {
    text: &'static str,
    action: Result<&'static str, &'static str>,
}

impl RecordFilter for Filter {
    fn action(&self, record: &str) -> Result<Option<String>, String> {
        if !record.contains(self.text) {
            return Ok(None);
        }
        self.action.map(|action| Some(action.to_owned())).map_err(str::to_owned)
    }
}
