//! Settings of TLS that only mean something to OpenSSL, or to parts of Postfix that are not here.

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::{self, Act, ByValue, Warn};
use crate::param::params;
use crate::tables::TableList;

params! {
    /// Settings of TLS without a counterpart here, and what holds instead.
    TlsOpenssl {
        /// What grade low means. Postfix 3.8 and later take that grade for medium.
        low_cipherlist: String = "tls_low_cipherlist", "", Shared, Warn("grade low means medium");
        /// What grade export means. Postfix 3.8 and later take that grade for medium.
        export_cipherlist: String = "tls_export_cipherlist", "", Shared, Warn("grade export means medium");
        /// What grade null means: a server that proves who it is, and no encryption.
        null_cipherlist: String = "tls_null_cipherlist", "eNULL:!kDH:!kECDH:!aDSS:!MD5:!aNULL", Shared,
            Warn("there are no ciphers without encryption here, and grade null is refused");
        /// Options of OpenSSL to switch on, by name or as a number.
        ssl_options: Vec<String> = "tls_ssl_options", "", Shared, ByValue(options_today);
        /// Workarounds of OpenSSL to switch off, by name or as a number. There are none here: all are off.
        disable_workarounds: Vec<String> = "tls_disable_workarounds", "", Shared, Act;
        /// Key exchange groups over finite fields.
        ffdhe_auto_groups: Vec<String> = "tls_ffdhe_auto_groups", "ffdhe2048 ffdhe3072", Shared,
            ByValue(finite_fields_today);
        /// OpenSSL's own configuration: default, none, or a file.
        config_file: String = "tls_config_file", "default", Shared, ByValue(config_file_today);
        /// The section of that file.
        config_name: String = "tls_config_name", "", Shared, Warn("there is no OpenSSL here to configure");
        /// Ask servers for a bare public key instead of a certificate.
        enable_rpk: bool = "tls_enable_rpk", "no", Same,
            Warn("servers are asked for certificates, which every server has");
        /// How much is logged of TLS with this or that peer, instead of `smtp_tls_loglevel`.
        loglevel_maps: TableList = "tls_loglevel_maps", "", Same, Warn("smtp_tls_loglevel holds for every peer");
        /// How large a trace of one session may become. Octets.
        trace_size_limit: String = "tls_trace_size_limit", "102400", Same, Warn("no traces are written");
        /// How many traces are begun in a minute.
        trace_rate_limit: String = "tls_trace_rate_limit", "1", Shared, Warn("no traces are written");
    }
}

/// What these ask for holds anyway: nothing is compressed, renegotiated or resumed, and only TLS 1.2 and 1.3 exist.
const ALWAYS_SO: &[&str] = &[
    "ENABLE_MIDDLEBOX_COMPAT",
    "NO_COMPRESSION",
    "NO_RENEGOTIATION",
    "NO_SESSION_RESUMPTION_ON_RENEGOTIATION",
    "NO_TICKET",
];

fn options_today(value: &str) -> Today {
    let mut words = value.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    if words.all(|word| ALWAYS_SO.iter().any(|known| known.eq_ignore_ascii_case(word))) {
        Act
    } else {
        Warn("there is no OpenSSL here; of its options only those hold that switch off what is not there")
    }
}

/// The default of `tls_ffdhe_auto_groups`, which is not worth a word.
const FINITE_FIELDS: &str = "ffdhe2048 ffdhe3072";

fn finite_fields_today(value: &str) -> Today {
    if matches!(value, "" | FINITE_FIELDS) {
        Act
    } else {
        Warn("there are no groups over finite fields here; curves are offered")
    }
}

fn config_file_today(value: &str) -> Today {
    if matches!(value, "default" | "none") { Act } else { Warn("there is no OpenSSL here to configure") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_hold_anyway_are_not_worth_a_word() {
        for value in ["", "NO_TICKET", "no_compression, NO_RENEGOTIATION"] {
            assert!(matches!(options_today(value), Act), "{value}");
        }
        for value in ["NO_TICKET, LEGACY_SERVER_CONNECT", "0x4000"] {
            assert!(matches!(options_today(value), Warn(_)), "{value}");
        }
    }
}
