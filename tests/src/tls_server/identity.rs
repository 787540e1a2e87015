//! Certificates of every kind a server may show, made for one run.

mod authorities;
mod issued;

pub use authorities::Authorities;
pub use issued::Issued;

/// What a certificate says, and with what it is sent. In names `{host}` and `{domain}` stand for those of the case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who signed it.
    pub issuer: Issuer,
    /// Whom it names.
    pub names: Names,
    /// When it is good.
    pub validity: Validity,
    /// What it may be used for.
    pub purpose: Purpose,
    /// Its key.
    pub key: Key,
    /// What is sent with it.
    pub sends: Sends,
}

/// The names in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// Subject alternative names; those that are addresses become iPAddress.
    pub san: &'static [&'static str],
    /// The common name; may be empty.
    pub cn: &'static str,
}

impl Default for Names {
    /// The host, as a certificate should name it.
    fn default() -> Self {
        Self { san: &["{host}"], cn: "" }
    }
}

/// Who signed a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Issuer {
    /// The authority in CAfile.
    #[default]
    Root,
    /// An authority below it.
    Intermediate,
    /// An authority below that, whose time is over.
    ExpiredIntermediate,
    /// The last of a chain of eleven below it.
    Deep,
    /// An authority that nobody knows.
    Unknown,
    /// A certificate of that other authority which is none itself.
    NoAuthority,
    /// Itself.
    Own,
}

/// When a certificate is good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Validity {
    /// Today.
    #[default]
    Now,
    /// Not any more.
    Past,
    /// Not yet.
    Future,
}

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// TLS servers.
    #[default]
    Server,
    /// TLS clients alone.
    Client,
    /// It does not say.
    Any,
    /// It is an authority.
    Authority,
}

/// The key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Key {
    /// On P-256.
    #[default]
    Ecdsa,
    /// 2048 bits.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// What is sent besides the certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sends {
    /// Its issuers up to below the root.
    #[default]
    Chain,
    /// Nothing.
    LeafAlone,
    /// Its issuers and the root.
    WithRoot,
}
