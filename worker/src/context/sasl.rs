//! What a worker knows of logging in: where credentials are, which mechanisms will do, what a refusal means.

use super::ContextError;
use super::tables::Asked;
use crate::refused::{self, RefusedLogins};
use maincf::params::Sasl;
use maincf::tables::{DomainMatcher, Membership, Opener, ParentMatch, TableError, TableList};
use maincf::value::SaslOptions;
use maincf::{DeliveryConfig, Deployment, MainCf, Protocol};
use sasl::{Authzid, BadCredential, Credential, Filtered, SecurityOptions, SecurityPolicy};
use smtp::{LoginRefusals, MailAuth};
use std::cell::Cell;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Made once, when the process starts. Credentials are in tables, and in nobody's hands longer than a delivery takes.
#[derive(Debug)]
pub struct SaslContext {
    /// `None`: no server is ever logged in to.
    login: Option<Box<LoginContext>>,
    /// `*_send_dummy_mail_auth`.
    pub mail_auth: MailAuth,
}

/// What there is to know where `*_sasl_auth_enable` is set.
#[derive(Debug)]
pub struct LoginContext {
    passwords: Asked,
    delimiter: char,
    authzid: Authzid,
    sender: SenderKeys,
    filter: DomainMatcher,
    /// What a mechanism must withstand.
    pub options: SecurityPolicy,
    /// What a refusal means.
    pub refusals: LoginRefusals,
    /// Refusals of other deliveries.
    pub refused: Option<RefusedLogins>,
    warned: Cell<bool>,
}

/// How the sender's address leads to a credential.
#[derive(Debug)]
enum SenderKeys {
    /// Not at all.
    Unused,
    /// `*_sender_dependent_authentication`.
    First {
        /// `recipient_delimiter`.
        extensions: String,
        /// `myorigin`: the domain whose senders may be listed without it.
        origin: String,
    },
}

/// For whom a credential is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The envelope sender.
    pub sender: &'a str,
    /// The server's name, where it is known.
    pub host: Option<&'a str>,
    /// The next hop as configured.
    pub nexthop: &'a str,
}

/// A credential and where it stands.
#[derive(Debug)]
pub struct Found {
    /// The key at which the tables have it.
    pub key: String,
    /// Who logs in.
    pub credential: Credential,
}

/// It cannot be known whether there is a credential: mail waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// A table.
    #[error("{0}")]
    Table(String),
    /// What is in it.
    #[error("{0}")]
    Unusable(#[from] BadCredential),
}

impl SaslContext {
    pub(super) fn new(
        config: &DeliveryConfig,
        cf: &MainCf,
        opener: &dyn Opener,
    ) -> Result<Self, ContextError> {
        let Sasl { auth_enable, send_dummy_mail_auth, .. } = config.sasl;
        let login = if auth_enable { Some(Box::new(LoginContext::new(config, cf, opener)?)) } else { None };
        let mail_auth = if send_dummy_mail_auth { MailAuth::Nobody } else { MailAuth::Unsaid };
        Ok(Self { login, mail_auth })
    }

    /// What there is to know, if logging in is enabled.
    #[must_use]
    pub fn login(&self) -> Option<&LoginContext> {
        self.login.as_deref()
    }

    /// The credential for a server, in Postfix's order: sender, host, next hop.
    ///
    /// # Errors
    /// [`NoAnswer`]: the server must not be talked to, since it is not known who we are to it.
    pub fn find(&self, asker: Asker<'_>) -> Result<Option<Found>, NoAnswer> {
        self.login().map_or(Ok(None), |login| login.find(asker))
    }

    /// The sender, where sessions of different senders must not be mixed.
    #[must_use]
    pub fn sender<'a>(&self, sender: &'a str) -> Option<&'a str> {
        let dependent = self.login().is_some_and(|login| matches!(login.sender, SenderKeys::First { .. }));
        dependent.then_some(sender)
    }
}

impl LoginContext {
    fn new(config: &DeliveryConfig, cf: &MainCf, opener: &dyn Opener) -> Result<Self, ContextError> {
        let sasl = &config.sasl;
        warn_of_readers(&sasl.password_maps);
        let filter = sasl
            .mechanism_filter
            .open_by(ParentMatch::Dotted, opener)
            .map_err(|error| ContextError::Table { parameter: "smtp_sasl_mechanism_filter", error })?;
        let options = |parameter, options: &SaslOptions| {
            SecurityOptions::parse(options.as_str()).map_err(|error| ContextError::Sasl { parameter, error })
        };
        Ok(Self {
            passwords: Asked::open("smtp_sasl_password_maps", &sasl.password_maps, opener)?,
            delimiter: sasl.password_result_delimiter,
            authzid: if sasl.send_authzid { Authzid::User } else { Authzid::Omit },
            sender: SenderKeys::of(config, cf),
            filter,
            options: SecurityPolicy {
                plain: options("smtp_sasl_security_options", &sasl.security_options)?,
                tls: options("smtp_sasl_tls_security_options", &sasl.tls_security_options)?,
                tls_verified: options(
                    "smtp_sasl_tls_verified_security_options",
                    &sasl.tls_verified_security_options,
                )?,
            },
            refusals: if sasl.auth_soft_bounce { LoginRefusals::Soft } else { LoginRefusals::AsSaid },
            refused: refused_logins(sasl, cf)?,
            // Its log has the warnings that its own agents write, and no others.
            warned: Cell::new(cf.deployment() == Deployment::Postfix),
        })
    }

