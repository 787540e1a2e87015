//! What is wrong with a certificate, in the words of Postfix's log.

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is its own issuer and nobody trusts it.
    SelfSigned,
    /// The chain ends at an issuer that nobody trusts; its name on one line.
    UntrustedIssuer(String),
    /// No anchor of a file, TLSA record or fingerprint fits. The original has one text for all three.
    NoMatch,
    /// The chain has more authorities than `smtp_tls_scert_verifydepth`.
    ChainTooLong(u32),
    /// It, or an issuer of it, is not valid yet.
    NotYetValid,
    /// It, or an issuer of it, is no longer valid.
    Expired,
    /// It is not for servers.
    NotDesignated,
    /// It is for other names.
    HostnameMismatch,
    /// It is for other addresses.
    AddressMismatch,
    /// It is broken, or signed in a way that cannot be checked.
    Unusable,
}

impl Problem {
    /// The line of the log. `peer`: `host[address]:port`.
    pub fn line(&self, peer: &str) -> String {
        let plain = |text: &str| format!("certificate verification failed for {peer}: {text}");
        let server = |text: &str| format!("server certificate verification failed for {peer}: {text}");
        match self {
            Self::SelfSigned => plain("self-signed certificate"),
            Self::UntrustedIssuer(name) => plain(&format!("untrusted issuer {name}")),
            Self::ChainTooLong(limit) => plain(&format!("certificate chain longer than limit({limit})")),
            Self::NotDesignated => plain("not designated for use as a server certificate"),
            Self::NotYetValid => server("certificate not yet valid"),
            Self::Expired => server("certificate has expired"),
            Self::NoMatch => server("num=65:no matching DANE TLSA records"),
            Self::HostnameMismatch => server("num=62:hostname mismatch"),
            Self::AddressMismatch => server("num=64:IP address mismatch"),
            Self::Unusable => server("num=1:unspecified certificate verification error"),
        }
    }
}

/// By what a certificate was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matched {
    /// A name of the certificate; and how many certificates above it stands the anchor, where a file of anchors or a TLSA
    /// record names it.
    Name {
        /// As the certificate has it.
        name: String,
        /// 0: the certificate itself.
        anchor_depth: Option<usize>,
    },
    /// A fingerprint in hexadecimal.
    Fingerprint(String),
    /// A TLSA record of the server itself, as in the DNS.
    Tlsa(String),
}

impl Matched {
    /// The lines of the log at a higher `smtp_tls_loglevel`. `peer`: `host[address]:port`.
    pub fn lines(&self, peer: &str) -> Vec<String> {
        match self {
            Self::Name { name, anchor_depth } => {
                let anchor =
                    anchor_depth.map(|depth| format!("{peer}: Matched trust anchor at depth {depth}"));
                std::iter::once(format!("{peer}: matched peername: {name}")).chain(anchor).collect()
            }
            Self::Fingerprint(value) => vec![format!("{peer}: Matched fingerprint: {value}")],
            Self::Tlsa(record) => vec![format!("{peer}: Matched DANE EE certificate at depth 0: {record}")],
        }
    }
}
