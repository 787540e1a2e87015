//! The cases put on stage: names, addresses, certificates, tables, DNS records.

mod records;

use super::case::{Age, Case, Signed, Twist};
use super::cases::{self, Group};
use super::dns::{BOGUS, Dns, SIGNED, UNSIGNED};
use crate::sandbox::Sandbox;
use crate::tls_server::{Authorities, Issued, Peer, Server, Start};
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A mail exchanger of a case.
#[derive(Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its certificate.
    pub identity: Arc<Issued>,
    /// Its number among the scripted servers.
    pub peer: usize,
}

/// A case with its names.
#[derive(Debug)]
pub struct Placed {
    /// What it is about.
    pub case: Case,
    /// The recipient's domain.
    pub domain: String,
    /// Its mail exchangers.
    pub hosts: Vec<Host>,
    /// The folder of tables and certificates.
    pub folder: String,
}

/// Everything that both sides run against.
#[derive(Debug)]
pub struct Stage {
    /// The cases.
    pub placed: Vec<Placed>,
    /// The groups that they need.
    pub groups: Vec<Group>,
    peers: Vec<Peer>,
    folder: String,
    _dns: Dns,
}

impl Stage {
    /// Sets everything up for these cases, inside the namespace.
    pub fn set(sandbox: &Sandbox, cases: Vec<Case>) -> Self {
        let authorities = Authorities::new();
        let folder = sandbox.folder("stage").display().to_string();
        sandbox.write("stage/root.pem", authorities.root_pem());
        sandbox.write("stage/unknown.pem", authorities.unknown_pem());
        sandbox.write("stage/intermediate.pem", authorities.intermediate_pem());
        sandbox.write("stage/nothing.pem", "");
        sandbox.write("stage/garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let mut peers = Vec::new();
        let mut names = HashSet::new();
        let mut placed = Vec::new();
        for (number, case) in cases.into_iter().enumerate() {
            assert!(names.insert(case.name.clone()), "two cases are named {}", case.name);
            let mut one = place(number, case, &authorities, &mut peers);
            one.folder.clone_from(&folder);
            if let Some(host) = one.hosts.first() {
                sandbox.write(&format!("stage/{}.leaf.pem", one.domain), host.identity.leaf_pem());
                sandbox.write(&format!("stage/{}.key.pem", one.domain), host.identity.key_pem());
            }
            placed.push(one);
        }
        let used: HashSet<&str> = placed.iter().map(|one| one.case.group).collect();
        let groups = cases::groups(&folder).into_iter().filter(|group| used.contains(group.name)).collect();
        let dns = Dns::start(sandbox, &records::of(&placed));
        let stage = Self { placed, groups, peers, folder, _dns: dns };
        sandbox.write("stage/policy", stage.table(|group| !group.starts_with("site")));
        sandbox.write("stage/sites", stage.table(|group| group.starts_with("site")));
        stage
    }

    /// Starts the scripted servers, with empty records.
    pub fn servers(&self) -> Server {
        Server::start(self.peers.clone())
    }

    /// Parameters that all groups have.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let folder = &self.folder;
        vec![
            ("smtp_tls_loglevel", "1".into()),
            ("smtp_tls_security_level", "may".into()),
            ("smtp_tls_policy_maps", format!("texthash:{folder}/policy")),
            ("smtp_tls_CAfile", format!("{folder}/root.pem")),
            ("smtp_tls_fingerprint_digest", "sha256".into()),
            ("smtp_dns_support_level", "dnssec".into()),
            ("smtp_host_lookup", "dns".into()),
            ("smtp_connection_cache_on_demand", "no".into()),
            ("max_use", "1".into()),
        ]
    }

    /// Cases of this group and age, with their numbers.
    pub fn of<'a>(&'a self, group: &'a str, age: Age) -> impl Iterator<Item = (usize, &'a Placed)> {
        let all = self.placed.iter().enumerate();
        all.filter(move |(_, one)| one.case.group == group && one.case.age == age)
    }

    /// The policy entries of cases whose group is wanted.
    fn table(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut table = String::new();
        for one in self.placed.iter().filter(|one| wanted(one.case.group)) {
            let own = one.case.policy.iter().map(|policy| ("{domain}", policy.as_str()));
            let more = one.case.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            for (key, value) in own.chain(more) {
                table.push_str(&format!("{} {}\n", self.fill(one, key), self.fill(one, value)));
            }
        }
        table
    }

    /// Replaces what stands in braces.
    pub fn fill(&self, one: &Placed, text: &str) -> String {
        let host = one.hosts.first();
        let text = text.replace("{domain}", &one.domain).replace("{stage}", &self.folder);
        let text = text.replace("{host}", host.map_or("", |host| &host.name));
        host.map_or(text.clone(), |host| host.identity.fill(&text))
    }
}

impl Placed {
    /// The recipient of its message.
    pub fn recipient(&self) -> String {
        format!("user@{}", self.domain)
    }
}

fn place(number: usize, case: Case, authorities: &Authorities, peers: &mut Vec<Peer>) -> Placed {
    let zone = |signed: Signed| match signed {
        Signed::Yes => SIGNED,
        Signed::No => UNSIGNED,
        Signed::Wrongly => BOGUS,
    };
    let domain = format!("{}.{}", case.name, zone(case.zone.mx));
    let mut hosts = Vec::new();
    for (rank, behaviour) in case.servers.iter().enumerate() {
        let name = match case.zone.twist {
            Twist::NoMx => domain.clone(),
            _ => format!("mx{}.{}.{}", rank + 1, case.name, zone(case.zone.host)),
        };
        let octet = |value: usize| u8::try_from(value).expect("few cases");
        let address = Ipv4Addr::new(127, octet(rank + 1), octet(number / 200), octet(number % 200 + 1));
        let identity = Arc::new(authorities.issue(&behaviour.identity, &name, &domain));
        let port = if behaviour.start == Start::Wrapper { 465 } else { 25 };
        peers.push(Peer {
            address: SocketAddr::from((address, port)),
            host: name.clone(),
            behaviour: behaviour.clone(),
            identity: Arc::clone(&identity),
        });
        hosts.push(Host { name, address, identity, peer: peers.len() - 1 });
    }
    Placed { case, domain, hosts, folder: String::new() }
}