    /// What `*_sasl_mechanism_filter` says of a mechanism.
    ///
    /// # Errors
    /// A table could not answer.
    pub fn filtered(&self, mechanism: &str) -> Result<Filtered, TableError> {
        if self.filter.is_empty() {
            return Ok(Filtered::In);
        }
        Ok(match self.filter.membership(mechanism)? {
            Membership::No => Filtered::Out,
            Membership::Listed => Filtered::ByName,
            Membership::InTable => Filtered::In,
        })
    }

    /// Says once in this process that a credential goes to whatever host MX records name.
    pub fn warn_of_unchecked_hosts(&self, nexthop: &str) {
        if !self.warned.replace(true) {
            tracing::warn!(
                "the password for {nexthop} goes to whatever host MX records name, and nothing checks that host: put the \
                 next hop into [] or use a TLS security level that matches certificates"
            );
        }
    }

    fn find(&self, asker: Asker<'_>) -> Result<Option<Found>, NoAnswer> {
        let found = match self.sender.find(&self.passwords, asker.sender)? {
            Some(found) => Some(found),
            None => match asker.host.map(|host| self.at(host)).transpose()?.flatten() {
                Some(found) => Some(found),
                None => self.at(asker.nexthop)?,
            },
        };
        let read = |(key, value): (String, String)| {
            let value = Zeroizing::new(value);
            let credential = Credential::of_map_value(&value, self.delimiter, self.authzid)?;
            Ok(Found { key, credential })
        };
        found.map(read).transpose()
    }

    fn at(&self, key: &str) -> Result<Option<(String, String)>, NoAnswer> {
        Ok(self.passwords.lookup(key)?.map(|value| (key.to_owned(), value)))
    }
}

impl SenderKeys {
    fn of(config: &DeliveryConfig, cf: &MainCf) -> Self {
        if !config.sasl.sender_dependent || config.protocol != Protocol::Smtp {
            return Self::Unused;
        }
        let extensions = cf.expanded("recipient_delimiter").ok().flatten().unwrap_or_default();
        let origin = config.identity.origin.read().unwrap_or_default();
        Self::First { extensions, origin }
    }

    /// The address, without its extension, its local part where the domain is ours, its domain.
    fn find(&self, passwords: &Asked, sender: &str) -> Result<Option<(String, String)>, NoAnswer> {
        let Self::First { extensions, origin } = self else { return Ok(None) };
        if let Some(value) = passwords.lookup(sender)? {
            return Ok(Some((sender.to_owned(), value)));
        }
        let Some((local, domain)) = sender.rsplit_once('@') else { return Ok(None) };
        // A delimiter at the very beginning is part of the name.
        let extension = local.char_indices().find(|&(at, c)| at > 0 && extensions.contains(c));
        let plain = extension.and_then(|(at, _)| local.get(..at));
        let locals = if domain.eq_ignore_ascii_case(origin) { Some(local) } else { None };
        let keys = [
            plain.map(|plain| format!("{plain}@{domain}")),
            locals.map(str::to_owned),
            locals.and(plain).map(str::to_owned),
            Some(format!("@{domain}")),
        ];
        for key in keys.into_iter().flatten() {
            if let Some(value) = passwords.lookup_part(&key)? {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }
}

/// What `*_sasl_auth_cache_name` names. Without it logins are tried as if they had not been refused, so that mail is
/// not kept from going by a folder that cannot be made.
fn refused_logins(sasl: &Sasl, cf: &MainCf) -> Result<Option<RefusedLogins>, ContextError> {
    const PARAMETER: &str = "smtp_sasl_auth_cache_name";
    if sasl.auth_cache_name.is_empty() {
        return Ok(None);
    }
    let queue = cf.expanded("queue_directory").ok().flatten().unwrap_or_default();
    let path = refused::folder(&sasl.auth_cache_name, Path::new(&queue))
        .map_err(|error| ContextError::LoginCache { parameter: PARAMETER, error })?;
    Ok(RefusedLogins::open(&path, sasl.auth_cache_time)
        .inspect_err(|error| tracing::warn!("{PARAMETER}: {}: {error}", path.display()))
        .ok())
}

/// Passwords that everybody on this machine can read are worth a word.
fn warn_of_readers(passwords: &TableList) {
    const OTHERS_READ: u32 = 0o004;
    for file in passwords.files() {
        if std::fs::metadata(&file).is_ok_and(|about| about.permissions().mode() & OTHERS_READ != 0) {
            tracing::warn!("{}: passwords that every user of this machine can read", file.display());
        }
    }
}

#[cfg(test)]
mod tests;
