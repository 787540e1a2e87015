//! What a case is made of.

use crate::tls_server::{Behaviour, Handshake, Identity, Inside, Start, Versions};

/// One message to one domain, under one policy, to scripted servers.
#[derive(Debug, Clone)]
pub struct Case {
    /// Words with hyphens; also the domain's first label.
    pub name: String,
    /// Which settings of main.cf it runs with.
    pub group: &'static str,
    /// The right side of its entry in the policy table, without entry if there is none. `{host}`, `{domain}`,
    /// `{leaf-sha256}` and so on are filled in.
    pub policy: Option<String>,
    /// More entries for the table: key and value.
    pub entries: Vec<(String, String)>,
    /// The next hop, if not the domain.
    pub nexthop: Option<String>,
    /// How old the message is.
    pub age: Age,
    /// Its mail exchangers in the order of preference.
    pub servers: Vec<Behaviour>,
    /// What DNS says of them.
    pub zone: Zone,
}

/// Whether a message has waited as long as plaintext needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Age {
    /// It came just now.
    #[default]
    Fresh,
    /// It came longer than `minimal_backoff_time` ago.
    Old,
}

/// What DNS says of a case.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    /// Whether the domain's zone is signed.
    pub mx: Signed,
    /// Whether the mail exchangers' zone is signed.
    pub host: Signed,
    /// TLSA records of each mail exchanger.
    pub tlsa: Vec<Tlsa>,
    /// Anything unusual about them.
    pub twist: Twist,
}

/// Whether a zone is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signed {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
    /// Whoever validates finds no signature that fits.
    Wrongly,
}

/// A TLSA record: usage, selector, matching type, data.
#[derive(Debug, Clone, Copy)]
pub struct Tlsa(pub u8, pub u8, pub u8, pub Data);

/// What a TLSA record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// The server's certificate.
    Leaf,
    /// The certificate of its issuer.
    Issuer,
    /// The certificate of the root.
    Root,
    /// Some other certificate.
    Other,
    /// These digits.
    Hex(&'static str),
}

/// Unusual DNS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Twist {
    /// None.
    #[default]
    None,
    /// TLSA lookups fail (SERVFAIL).
    LookupFails,
    /// The mail exchanger is an alias, with TLSA records at the alias alone.
    AliasHasRecords,
    /// The mail exchanger is an alias, with TLSA records at the target alone.
    TargetHasRecords,
    /// The mail exchanger is an alias in the signed zone for a host in the unsigned one; records at the alias.
    AliasOutOfZone,
    /// The domain has no MX record; it is the host.
    NoMx,
}

/// A case in group `main`, with one server that does everything right.
pub fn case(name: impl Into<String>, policy: impl Into<String>) -> Case {
    let policy = policy.into();
    Case {
        name: name.into(),
        group: "main",
        policy: (!policy.is_empty()).then_some(policy),
        entries: Vec::new(),
        nexthop: None,
        age: Age::Fresh,
        servers: vec![Behaviour::default()],
        zone: Zone::default(),
    }
}

impl Case {
    /// Changes the first server.
    fn server(mut self, change: impl FnOnce(&mut Behaviour)) -> Self {
        change(&mut self.servers[0]);
        self
    }

    /// The first server begins so.
    #[must_use]
    pub fn start(self, start: Start) -> Self {
        self.server(|server| server.start = start)
    }

    /// The first server's handshake.
    #[must_use]
    pub fn handshake(self, handshake: Handshake) -> Self {
        self.server(|server| server.handshake = handshake)
    }

    /// The first server's versions.
    #[must_use]
    pub fn versions(self, versions: Versions) -> Self {
        self.server(|server| server.versions = versions)
    }

    /// What the first server does inside.
    #[must_use]
    pub fn inside(self, inside: Inside) -> Self {
        self.server(|server| server.inside = inside)
    }

    /// The first server's certificate.
    #[must_use]
    pub fn shows(self, identity: Identity) -> Self {
        self.server(|server| server.identity = identity)
    }

    /// One more server.
    #[must_use]
    pub fn then(mut self, behaviour: Behaviour) -> Self {
        self.servers.push(behaviour);
        self
    }

    /// Runs with these settings.
    #[must_use]
    pub fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    /// The message is old.
    #[must_use]
    pub fn old(mut self) -> Self {
        self.age = Age::Old;
        self
    }

    /// One more entry in the table.
    #[must_use]
    pub fn entry(mut self, key: &str, value: &str) -> Self {
        self.entries.push((key.into(), value.into()));
        self
    }

    /// The transport's next hop.
    #[must_use]
    pub fn nexthop(mut self, nexthop: &str) -> Self {
        self.nexthop = Some(nexthop.into());
        self
    }

    /// Domain and mail exchangers are in signed zones, with these TLSA records.
    #[must_use]
    pub fn tlsa(mut self, records: &[Tlsa]) -> Self {
        self.zone.tlsa = records.to_vec();
        (self.zone.mx, self.zone.host) = (Signed::Yes, Signed::Yes);
        self
    }

    /// The domain's zone is not signed after all.
    #[must_use]
    pub fn insecure_mx(mut self) -> Self {
        self.zone.mx = Signed::No;
        self
    }

    /// The domain's zone is signed, but not so that anybody could believe it.
    #[must_use]
    pub fn wrongly_signed(mut self) -> Self {
        self.zone.mx = Signed::Wrongly;
        self
    }

    /// The mail exchangers' zone is not signed after all.
    #[must_use]
    pub fn insecure_host(mut self) -> Self {
        self.zone.host = Signed::No;
        self
    }

    /// Unusual DNS.
    #[must_use]
    pub fn twist(mut self, twist: Twist) -> Self {
        self.zone.twist = twist;
        self
    }
}
