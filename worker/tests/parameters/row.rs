//! A row: a parameter, its value, a server, and what is seen with and without it, for both protocols.

use crate::rig::{self, Worker};
use maincf::{Protocol, Scope, params};
use proto::job::{CacheUse, Recipient, Report, Request, Times};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use testkit::sink::{Dialect, Listen, Rule, Settings, Sink};
use testkit::zone::{FakeDns, Zone};

/// What is set of one parameter, and what must come of it.
pub(crate) struct Row {
    name: &'static str,
    value: &'static str,
    otherwise: Option<&'static str>,
    also: Vec<(&'static str, &'static str)>,
    server: Settings,
    nexthop: &'static str,
    sender: &'static str,
    recipient: &'static str,
    text: Vec<u8>,
    store: bool,
    zone: Zone,
    with: Vec<&'static str>,
    without: Option<&'static str>,
    smtp_only: bool,
}

/// A row for a delivery that succeeds: one short message to one server at 127.0.0.1.
pub(crate) fn row(name: &'static str, value: &'static str) -> Row {
    Row {
        name,
        value,
        otherwise: None,
        also: Vec::new(),
        server: Settings::smtp(),
        nexthop: "[127.0.0.1]:{port}",
        sender: "s@client.test",
        recipient: "a@d.test",
        text: b"Subject: x\r\n\r\nbody\r\n".to_vec(),
        store: false,
        zone: zone(),
        with: Vec::new(),
        without: None,
        smtp_only: false,
    }
}

impl Row {
    /// Also set, with the parameter and without it.
    pub(crate) fn also(mut self, name: &'static str, value: &'static str) -> Self {
        self.also.push((name, value));
        self
    }

    /// The value that it is compared with, instead of the default.
    pub(crate) fn against(mut self, value: &'static str) -> Self {
        self.otherwise = Some(value);
        self
    }

    pub(crate) fn server(mut self, change: impl FnOnce(Settings) -> Settings) -> Self {
        self.server = change(self.server);
        self
    }

    pub(crate) fn rule(self, rule: Rule) -> Self {
        self.server(|server| server.rule(rule))
    }

    /// `{port}` is the server's.
    pub(crate) fn nexthop(mut self, nexthop: &'static str) -> Self {
        self.nexthop = nexthop;
        self
    }

    pub(crate) fn from(mut self, sender: &'static str) -> Self {
        self.sender = sender;
        self
    }

    pub(crate) fn to(mut self, recipient: &'static str) -> Self {
        self.recipient = recipient;
        self
    }

    pub(crate) fn text(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.text = text.into();
        self
    }

    pub(crate) fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The scheduler wants the session to be kept.
    pub(crate) fn store(mut self) -> Self {
        self.store = true;
        self
    }

    /// Exchangers are SMTP's, or the twin is about something else.
    pub(crate) fn smtp_only(mut self) -> Self {
        self.smtp_only = true;
        self
    }

    /// Seen with the parameter, and not seen without it.
    pub(crate) fn with(mut self, text: &'static str) -> Self {
        self.with.push(text);
        self
    }

    /// Seen without the parameter, and not seen with it.
    pub(crate) fn without(mut self, text: &'static str) -> Self {
        self.without = Some(text);
        self
    }

    fn scopes(&self) -> Vec<Protocol> {
        // Names without a row are there to be referred to, by both.
        let row = params::find(self.name).map(|found| found.row);
        let has = |protocol: &Protocol| row.is_none_or(|row| row.name(Scope::Protocol(*protocol)).is_some());
        let fits = |protocol: &Protocol| !self.smtp_only || *protocol == Protocol::Smtp;
        Protocol::ALL.into_iter().filter(has).filter(fits).collect()
    }
}

/// Runs every row for each protocol that reads its parameter, set and not set.
pub(crate) fn check(rows: Vec<Row>) {
    for row in &rows {
        assert!(!row.with.is_empty() || row.without.is_some(), "{}: nothing is expected", row.name);
        for protocol in row.scopes() {
            let of = |text: &str| of_protocol(text, protocol);
            let seen = seen(row, protocol, Some(row.value));
            let context = |seen: &str| format!("{} = {} ({protocol:?}), seen:\n{seen}", row.name, row.value);
            for with in &row.with {
                assert!(seen.contains(&of(with)), "not there: {:?} of {}", of(with), context(&seen));
            }
            let Some(without) = row.without else { continue };
            assert!(!seen.contains(&of(without)), "there: {:?} of {}", of(without), context(&seen));
            let seen = self::seen(row, protocol, row.otherwise);
            assert!(
                seen.contains(&of(without)),
                "not there without: {:?} of {}",
                of(without),
                context(&seen)
            );
            for with in &row.with {
                assert!(!seen.contains(&of(with)), "there without: {:?} of {}", of(with), context(&seen));
            }
        }
    }
}

