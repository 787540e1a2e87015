//! Level fingerprint: what is compared, and what is written wrong.

use crate::policy::case::{Case, case};
use crate::tls_server::{Identity, Issuer};

const NONE: &str =
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

pub(super) fn cases() -> Vec<Case> {
    let own = Identity { issuer: Issuer::Own, ..Identity::default() };
    let plain = |name: &str, group: &'static str, policy: &str| {
        case(format!("fingerprint-{name}"), policy.replace("NONE", NONE)).group(group).shows(own)
    };
    vec![
        plain("of-certificate", "main", "fingerprint match={leaf-sha256}"),
        plain("of-key", "main", "fingerprint match={key-sha256}"),
        plain("without-colons", "main", "fingerprint match={leaf-sha256-plain}"),
        plain("other", "main", "fingerprint match=NONE"),
        plain("second-of-two", "main", "fingerprint match=NONE|{leaf-sha256}"),
        plain("two-matches", "main", "fingerprint match=NONE match={key-sha256}"),
        plain("absent", "main", "fingerprint"),
        plain("empty", "main", "fingerprint match="),
        plain("short", "main", "fingerprint match=AA:BB:CC"),
        plain("no-digits", "main", "fingerprint match=ZZ:YY"),
        plain("odd-digits", "main", "fingerprint match=ABC"),
        plain("bad-and-good", "main", "fingerprint match=ZZ:YY|{leaf-sha256}"),
        plain("sha1-under-sha256", "main", "fingerprint match={leaf-sha1}"),
        plain("md5", "md5", "fingerprint match={leaf-md5}"),
        plain("md5-key", "md5", "fingerprint match={key-md5}"),
        plain("sha1", "sha1", "fingerprint match={leaf-sha1}"),
        plain(
            "sha1-other",
            "sha1",
            "fingerprint match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33",
        ),
        plain("sha1-too-long", "sha1", "fingerprint match=NONE"),
        plain("sha512", "sha512", "fingerprint match={leaf-sha512}"),
        plain("unknown-digest", "bad-digest", "fingerprint match={leaf-sha256}"),
        plain("unknown-digest-may", "bad-digest", "may"),
        plain("unknown-digest-verify", "bad-digest", "verify"),
        plain("with-tafile", "main", "fingerprint match={leaf-sha256} tafile={stage}/root.pem"),
    ]
}
