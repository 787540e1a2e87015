//! Settings that differ from those all cases have.

/// A name and what is set.
#[derive(Debug, Clone)]
pub struct Group {
    /// Also the name of Postfix's transport.
    pub name: &'static str,
    /// Parameters and values.
    pub options: Vec<(&'static str, String)>,
}

/// Name, then parameters and values; `{stage}` is the folder of the tables.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    ("main", &[]),
    ("level-none", &[("smtp_tls_security_level", "none")]),
    ("level-unset", &[("smtp_tls_security_level", "")]),
    ("level-encrypt", &[("smtp_tls_security_level", "encrypt")]),
    ("level-secure", &[("smtp_tls_security_level", "secure")]),
    ("level-dane", &[("smtp_tls_security_level", "dane")]),
    ("level-fingerprint", &[("smtp_tls_security_level", "fingerprint")]),
    ("old-use", &[("smtp_tls_security_level", ""), ("smtp_use_tls", "yes")]),
    ("old-enforce", &[("smtp_tls_security_level", ""), ("smtp_enforce_tls", "yes")]),
    (
        "old-enforce-anybody",
        &[("smtp_tls_security_level", ""), ("smtp_enforce_tls", "yes"), ("smtp_tls_enforce_peername", "no")],
    ),
    ("site", &[("smtp_tls_policy_maps", ""), ("smtp_tls_per_site", "texthash:{stage}/sites")]),
    (
        "site-encrypt",
        &[
            ("smtp_tls_policy_maps", ""),
            ("smtp_tls_per_site", "texthash:{stage}/sites"),
            ("smtp_tls_security_level", "encrypt"),
        ],
    ),
    ("wrapper", &[("smtp_tls_wrappermode", "yes"), ("smtp_tls_security_level", "encrypt")]),
    ("cafile-missing", &[("smtp_tls_CAfile", "{stage}/nowhere.pem")]),
    ("cafile-garbage", &[("smtp_tls_CAfile", "{stage}/garbage.pem")]),
    ("cafile-none", &[("smtp_tls_CAfile", "")]),
    ("certificate-missing", &[("smtp_tls_cert_file", "{stage}/nowhere.pem")]),
    ("depth-one", &[("smtp_tls_scert_verifydepth", "1")]),
    ("depth-none", &[("smtp_tls_scert_verifydepth", "0")]),
    ("tafile", &[("smtp_tls_trust_anchor_file", "{stage}/unknown.pem")]),
    ("tafile-missing", &[("smtp_tls_trust_anchor_file", "{stage}/nowhere.pem")]),
    ("servername", &[("smtp_tls_servername", "hostname")]),
    ("servername-invalid", &[("smtp_tls_servername", "-bad-.example")]),
    ("names", &[("smtp_tls_secure_cert_match", "nexthop"), ("smtp_tls_verify_cert_match", "nexthop")]),
    ("md5", &[("smtp_tls_fingerprint_digest", "md5")]),
    ("sha1", &[("smtp_tls_fingerprint_digest", "sha1")]),
    ("sha512", &[("smtp_tls_fingerprint_digest", "sha512")]),
    ("bad-digest", &[("smtp_tls_fingerprint_digest", "crc32")]),
    ("impatient", &[("smtp_starttls_timeout", "1s"), ("smtp_helo_timeout", "1s")]),
    ("block-early", &[("smtp_tls_block_early_mail_reply", "yes")]),
    ("protocols-unknown", &[("smtp_tls_mandatory_protocols", "TLSv9"), ("smtp_tls_protocols", "TLSv9")]),
    ("ciphers-unknown", &[("smtp_tls_mandatory_ciphers", "excellent"), ("smtp_tls_ciphers", "excellent")]),
    (
        "cipherlist-nonsense",
        &[("tls_medium_cipherlist", "NONSENSE"), ("smtp_tls_mandatory_protocols", "TLSv1.2")],
    ),
    ("table-missing", &[("smtp_tls_policy_maps", "texthash:{stage}/nowhere")]),
    ("discard", &[("smtp_discard_ehlo_keywords", "starttls")]),
    ("never-ehlo", &[("smtp_never_send_ehlo", "yes")]),
    ("note", &[("smtp_tls_note_starttls_offer", "yes")]),
    ("quiet", &[("smtp_tls_loglevel", "0")]),
    ("no-dnssec", &[("smtp_dns_support_level", "enabled")]),
    ("native", &[("smtp_host_lookup", "native")]),
    ("insecure-mx-may", &[("smtp_tls_dane_insecure_mx_policy", "may")]),
    ("insecure-mx-encrypt", &[("smtp_tls_dane_insecure_mx_policy", "encrypt")]),
    ("insecure-mx-dane", &[("smtp_tls_dane_insecure_mx_policy", "dane")]),
    ("force-lookup", &[("smtp_tls_force_insecure_host_tlsa_lookup", "yes")]),
    ("no-digests", &[("tls_dane_digests", "sha256")]),
    ("alias-names", &[("smtp_cname_overrides_servername", "yes")]),
];

/// All groups, for tables in this folder.
pub fn groups(stage: &str) -> Vec<Group> {
    let fill = |value: &str| value.replace("{stage}", stage);
    let all = GROUPS.iter().map(|(name, options)| Group {
        name,
        options: options.iter().map(|(parameter, value)| (*parameter, fill(value))).collect(),
    });
    all.collect()
}
