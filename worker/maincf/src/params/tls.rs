//! How strictly TLS is used, and how: levels, policy, protocols, ciphers, what is logged.

use std::time::Duration;

use crate::param::Mirror::{Default as LmtpDefault, Same, Shared, SmtpOnly};
use crate::param::Today::{self, Act, ByValue, Refuse, Warn};
use crate::param::params;
use crate::tables::TableList;
use crate::value::{CipherGrade, InsecureMxPolicy, SecurityLevel, TlsLogLevel, Value};

params! {
    /// How strictly TLS is used, and how.
    Tls {
        /// The level where no policy says otherwise. Empty: `smtp_enforce_tls` and `smtp_use_tls` decide.
        security_level: SecurityLevel = "tls_security_level", "${{$compatibility_level} <level {3.11} ? {} : {may}}",
            LmtpDefault(""), Act;
        /// Policies by next hop: a level and attributes. What is said there of a destination holds instead of everything here.
        policy_maps: TableList = "tls_policy_maps", "", Same, Act;
        /// The old form of policies, by next hop and by host: NONE, MAY, MUST_NOPEERMATCH, MUST. Read where `smtp_tls_policy_maps` is empty.
        per_site: TableList = "tls_per_site", "", Same, Act;
        /// The old form of level may; read where `smtp_tls_security_level` is empty.
        use_tls: bool = "use_tls", "no", Same, Act;
        /// The old form of levels verify and encrypt; read where `smtp_tls_security_level` is empty.
        enforce_tls: bool = "enforce_tls", "no", Same, Act;
        /// With `smtp_enforce_tls`: level verify rather than encrypt.
        enforce_peername: bool = "tls_enforce_peername", "yes", Same, Act;
        /// TLS from the first octet instead of STARTTLS. Needs level encrypt or higher; mail for lower levels is deferred.
        wrappermode: bool = "tls_wrappermode", "no", Same, Act;
        /// Protocol versions at level may: wanted ones, unwanted ones with `!`, or bounds with `>=` and `<=`. TLS 1.2 and 1.3 exist.
        protocols: String = "tls_protocols", ">=TLSv1", Same, Act;
        /// Protocol versions at level encrypt and above.
        mandatory_protocols: String = "tls_mandatory_protocols", ">=TLSv1", Same, Act;
        /// Cipher grade at level may.
        ciphers: CipherGrade = "tls_ciphers", "medium", Same, ByValue(grade_today);
        /// Cipher grade at level encrypt and above.
        mandatory_ciphers: CipherGrade = "tls_mandatory_ciphers", "medium", Same, ByValue(grade_today);
        /// Ciphers that are not offered at any level: names and kinds as in OpenSSL, `+` between kinds that must all hold.
        exclude_ciphers: Vec<String> = "tls_exclude_ciphers", "", Same, Act;
        /// More ciphers that are not offered at level encrypt and above.
        mandatory_exclude_ciphers: Vec<String> = "tls_mandatory_exclude_ciphers", "", Same, Act;
        /// What grade high means for TLS 1.2, as an OpenSSL cipher list.
        high_cipherlist: String = "tls_high_cipherlist",
            "aNULL:-aNULL:HIGH:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:@STRENGTH", Shared, Act;
        /// What grade medium means for TLS 1.2, as an OpenSSL cipher list.
        medium_cipherlist: String = "tls_medium_cipherlist",
            "aNULL:-aNULL:HIGH:MEDIUM:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:+RC4:@STRENGTH", Shared, Act;
        /// Key exchange groups, best first, as OpenSSL names them; those that are not there are left out.
        eecdh_auto_curves: Vec<String> = "tls_eecdh_auto_curves",
            "X25519 X448 prime256v1 secp521r1 secp384r1", Shared, Act;
        /// Which server name is sent where DANE does not decide it: hostname, nexthop, a name, or none.
        servername: String = "tls_servername", "", Same, Act;
        /// Hand encrypted sessions on, like those in plaintext.
        connection_reuse: bool = "tls_connection_reuse", "no", Same, Act;
        /// Where sessions to resume would be kept.
        session_cache_database: String = "tls_session_cache_database", "", Same,
            Warn("sessions are handed on alive instead of being resumed");
        /// How long a session could be resumed.
        session_cache_timeout: Duration = "tls_session_cache_timeout", "3600s", Same,
            Warn("sessions are handed on alive instead of being resumed");
        /// At level dane, what the TLSA records of a host are worth where the MX records that name it are not validated.
        dane_insecure_mx_policy: InsecureMxPolicy = "tls_dane_insecure_mx_policy", "dane", SmtpOnly, Act;
        /// Ask for TLSA records even where the host's address is not validated.
        force_insecure_host_tlsa: bool = "tls_force_insecure_host_tlsa_lookup", "no", Same, Act;
        /// Digests in TLSA records, strongest first; others make a record unusable.
        dane_digests: Vec<String> = "tls_dane_digests", "sha512 sha256", Shared, Act;
        /// What is asked once to see whether the resolver validates, as type:name. Empty: nothing.
        dnssec_probe: String = "dnssec_probe", "ns:.", Shared, Act;
        /// Give up when the server has said something inside TLS before MAIL was sent.
        block_early_mail_reply: bool = "tls_block_early_mail_reply", "no", Same, Act;
        /// Close without waiting for the server's close_notify.
        fast_shutdown: bool = "tls_fast_shutdown_enable", "yes", Shared, Act;
        /// How much of TLS is logged: 0 nothing, 1 a line for each session, 2 the steps to it as well.
        loglevel: TlsLogLevel = "tls_loglevel", "0", Same, ByValue(loglevel_today);
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

/// There is nothing that could write packets into the log, nor should there be.
fn loglevel_today(value: &str) -> Today {
    match TlsLogLevel::parse(value, "") {
        Ok(level) if level.get() > TlsLogLevel::MOST_WRITTEN => {
            Warn("packets are never logged: it is as level 2")
        }
        _ => Act,
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
