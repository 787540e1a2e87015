//! Why a policy keeps mail from going to a host.

/// Mail cannot go to this host under its policy. It is never delivered with less TLS instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct PolicyError {
    /// The enhanced status code.
    pub status: &'static str,
    /// The text behind it in the delivery status.
    pub text: String,
    /// What the operator's log says besides, where the operator can mend it.
    pub warning: Option<String>,
    /// The host is passed over without a connection; so does the original for every policy that cannot be met.
    pub before_connecting: bool,
}

impl PolicyError {
    /// The operator's settings are wrong; `warning` says which and how.
    pub(crate) fn settings(warning: String) -> Self {
        Self { warning: Some(warning), ..Self::unmet("client TLS configuration problem") }
    }

    /// The settings are fine and this host does not meet them.
    pub(crate) fn unmet(text: impl Into<String>) -> Self {
        Self { status: "4.7.5", text: text.into(), warning: None, before_connecting: true }
    }

    /// `smtp_tls_wrappermode` with a level that would allow plaintext.
    pub(crate) fn wrappermode(prefix: &str) -> Self {
        let wanted = format!("\"{prefix}tls_security_level = encrypt\" (or stronger)");
        Self {
            status: "4.3.0",
            text: "server unavailable or unable to receive mail".into(),
            warning: Some(format!("{prefix}tls_wrappermode requires {wanted}")),
            before_connecting: true,
        }
    }
}
