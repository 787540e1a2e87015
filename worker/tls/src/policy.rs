//! What the operator decided for a next hop, and what it comes to for one host.

mod ciphers;
mod dane;
pub(crate) mod digest;
mod effective;
mod error;
pub(crate) mod fingerprint;
pub(crate) mod groups;
mod in_force;
mod lookup;
pub(crate) mod names;
mod offer;
mod per_site;
mod protocols;
mod settings;
mod sni;
pub(crate) mod suites;
mod table;
mod tlsa;

use std::sync::Arc;

pub use dane::DaneFinding;
pub use effective::Effective;
pub(crate) use effective::Matching;
pub use error::PolicyError;
pub(crate) use fingerprint::DigestName;
pub use lookup::PolicyTable;
use maincf::value::InsecureMxPolicy;
pub use names::Pattern;
pub(crate) use offer::Offer;
pub use settings::Policies;
pub use tlsa::Tlsa;

use crate::Level;
use crate::engine::AnchorSet;
use dane::Wanted;
use digest::Fields;
use fingerprint::Fingerprints;
use names::MatchRule;
use offer::OfferError;
use sni::SniRule;
pub(crate) use tlsa::DaneDigests;

/// Who decided the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Nobody in particular: `smtp_tls_security_level` and its older forms.
    MainCf,
    /// `smtp_tls_policy_maps`.
    PolicyMaps,
    /// `smtp_tls_per_site`.
    PerSite,
}

/// How the host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// By its address.
    Tcp,
    /// By a path on this machine.
    UnixSocket,
}

/// The names of one host of a destination. None of them has brackets or a port.
#[derive(Clone, Copy, Debug)]
pub struct HostNames<'a> {
    /// The domain that the mail is for.
    pub nexthop: &'a str,
    /// The host, as MX records or the next hop named it.
    pub host: &'a str,
    /// Where MX records named the host.
    pub mx: Option<MxNames<'a>>,
}

/// The owner of MX records.
#[derive(Clone, Copy, Debug)]
pub struct MxNames<'a> {
    /// The name that was asked.
    pub qname: &'a str,
    /// The name that answered, after aliases.
    pub rname: &'a str,
}

/// What the operator decided for a host of a next hop, before DNS is asked about the host.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The level asked for.
    pub level: Level,
    /// By whom.
    pub source: Source,
    /// Whether encrypted sessions are handed on.
    pub reuse: bool,
    /// For the operator's log, once.
    pub warnings: Vec<String>,
    /// For messages: the table and the key where the policy stands.
    place: String,
    /// On a Unix socket: the name that stands for the host and the domain.
    local_name: Option<String>,
    /// The parameters' prefix, if so.
    wrappermode: Option<&'static str>,
    /// At level may, and at level dane without records.
    may: Result<Arc<Offer>, OfferError>,
    /// At every level above it.
    mandatory: Result<Arc<Offer>, OfferError>,
    sni: SniRule,
    /// `None`: the digest is not known.
    fingerprints: Option<Fingerprints>,
    names: Vec<MatchRule>,
    anchors: Arc<AnchorSet>,
    depth: u32,
    insecure_mx: InsecureMxPolicy,
    dane_digests: Result<DaneDigests, String>,
    identity: [u8; 32],
}

impl Policy {
    /// Where it stands, for people: the table and the key, or main.cf.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether TLSA records decide.
    pub fn wants_dane(&self) -> bool {
        self.wanted().is_some()
    }

    /// Whether TLSA records of a host make a difference, given whether the MX answer that named it was validated (or there
    /// was none). If not, [`DaneFinding::NoTlsa`] goes to [`Self::with_dane`]. Errors: the host is passed over.
    pub fn asks_tlsa(&self, mx_secure: bool) -> Result<bool, PolicyError> {
        match self.wanted() {
            None => Ok(false),
            Some(_) if self.dane_digests.is_err() => Ok(false),
            Some(Wanted::DaneOnly) if !mx_secure => Err(PolicyError::unmet("non DNSSEC destination")),
            Some(Wanted::DaneOnly) => Ok(true),
            Some(Wanted::Dane) => Ok(mx_secure || self.insecure_mx != InsecureMxPolicy::May),
        }
    }

    /// What the policy comes to for a host. Where DANE is wanted, this is as if it could not be had.
    pub fn for_host(&self, names: &HostNames<'_>) -> Result<Effective, PolicyError> {
        let reason = || DaneFinding::Off { reason: "TLSA records were not looked up".into() };
        match self.wanted() {
            Some(_) => self.with_dane(names, &reason()),
            None => self.in_force(self.level, None, names),
        }
    }

    /// What the policy comes to for a host of which this is known in the DNS. Policies without DANE ignore it.
    pub fn with_dane(&self, names: &HostNames<'_>, finding: &DaneFinding) -> Result<Effective, PolicyError> {
        let Some(wanted) = self.wanted() else {
            return self.in_force(self.level, None, names);
        };
        let decision = match &self.dane_digests {
            Ok(digests) => dane::decide(wanted, finding, self.insecure_mx, digests)?,
            Err(reason) => {
                let off = DaneFinding::Off { reason: reason.clone() };
                dane::decide(wanted, &off, self.insecure_mx, &DaneDigests::none())?
            }
        };
        self.in_force(decision.level, Some(decision), names)
    }

    /// SHA-256 over all that the level, and the levels it may come to, look at.
    pub fn digest(&self) -> [u8; 32] {
        // Taken apart, so that a new field does not compile until it is decided whether it belongs here.
        let Self {
            level,
            source: _,
            reuse: _,
            warnings: _,
            place: _,
            local_name,
            wrappermode,
            may,
            mandatory,
            sni,
            fingerprints,
            names,
            anchors,
            depth,
            insecure_mx,
            dane_digests,
            identity,
        } = self;
        let mut fields = Fields::new("baton tls policy 1");
        fields.text(level.word()).flag(wrappermode.is_some()).optional(local_name.as_deref());
        if *level == Level::None {
            return fields.finish();
        }
        fields.octets(identity);
        sni.digest_into(&mut fields);
        if !level.is_mandatory() || *level == Level::Dane {
            offer::digest_into(may, &mut fields);
        }
        if level.is_mandatory() {
            offer::digest_into(mandatory, &mut fields);
        }
        match level {
            Level::None | Level::May | Level::Encrypt => {}
            Level::Fingerprint => effective::fingerprints_into(fingerprints.as_ref(), &mut fields),
            Level::HalfDane | Level::Dane | Level::DaneOnly => {
                fields.text(&format!("{insecure_mx:?} {dane_digests:?}")).number((*depth).into());
            }
            Level::Verify | Level::Secure => {
                fields.text(&format!("{names:?}")).octets(anchors.digest()).number((*depth).into());
            }
        }
        fields.finish()
    }

    fn wanted(&self) -> Option<Wanted> {
        match self.level {
            Level::Dane => Some(Wanted::Dane),
            // It cannot be asked for; if it were, it is no weaker than this.
            Level::DaneOnly | Level::HalfDane => Some(Wanted::DaneOnly),
            Level::None
            | Level::May
            | Level::Encrypt
            | Level::Fingerprint
            | Level::Verify
            | Level::Secure => None,
        }
    }
}

#[cfg(test)]
mod tests;
