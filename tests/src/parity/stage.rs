//! The cases put on stage, once for each side: names, addresses, DNS records, servers, services.
//!
//! A side's domain is `CASE.SIDE.test`; the server of rank N is `mxN.CASE.SIDE.test`, with an address of its own, at port 25.
//! What is sent back to the sender, `sender@from.CASE.SIDE.test`, goes to a server of its own. The sides' names are of one
//! length, so that sizes agree. In a case's texts `{domain}`, `{mxN}`, `{ipN}`, `{from}`, `{transport}`, `{path}` and
//! `{folder}` stand for these.
//!
//! A record of a case is `mx OWNER PREFERENCE TARGET`, `a OWNER ADDRESS`, `cname OWNER TARGET`, `text OWNER` or
//! `fails OWNER servfail|refused|silence`.

use super::case::Case;
use super::dialogue::Script;
use super::server::{Place, Servers};
use crate::sandbox::Sandbox;
use crate::tls_server::{Authorities, Issued};
use crate::zone::{Failure, FakeDns, Zone};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

/// Who delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Postfix's own agent.
    Stock,
    /// Ours.
    Ours,
}

/// Both.
pub const SIDES: [Side; 2] = [Side::Stock, Side::Ours];

/// The rank of the server that takes what goes back to the sender.
const BACK: u8 = 9;

impl Side {
    /// In names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "alpha",
            Self::Ours => "bravo",
        }
    }
}

/// A case on one side.
#[derive(Debug)]
pub struct Placed {
    /// The case.
    pub case: Case,
    /// Who delivers.
    pub side: Side,
    /// The recipients' domain.
    pub domain: String,
    number: usize,
    path: PathBuf,
    folder: String,
    /// The servers' numbers, by rank; the one for what comes back is last.
    servers: Vec<usize>,
}

/// Everything that a run needs besides Postfix.
#[derive(Debug)]
pub struct Stage {
    /// The cases, each on both sides, the stock one first.
    pub placed: Vec<Placed>,
    servers: Servers,
    _dns: FakeDns,
}

impl Stage {
    /// Sets everything up; to be called inside a namespace of its own.
    pub fn set(sandbox: &Sandbox, cases: Vec<Case>) -> Self {
        let authorities = Authorities::new();
        sandbox.write("stage/root.pem", authorities.root_pem());
        let mut names = HashSet::new();
        let (mut placed, mut servers) = (Vec::new(), Vec::new());
        let mut zone = Zone::new();
        for (number, case) in cases.into_iter().enumerate() {
            assert!(names.insert(case.name.clone()), "two cases are named {}", case.name);
            for side in SIDES {
                let mut one = Placed::new(sandbox, number, case.clone(), side);
                one.listen(&authorities, &mut servers);
                zone = one.records(zone);
                placed.push(one);
            }
        }
        Self {
            placed,
            servers: Servers::start(servers),
            _dns: FakeDns::start_at(zone, (Ipv4Addr::LOCALHOST, 53).into()),
        }
    }

    /// Nobody is connected.
    pub fn is_quiet(&self) -> bool {
        self.servers.are_quiet()
    }

    /// What the servers of this case heard, a line each, with the server's rank; and on each connection what came back to
    /// the sender.
    pub fn heard(&self, one: &Placed) -> (Vec<String>, Vec<Vec<String>>) {
        let (mut ranks, mut back) = (Vec::new(), Vec::new());
        let count = one.servers.len();
        for (at, number) in one.servers.iter().enumerate() {
            for connection in self.servers.heard(*number) {
                if at + 1 == count {
                    back.push(connection);
                } else {
                    ranks.push(format!("connection to {}", at + 1));
                    ranks.extend(connection);
                }
            }
        }
        (ranks, back)
    }
}

impl Placed {
    fn new(sandbox: &Sandbox, number: usize, case: Case, side: Side) -> Self {
        let domain = format!("{}.{}.test", case.name, side.name());
        let path = sandbox.folder("u").join(format!("{number}.{}", side.name()));
        let folder = sandbox.folder("stage").display().to_string();
        Self { case, side, domain, number, path, folder, servers: Vec::new() }
    }

    /// The service's name.
    pub fn transport(&self) -> String {
        format!("{}-{}", self.side.name(), self.case.name)
    }

    /// Its tag in the log.
    pub fn tag(&self) -> String {
        format!("postfix/{}", self.transport())
    }

