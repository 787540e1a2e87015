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

const AFTER_DOT: &str = "the connection broke after the final dot: the message may have been taken, so a second copy does not \
    follow at once; the queue tries again later";
const AUTHORITY: &str = "a certificate of an authority (CA:TRUE) that is not pinned itself is nobody's server: the library \
    refuses to build a chain to it, OpenSSL does not look";
const AT_START: &str = "a word in main.cf that is no cipher grade keeps the workers from starting, with its name in the log; mail \
    waits";
const NO_NAME: &str = "the server's name is sent where TLSA records decide, and here none can: Postfix does the same for \
    records of an unknown usage, but sends it for those that are unusable otherwise";
const NOT_AWAITED: &str =
    "QUIT is said inside TLS, and nobody waits for what a server that is not the right one answers";

/// A case, or all whose name begins or ends so (with `*` at the other end); what Baton makes of it
/// ([`Outcome::verdict`](super::outcome::Outcome::verdict)), which must be so; and the reason.
pub const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("*-injected", "deferred 4.7.5", INJECTED),
    ("*-refused-nonsense", "deferred 4.5.0", NO_REPLY),
    ("early-reply", "deferred 4.7.0", EARLY),
    ("early-reply-may", "deferred 4.7.0", EARLY),
    ("early-record", "deferred 4.7.0", EARLY),
    ("early-record-verify", "deferred 4.7.0", EARLY),
    ("early-reply-allowed", "deferred 4.5.0", NO_REPLY),
    ("early-record-allowed", "deferred 4.5.0", NO_REPLY),
    ("dane-mx-default-good", "sent 2.0.0 encrypted", MX_DEFAULT),
    ("dane-mx-default-other", "deferred 4.7.5", MX_DEFAULT),
    ("dane-mx-default-not-offered", "deferred 4.7.4", MX_DEFAULT),
    ("fingerprint-short", "deferred 4.7.5", BEFORE),
    ("fingerprint-sha1-under-sha256", "deferred 4.7.5", BEFORE),
    ("fingerprint-sha1-too-long", "deferred 4.7.5", BEFORE),
    ("fingerprint-unknown-digest", "deferred 4.7.5", BEFORE),
    ("tafile-garbage", "deferred 4.7.5", BEFORE),
    ("protocols-without-any", "deferred 4.7.5", BEFORE),
    ("protocols-unknown", "deferred 4.7.5", BEFORE),
    ("protocols-may-unknown", "deferred 4.7.5", BEFORE),
    ("ciphers-unknown", "deferred 4.7.5", BEFORE),
    ("ciphers-may-unknown", "deferred 4.7.5", BEFORE),
    ("ciphers-null", "deferred 4.7.5", BEFORE),
    ("exclude-all", "deferred 4.7.5", BEFORE),
    ("main-protocols-unknown-*", "deferred 4.7.5", BEFORE),
    ("main-ciphers-nonsense-encrypt", "deferred 4.7.5", BEFORE),
    ("main-ciphers-nonsense-may", "sent 2.0.0 encrypted", UNKNOWN_WORDS),
    ("dane-only-records-unknown-selector", "deferred 4.7.5", UNUSABLE),
    ("dane-only-records-unknown-matching", "deferred 4.7.5", UNUSABLE),
    ("dane-only-records-short", "deferred 4.7.5", UNUSABLE),
    ("dane-only-records-garbage-certificate", "deferred 4.7.5", UNUSABLE),
    ("dane-only-zone-without-dnssec", "deferred 4.7.5", REASON_NAMED),
    ("dane-only-zone-native", "deferred 4.7.5", REASON_NAMED),
    ("secure-wildcard-in-label", "deferred 4.7.5", STAR),
    ("dane-records-unknown-selector", "sent 2.0.0 encrypted", NO_NAME),
    ("dane-records-unknown-matching", "sent 2.0.0 encrypted", NO_NAME),
    ("dane-records-short", "sent 2.0.0 encrypted", NO_NAME),
    ("dane-records-garbage-certificate", "sent 2.0.0 encrypted", NO_NAME),
    ("protocols-may-without-any", "deferred 4.7.5", BEFORE),
    ("may-old-dot-closes", "deferred 4.4.2", AFTER_DOT),
    ("may-authority-as-leaf", "sent 2.0.0 encrypted", AUTHORITY),
    ("encrypt-authority-as-leaf", "sent 2.0.0 encrypted", AUTHORITY),
    ("verify-authority-as-leaf", "deferred 4.7.5", AUTHORITY),
    ("secure-authority-as-leaf", "deferred 4.7.5", AUTHORITY),
    ("main-ciphers-unknown-*", "deferred 4.3.0", AT_START),
    ("wrapper-unknown-issuer", "deferred 4.7.5", NOT_AWAITED),
    ("anonymous-may", "deferred 4.7.5", ANONYMOUS),
    ("anonymous-encrypt", "deferred 4.7.5", ANONYMOUS),
];

/// Whether the two may also be the same, as the moment has it.
pub fn depends_on_the_moment(case: &str) -> bool {
    meant(case).is_some_and(|(_, reason)| reason == NOT_AWAITED)
}

/// What Baton is meant to make of this case, and why, if that is not what Postfix makes of it.
pub fn meant(case: &str) -> Option<(&'static str, &'static str)> {
    DIFFERENCES
        .iter()
        .find(|(pattern, ..)| is_about(pattern, case))
        .map(|(_, verdict, reason)| (*verdict, *reason))
}

/// A row with this name is about this case.
pub fn is_about(pattern: &str, case: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => case.ends_with(end),
        (None, Some(beginning)) => case.starts_with(beginning),
        (None, None) => case == pattern,
    }
}
