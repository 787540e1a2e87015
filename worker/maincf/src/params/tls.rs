//! How strictly TLS is used, and how: levels, policy, protocols, ciphers, what is logged.

use std::time::Duration;

use crate::param::Mirror::{Same, Shared, SmtpOnly};
use crate::param::Today::{self, Act, ByValue, Refuse, Warn};
use crate::param::params;
use crate::tables::TableList;
use crate::value::{CipherGrade, InsecureMxPolicy, SecurityLevel};

params! {
    /// How strictly TLS is used, and how.
    Tls {
        /// The level where no policy says otherwise. [`Tls::level`] is the effective value.
        security_level: SecurityLevel = "tls_security_level", "", Same, Act;
        /// Policies by next hop: a level and attributes. What it says of a destination stands instead of everything here.
        policy_maps: TableList = "tls_policy_maps", "", Same, Act;
        /// The old form of policies, by next hop and by host: NONE, MAY, MUST_NOPEERMATCH, MUST.
        per_site: TableList = "tls_per_site", "", Same, Act;
        /// The old form of level may.
        use_tls: bool = "use_tls", "no", Same, Act;
        /// The old form of levels verify and encrypt.
        enforce_tls: bool = "enforce_tls", "no", Same, Act;
        /// With `smtp_enforce_tls`: verify rather than encrypt.
        enforce_peername: bool = "tls_enforce_peername", "yes", Same, Act;
        /// TLS from the first octet instead of STARTTLS; needs level encrypt or higher.
        wrappermode: bool = "tls_wrappermode", "no", Same, Act;
        /// Protocol versions at level may.
        protocols: String = "tls_protocols", ">=TLSv1", Same, Act;
        /// Protocol versions at level encrypt and above.
        mandatory_protocols: String = "tls_mandatory_protocols", ">=TLSv1", Same, Act;
        /// Cipher grade at level may.
        ciphers: CipherGrade = "tls_ciphers", "medium", Same, ByValue(grade_today);
        /// Cipher grade at level encrypt and above.
        mandatory_ciphers: CipherGrade = "tls_mandatory_ciphers", "medium", Same, ByValue(grade_today);
        /// Ciphers that are not offered at any level.
        exclude_ciphers: Vec<String> = "tls_exclude_ciphers", "", Same, Act;
        /// More ciphers that are not offered at level encrypt and above.
        mandatory_exclude_ciphers: Vec<String> = "tls_mandatory_exclude_ciphers", "", Same, Act;
        /// What grade high means, as an OpenSSL cipher list.
        high_cipherlist: String = "tls_high_cipherlist", "aNULL:-aNULL:HIGH:@STRENGTH", Shared, Act;
        /// What grade medium means, as an OpenSSL cipher list.
        medium_cipherlist: String = "tls_medium_cipherlist", "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH", Shared, Act;
        /// Key exchange groups, best first, as OpenSSL names them.
        eecdh_auto_curves: Vec<String> = "tls_eecdh_auto_curves",
            "X25519 X448 prime256v1 secp521r1 secp384r1", Shared, Act;
        /// Which server name is sent where DANE does not decide it: hostname, nexthop, a name, or none.
        servername: String = "tls_servername", "", Same, Act;
        /// Hand encrypted sessions on, like those in plaintext.
        connection_reuse: bool = "tls_connection_reuse", "no", Same, Act;
        /// Sessions to resume. They are handed on alive instead.
        session_cache_database: String = "tls_session_cache_database", "", Same,
            Warn("sessions are handed on alive instead of being resumed");
        /// How long a session may be resumed.
        session_cache_timeout: Duration = "tls_session_cache_timeout", "3600s", Same,
            Warn("sessions are handed on alive instead of being resumed");
        /// A host with validated TLSA records of a domain whose MX records are not validated: ignore, encrypt, or verify.
        dane_insecure_mx_policy: InsecureMxPolicy = "tls_dane_insecure_mx_policy", "dane", SmtpOnly, Act;
        /// Ask for TLSA records even where the host's address is not validated.
        force_insecure_host_tlsa: bool = "tls_force_insecure_host_tlsa_lookup", "no", Same, Act;
        /// Digests in TLSA records, strongest first; others count as unusable.
        dane_digests: Vec<String> = "tls_dane_digests", "sha512 sha256", Shared, Act;
        /// What is asked at start to see whether the resolver validates: type:name.
        dnssec_probe: String = "dnssec_probe", "ns:.", Shared, Act;
        /// Give up when the server says something inside TLS before MAIL was sent.
        block_early_mail_reply: bool = "tls_block_early_mail_reply", "no", Same, Act;
        /// Close without waiting for the server's close_notify.
        fast_shutdown: bool = "tls_fast_shutdown_enable", "yes", Shared, Act;
        /// How much of TLS is logged: 0 nothing, 1 a line for each session, 2 and above the handshake.
        loglevel: String = "tls_loglevel", "0", Same, Act;
        /// Log hosts that offer STARTTLS where TLS is not used.
        note_starttls_offer: bool = "tls_note_starttls_offer", "no", Same, Act;
    }
}

/// Ciphers without encryption are not built into the library.
fn grade_today(value: &str) -> Today {
    if value.eq_ignore_ascii_case("null") {
        Refuse("there are no ciphers without encryption here; choose medium or high")
    } else {
        Act
    }
}

impl Tls {
    /// The level where no policy says otherwise, the older switches taken into account; never [`SecurityLevel::Unset`].
    pub fn level(&self) -> SecurityLevel {
        match self.security_level {
            SecurityLevel::Unset if self.enforce_tls && self.enforce_peername => SecurityLevel::Verify,
            SecurityLevel::Unset if self.enforce_tls => SecurityLevel::Encrypt,
            SecurityLevel::Unset if self.use_tls => SecurityLevel::May,
            SecurityLevel::Unset => SecurityLevel::None,
            level => level,
        }
    }
}
