//! Where Baton is meant to differ from Postfix 3.7, and why. Everything else that differs fails the test.

const INJECTED: &str = "what comes unencrypted after the reply to STARTTLS may be somebody else's: Postfix discards it, we leave";
const NO_REPLY: &str =
    "a line that is no reply, or answers nothing, ends the session: replies cannot be told apart after it";
const EARLY: &str = "smtp_tls_block_early_mail_reply does what its manual says; 3.7.11 takes a reply that came before MAIL \
    for the reply to MAIL, and only stumbles over the one to DATA";
const MX_DEFAULT: &str = "an unsigned MX leads to a signed host: our default of smtp_tls_dane_insecure_mx_policy is dane at \
    any level, that of Debian's 3.7.11 is may unless smtp_tls_security_level is dane";
const BEFORE: &str = "a setting that nothing can satisfy is seen before a connection is made, so no host is asked in vain; \
    verdict and code are the same";
const UNUSABLE: &str = "TLSA records that no certificate can match are seen before a connection is made; Postfix connects, \
    and then refuses every certificate. Verdict and code are the same";
const REASON_NAMED: &str = "the text in brackets names the parameter that is missing";
const STAR: &str = "a star that is only part of a label stands for nothing (RFC 9525 section 6.3); OpenSSL lets it, and only \
    below a dot";
const ANONYMOUS: &str = "suites without certificates are not offered: rustls has none";
const UNKNOWN_WORDS: &str = "words of a cipher list that mean nothing here are warned of and left out";

/// A case, or all whose name begins or ends so (with `*` at the other end), and the reason.
pub const DIFFERENCES: &[(&str, &str)] = &[
    ("*-injected", INJECTED),
    ("*-refused-nonsense", NO_REPLY),
    ("early-reply", EARLY),
    ("early-reply-may", EARLY),
    ("early-record", EARLY),
    ("early-record-verify", EARLY),
    ("early-reply-allowed", NO_REPLY),
    ("early-record-allowed", NO_REPLY),
    ("dane-mx-default-good", MX_DEFAULT),
    ("dane-mx-default-other", MX_DEFAULT),
    ("dane-mx-default-not-offered", MX_DEFAULT),
    ("fingerprint-short", BEFORE),
    ("fingerprint-sha1-under-sha256", BEFORE),
    ("fingerprint-sha1-too-long", BEFORE),
    ("fingerprint-unknown-digest", BEFORE),
    ("tafile-garbage", BEFORE),
    ("protocols-without-any", BEFORE),
    ("protocols-unknown", BEFORE),
    ("protocols-may-unknown", BEFORE),
    ("ciphers-unknown", BEFORE),
    ("ciphers-may-unknown", BEFORE),
    ("ciphers-null", BEFORE),
    ("exclude-all", BEFORE),
    ("main-protocols-unknown-*", BEFORE),
    ("main-ciphers-nonsense-encrypt", BEFORE),
    ("main-ciphers-nonsense-may", UNKNOWN_WORDS),
    ("dane-only-records-unknown-selector", UNUSABLE),
    ("dane-only-records-unknown-matching", UNUSABLE),
    ("dane-only-records-short", UNUSABLE),
    ("dane-only-records-garbage-certificate", UNUSABLE),
    ("dane-only-zone-without-dnssec", REASON_NAMED),
    ("dane-only-zone-native", REASON_NAMED),
    ("secure-wildcard-in-label", STAR),
    ("anonymous-may", ANONYMOUS),
    ("anonymous-encrypt", ANONYMOUS),
];

/// Why this case may differ.
pub fn reason(case: &str) -> Option<&'static str> {
    DIFFERENCES.iter().find(|(pattern, _)| is_about(pattern, case)).map(|(_, reason)| *reason)
}

/// A row with this name is about this case.
pub fn is_about(pattern: &str, case: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => case.ends_with(end),
        (None, Some(beginning)) => case.starts_with(beginning),
        (None, None) => case == pattern,
    }
}