    fn address(&self, rank: u8) -> Ipv4Addr {
        let side = if self.side == Side::Stock { 10 } else { 20 };
        let octet = |number: usize| u8::try_from(number).expect("few cases");
        Ipv4Addr::new(127, side + rank, octet(self.number / 200), octet(self.number % 200 + 1))
    }

    /// Where a reply to the sender goes.
    pub fn sender(&self) -> String {
        self.case.sender.clone().unwrap_or_else(|| "sender@{from}".into()).replace("{from}", &self.back())
    }

    fn back(&self) -> String {
        format!("from.{}", self.domain)
    }

    /// Its recipients.
    pub fn recipients(&self) -> Vec<String> {
        let all = self.case.recipients().into_iter();
        all.map(|one| if one.contains('@') { self.fill(&one) } else { format!("{one}@{}", self.domain) })
            .collect()
    }

    /// Its next hop.
    pub fn nexthop(&self) -> String {
        self.fill(self.case.nexthop.as_deref().unwrap_or("{domain}"))
    }

    /// Replaces what stands in braces.
    pub fn fill(&self, text: &str) -> String {
        let mut text = text
            .replace("{domain}", &self.domain)
            .replace("{from}", &self.back())
            .replace("{transport}", &self.transport())
            .replace("{path}", &self.path.display().to_string())
            .replace("{folder}", &self.folder);
        for rank in 1..=BACK {
            text = text.replace(&format!("{{mx{rank}}}"), &format!("mx{rank}.{}", self.domain));
            text = text.replace(&format!("{{ip{rank}}}"), &self.address(rank).to_string());
        }
        text
    }

    /// What the sides cannot have in common, in words that they can.
    pub fn without_names(&self, text: &str) -> String {
        let mut text = text.replace(self.side.name(), "SIDES");
        for rank in 1..=BACK {
            let address = self.address(rank).to_string();
            text = text.replace(&format!("[{address}]"), &format!("[IP{rank}]"));
            text = text.replace(&address, &format!("IP{rank}"));
        }
        text
    }

    fn listen(&mut self, authorities: &Authorities, all: &mut Vec<(Place, Script)>) {
        let case = &self.case;
        for rank in 1..=case.servers {
            if case.absent.contains(&rank) {
                continue;
            }
            let place = match case.unix {
                true => Place::Unix(self.path.clone()),
                false => Place::Tcp((self.address(rank), 25).into()),
            };
            let host = format!("mx{rank}.{}", self.domain);
            let issued = |identity| Arc::<Issued>::new(authorities.issue(identity, &host, &self.domain));
            let script = Script {
                offers: case.offers.clone(),
                rules: case.rules.clone(),
                rank,
                lmtp: case.program == "lmtp",
                identity: case.identity.as_ref().map(issued),
            };
            self.servers.push(all.len());
            all.push((place, script));
        }
        let back = Script {
            offers: vec!["DSN".into(), "8BITMIME".into()],
            rules: vec![],
            rank: BACK,
            lmtp: false,
            identity: None,
        };
        self.servers.push(all.len());
        all.push((Place::Tcp((self.address(BACK), 25).into()), back));
    }

    fn records(&self, mut zone: Zone) -> Zone {
        let address = |zone: Zone, owner: &str, rank| zone.address(owner, IpAddr::V4(self.address(rank)));
        for rank in 1..=self.case.servers {
            let host = format!("mx{rank}.{}", self.domain);
            zone = address(zone, &host, rank);
            if self.case.records.is_empty() {
                zone = zone.mx(&self.domain, u16::from(rank) * 10, &host);
            }
        }
        zone = address(zone, &self.back(), BACK);
        for record in &self.case.records {
            let record = self.fill(record);
            let words: Vec<&str> = record.split(' ').collect();
            zone = match words.as_slice() {
                ["mx", owner, preference, target] => zone.mx(owner, preference.parse().expect("0"), target),
                ["a", owner, ip] => zone.address(owner, ip.parse().expect("an address")),
                ["cname", owner, target] => zone.alias(owner, target),
                ["text", owner] => zone.text(owner, "nothing for mail"),
                ["fails", owner, "servfail"] => zone.failing(owner, Failure::ServFail),
                ["fails", owner, "refused"] => zone.failing(owner, Failure::Refused),
                ["fails", owner, "silence"] => zone.failing(owner, Failure::Silence),
                _ => panic!("{}: {record}: no such record", self.case.name),
            };
        }
        zone
    }
}
