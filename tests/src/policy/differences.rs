//! Where Baton is meant to differ from Postfix 3.7, and why. Everything else that differs fails the test.

const INJECTED: &str = "what comes unencrypted after the reply to STARTTLS may be somebody else's: Postfix discards it, we leave";
const NO_REPLY: &str = "a line that is no reply, or answers nothing, ends the session: replies cannot be told apart after it";
const MX_DEFAULT: &str = "an unsigned MX leads to a signed host: our default for smtp_tls_dane_insecure_mx_policy is dane at any level, \
    that of Debian's 3.7.11 is may unless smtp_tls_security_level is dane";

/// A case, or all whose name begins or ends so (with `*` at the other end), and the reason.
pub const DIFFERENCES: &[(&str, &str)] = &[
    ("*-injected", INJECTED),
    ("*-refused-nonsense", NO_REPLY),
    ("early-reply-allowed", NO_REPLY),
    ("dane-mx-default-good", MX_DEFAULT),
    ("dane-mx-default-other", MX_DEFAULT),
    ("dane-mx-default-not-offered", MX_DEFAULT),
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
