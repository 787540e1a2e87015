//! Whom TLS trusts, and as whom we appear: authorities, names, fingerprints, certificates of our own.

use std::path::PathBuf;

use crate::param::Mirror::{Default as LmtpDefault, Same, Shared};
use crate::param::Today::{Act, Warn};
use crate::param::params;

params! {
    /// Whom TLS trusts, and as whom we appear.
    TlsTrust {
        /// A file of certificates of authorities to trust. With neither file nor folder nobody is trusted.
        ca_file: Option<PathBuf> = "tls_CAfile", "", Same, Act;
        /// A folder of such files, whatever their names.
        ca_path: Option<PathBuf> = "tls_CApath", "", Same, Act;
        /// Beside the above, trust the authorities that the system trusts.
        append_default_ca: bool = "tls_append_default_CA", "no", Shared, Act;
        /// Files of certificates or public keys that are the only trust anchors at levels verify and secure. Their dates do not count.
        trust_anchor_file: Vec<PathBuf> = "tls_trust_anchor_file", "", Same, Act;
        /// How many certificates of authorities may stand between the server's and the trust anchor.
        verify_depth: u32 = "tls_scert_verifydepth", "9", Same, Act;
        /// Names that level verify accepts: hostname, nexthop, dot-nexthop (whatever is below it), a name, or .name.
        verify_match: Vec<String> = "tls_verify_cert_match", "hostname", Same, Act;
        /// Names that level secure accepts, in the same form.
        secure_match: Vec<String> = "tls_secure_cert_match", "nexthop, dot-nexthop", LmtpDefault("nexthop"), Act;
        /// Whether `*` in a certificate's name stood for several labels before Postfix 3.6.
        wildcard_many_labels: bool = "tls_wildcard_matches_multiple_labels", "yes", Shared,
            Warn("`*` stands for exactly one label, as in Postfix 3.6 and later, where this has no effect");
        /// Fingerprints that level fingerprint accepts, of certificates or of their public keys, in hexadecimal.
        fingerprint_match: Vec<String> = "tls_fingerprint_cert_match", "", Same, Act;
        /// The digest that fingerprints are made with: md5, sha1, sha224, sha256, sha384, sha512.
        fingerprint_digest: String = "tls_fingerprint_digest",
            "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}", Same, Act;
        /// Our keys and certificates: each key, then its certificate and what issued it. When set, the files below are not read.
        chain_files: Vec<PathBuf> = "tls_chain_files", "", Same, Act;
        /// Our RSA certificate, and what issued it.
        cert_file: Option<PathBuf> = "tls_cert_file", "", Same, Act;
        /// Its key.
        key_file: Option<PathBuf> = "tls_key_file", "$@tls_cert_file", Same, Act;
        /// Our ECDSA certificate, and what issued it.
        eccert_file: Option<PathBuf> = "tls_eccert_file", "", Same, Act;
        /// Its key.
        eckey_file: Option<PathBuf> = "tls_eckey_file", "$@tls_eccert_file", Same, Act;
        /// A DSA certificate.
        dcert_file: Option<PathBuf> = "tls_dcert_file", "", Same,
            Warn("there is no DSA in the library; the certificate is not used");
        /// Its key.
        dkey_file: Option<PathBuf> = "tls_dkey_file", "$@tls_dcert_file", Same,
            Warn("there is no DSA in the library; the key is not used");
    }
}
