//! The one table of defaults that deliberately differ from Postfix's in the standalone relay.

/// What drives the delivery processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deployment {
    /// `baton relay`.
    Standalone,
    /// Postfix's master(8) and qmgr(8): no default differs.
    Postfix,
}

/// A default that differs, and why.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// The parameter's main.cf name.
    pub name: &'static str,
    /// Its unexpanded default in the standalone relay.
    pub default: &'static str,
    /// Why it is not Postfix's.
    pub reason: &'static str,
}

const fn differs(name: &'static str, default: &'static str, reason: &'static str) -> Difference {
    Difference { name, default, reason }
}

/// Every default that the standalone relay has of its own.
pub const STANDALONE: &[Difference] = &[
    differs("queue_directory", "/var/spool/baton", "the queue is not Postfix's"),
    differs("mail_owner", "baton", "an account of its own"),
    differs("mail_name", "Baton", "the name that peers and bounces show"),
    differs(
        "smtp_tls_security_level",
        "${{$smtp_enforce_tls} == {no} ? {may} : {}}",
        "encrypt wherever the server can; who still asks for more by the old switch gets more",
    ),
    differs(
        "lmtp_tls_security_level",
        "${{$lmtp_enforce_tls} == {no} ? {may} : {}}",
        "encrypt wherever the server can; who still asks for more by the old switch gets more",
    ),
    differs("smtp_tls_connection_reuse", "yes", "handing encrypted sessions on is what Baton is for"),
    differs("lmtp_tls_connection_reuse", "yes", "handing encrypted sessions on is what Baton is for"),
    differs("smtp_tls_fingerprint_digest", "sha256", "md5 fingerprints can be forged"),
    differs("lmtp_tls_fingerprint_digest", "sha256", "md5 fingerprints can be forged"),
    differs(
        "baton_connect_stagger",
        "250",
        "a broken address family costs a quarter of a second, not a timeout",
    ),
    differs(
        "smtputf8_enable",
        "yes",
        "no compatibility level is set here, and Postfix offers it from level 1 on",
    ),
    differs("syslog_name", "baton", "log lines say who wrote them"),
];

/// What is set there decides where mail goes or what a server thinks of us, and does not act. Standalone that is worth a
/// warning. Under Postfix its own agent would do as asked, so that ours does not take its place.
const MATTERS_TO_MAIL: &[&str] = &[
    // Another domain for the same letters.
    "enable_idna2003_compatibility",
    // Names that are not complete lead nowhere.
    "smtp_dns_resolver_options",
    "lmtp_dns_resolver_options",
    // The server would not know us.
    "smtp_tls_dcert_file",
    "lmtp_tls_dcert_file",
];

/// Whether neglecting a setting changes what becomes of mail.
pub(crate) fn matters_to_mail(name: &str) -> bool {
    MATTERS_TO_MAIL.contains(&name)
}

impl Deployment {
    /// This deployment's own default for a name, where it has one.
    pub fn default(self, name: &str) -> Option<&'static str> {
        match self {
            Self::Postfix => None,
            Self::Standalone => {
                STANDALONE.iter().find(|difference| difference.name == name).map(|found| found.default)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MainCf, params};

    #[test]
    fn every_difference_is_one_and_belongs_to_a_row() {
        let postfix = MainCf::none().for_deployment(Deployment::Postfix);
        for Difference { name, default, reason } in STANDALONE {
            assert!(params::find(name).is_some(), "{name}");
            assert_ne!(postfix.default_text(name).as_deref(), Some(*default), "{name}");
            assert!(!reason.is_empty(), "{name}");
        }
    }
}