/// A command of SMTP's as the protocol has it.
fn of_protocol(text: &str, protocol: Protocol) -> String {
    if protocol == Protocol::Lmtp { text.replace("EHLO", "LHLO") } else { text.to_owned() }
}

/// The name that the protocol reads.
fn name_of(name: &str, protocol: Protocol) -> String {
    let twin = params::find(name).and_then(|found| found.row.name(Scope::Protocol(protocol)));
    twin.map_or_else(|| name.to_owned(), Into::into)
}

/// All that was seen of one delivery.
fn seen(row: &Row, protocol: Protocol, value: Option<&str>) -> String {
    let mut settings = row.server.clone();
    if protocol == Protocol::Lmtp {
        settings.dialect = Dialect::Lmtp;
    }
    let (sink, dns) = (Sink::start(settings), FakeDns::start(row.zone.clone()));
    let port = sink.address().port().to_string();
    let fill = |text: &str| text.replace("{port}", &port);
    let mut options = vec![
        "myhostname=client.test".to_owned(),
        "maillog_file=".to_owned(),
        format!("{}=none", name_of("smtp_tls_security_level", protocol)),
        format!("baton_dns_server=127.0.0.1:{}", dns.address().port()),
    ];
    let set = |&(name, value): &(&str, &str)| format!("{}={}", name_of(name, protocol), fill(value));
    options.extend(row.also.iter().map(set));
    options.extend(value.map(|value| set(&(row.name, value))));
    let service = if protocol == Protocol::Lmtp { "lmtp" } else { "smtp" };
    let mut worker = Worker::start(service, &options);
    worker.deliver(request(row, fill(row.nexthop)), &row.text);
    let report = worker.report().expect("a report");
    let (cache, log) = worker.end();
    written(&sink, &report, &cache, &log).replace(&format!(":{port}"), "")
}

fn request(row: &Row, nexthop: String) -> Request {
    let plain = rig::request(nexthop, row.text.len() as u64);
    let to = |recipient| Recipient { address: row.recipient.into(), ..recipient };
    Request {
        sender: row.sender.into(),
        cache: CacheUse { load: false, store: row.store },
        // What a line says of it is the same on every machine.
        times: Times { arrival: 1_000_000, active: 1_550_000, handed: 1_550_000 },
        recipients: plain.recipients.into_iter().map(to).collect(),
        ..plain
    }
}

fn written(sink: &Sink, report: &Report, cache: &[String], log: &str) -> String {
    let mut text = String::new();
    let mut say = |line: &str| writeln!(text, "{line}").expect("a string takes all");
    say(&format!("leaving={}", report.leaving));
    for result in &report.results {
        say(&format!("result {:?} {} {}", result.fate, result.status, result.reason));
    }
    let record = sink.record();
    for connection in &record.connections {
        say(&format!("connected {}", connection.local));
        connection.commands.iter().for_each(|line| say(&format!("heard {line}")));
    }
    for message in &record.messages {
        say(&format!("content {}", String::from_utf8_lossy(&message.content).replace("\r\n", "\\n")));
    }
    cache.iter().for_each(|line| say(line));
    let tried = log.lines().filter_map(|line| line.split_once("]: connect to ")?.1.split(']').next());
    say(&format!("tried {}", tried.collect::<Vec<_>>().join("] then ")));
    log.lines().for_each(say);
    text
}

/// Names for all rows. Nothing listens at 127.0.0.9 and at ::1.
pub(crate) fn zone() -> Zone {
    let local = |last| Ipv4Addr::new(127, 0, 0, last).into();
    let zone = Zone::new()
        .mx("one.test", 10, "mx1.test")
        .mx("one.test", 20, "mx2.test")
        .mx("two.test", 10, "mx2.test")
        .mx("empty.test", 10, "nothing.test")
        .mx("own.test", 10, "own-mx.test")
        .text("nothing.test", "no address")
        .address("own-mx.test", local(77))
        .address("mx1.test", local(9))
        .address("mx2.test", local(1))
        .address("both.test", local(9))
        .address("both.test", std::net::Ipv6Addr::LOCALHOST.into());
    (30..42).fold(zone, |zone, last| zone.address("many.test", local(last)))
}

/// At ::1, on a free port.
pub(crate) fn listening_on_ipv6(settings: Settings) -> Settings {
    settings.listening([Listen::Tcp((std::net::Ipv6Addr::LOCALHOST, 0).into())])
}
