//! `smtp_generic_maps`: the address that stands for another once mail leaves this machine.

use crate::context::ContextError;
use maincf::tables::{DomainMatcher, Opener, ParentMatch, TableError, Tables};
use maincf::{DeliveryConfig, Protocol};

/// Why an address cannot be rewritten. The mail waits: it must not leave with the address that was to be hidden.
#[derive(Debug, thiserror::Error)]
pub enum GenericError {
    /// A table could not answer.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The operator's fault: the answer would break a header or a command.
    #[error("generic_maps: the result for {address:?} has control characters: {result:?}")]
    ControlCharacters {
        /// What was looked up.
        address: String,
        /// What was found.
        result: String,
    },
    /// The operator's fault.
    #[error("generic_maps: the result for {address:?} is no address: {result:?}")]
    NoAddress {
        /// What was looked up.
        address: String,
        /// What was found.
        result: String,
    },
}

/// The tables, opened, and how results are completed.
#[derive(Debug)]
pub struct Generic {
    tables: Tables,
    rules: Rules,
}

/// What the search depends on besides the tables.
#[derive(Debug)]
struct Rules {
    /// `recipient_delimiter`.
    delimiters: String,
    /// `generic` is in `propagate_unmatched_extensions`.
    propagates: bool,
    /// `myorigin`.
    origin: String,
    /// `append_at_myorigin`.
    append_origin: bool,
    /// `mydomain`, with `append_dot_mydomain`.
    append_domain: Option<String>,
    /// `mydestination`.
    local: DomainMatcher,
}

/// A value, and the extension that its key did not have.
struct Found<'a> {
    value: String,
    unmatched: &'a str,
}

impl Generic {
    /// The tables; `None` where none is named.
    ///
    /// # Errors
    /// [`ContextError`]: nothing goes out as if they were empty.
    pub fn open(config: &DeliveryConfig, opener: &dyn Opener) -> Result<Option<Self>, ContextError> {
        let rewriting = &config.rewriting;
        if rewriting.generic_maps.is_empty() {
            return Ok(None);
        }
        let parameter = match config.protocol {
            Protocol::Smtp => "smtp_generic_maps",
            Protocol::Lmtp => "lmtp_generic_maps",
        };
        let table = |parameter| move |error| ContextError::Table { parameter, error };
        let tables = rewriting.generic_maps.open_by(opener).map_err(table(parameter))?;
        tables.remarks().for_each(|remark| tracing::warn!("{remark}"));
        let rules = Rules {
            delimiters: rewriting.recipient_delimiter.clone(),
            propagates: rewriting.propagate_extensions.contains("generic"),
            origin: config.identity.origin.read().map_err(ContextError::Origin)?,
            append_origin: rewriting.append_origin,
            append_domain: rewriting.append_domain.then(|| config.identity.domain.to_string()),
            local: rewriting
                .local_domains
                .open_by(ParentMatch::Dotted, opener)
                .map_err(table("mydestination"))?,
        };
        Ok(Some(Self { tables, rules }))
    }

    /// What stands for `address` from now on; `None` leaves it. Both without quotes, as in an envelope.
    ///
    /// # Errors
    /// [`GenericError`].
    pub fn rewrite(&self, address: &str) -> Result<Option<String>, GenericError> {
        if address.is_empty() {
            return Ok(None);
        }
        let Some(found) = self.find(address)? else { return Ok(None) };
        let new = self.rules.completed(address, &found)?;
        Ok(Some(new).filter(|new| new != address))
    }

    /// Postfix's order: `user+extension@domain`, `user@domain`; in local domains `user+extension`, `user`; `@domain`.
    fn find<'a>(&self, address: &'a str) -> Result<Option<Found<'a>>, GenericError> {
        let (local, domain) = address.split_at(address.rfind('@').unwrap_or(address.len()));
        let (user, extension) = self.rules.split(local);
        if let Some(value) = self.whole(address)? {
            return Ok(Some(Found { value, unmatched: "" }));
        }
        if !extension.is_empty()
            && let Some(value) = self.part(user, domain)?
        {
            return Ok(Some(Found { value, unmatched: extension }));
        }
        let Some(name) = domain.strip_prefix('@') else { return Ok(None) };
        if self.rules.is_local(name)? {
            if let Some(value) = self.part(local, "")? {
                return Ok(Some(Found { value, unmatched: "" }));
            }
            if !extension.is_empty()
                && let Some(value) = self.part(user, "")?
            {
                return Ok(Some(Found { value, unmatched: extension }));
            }
        }
        let value = self.tables.lookup_part(domain)?;
        Ok(value.map(|value| Found { value, unmatched: extension }))
    }

    /// The address with its quotes first: that is how tables are written.
    fn whole(&self, address: &str) -> Result<Option<String>, TableError> {
        let quoted = mime::with_quotes(address);
        match self.tables.lookup(&quoted)? {
            None if quoted != address => self.tables.lookup(address),
            found => Ok(found),
        }
    }

    fn part(&self, local: &str, domain: &str) -> Result<Option<String>, TableError> {
        let plain = format!("{local}{domain}");
        let quoted = mime::with_quotes(&format!("{local}@")).trim_end_matches('@').to_owned() + domain;
        match self.tables.lookup_part(&quoted)? {
            None if quoted != plain => self.tables.lookup_part(&plain),
            found => Ok(found),
        }
    }
}

impl Rules {
    /// The local part without its extension, and the extension with its delimiter. A delimiter at the very beginning is
    /// part of the name, and names that mail systems write to have no extension.
    fn split<'a>(&self, local: &'a str) -> (&'a str, &'a str) {
        let special = ["postmaster", "mailer-daemon", "double-bounce"];
        if special.iter().any(|name| name.eq_ignore_ascii_case(local)) {
            return (local, "");
        }
        let mut places = local.char_indices().skip(1);
        let at = places.find(|(_, c)| self.delimiters.contains(*c)).map_or(local.len(), |(at, _)| at);
        local.split_at(at)
    }

    fn is_local(&self, domain: &str) -> Result<bool, TableError> {
        Ok(domain.eq_ignore_ascii_case(&self.origin) || self.local.matches(domain)?)
    }

    /// The first address of the value, with what it leaves out.
    fn completed(&self, address: &str, found: &Found<'_>) -> Result<String, GenericError> {
        let Found { value, unmatched } = found;
        let (address_of, result) = (|| address.to_owned(), || value.clone());
        if value.contains(char::is_control) {
            return Err(GenericError::ControlCharacters { address: address_of(), result: result() });
        }
        let none = || GenericError::NoAddress { address: address_of(), result: result() };
        let (own, _) = address.split_at(address.rfind('@').unwrap_or(address.len()));
        let own = own.strip_suffix(unmatched).unwrap_or(own);
        // `@other`: the same user there.
        let written = match value.trim().strip_prefix('@') {
            Some(other) => mime::with_quotes(&format!("{own}@{other}")),
            None => result(),
        };
        let first = mime::first_address(&written).and_then(|first| mime::without_quotes(&first));
        let first = first.ok_or_else(none)?;
        let (local, domain) = first.split_at(first.rfind('@').unwrap_or(first.len()));
        let extension = if self.propagates { *unmatched } else { "" };
        Ok(format!("{local}{extension}{}", self.domain(domain)))
    }

    /// The domain with its `@`, completed.
    fn domain(&self, domain: &str) -> String {
        match (domain.strip_prefix('@'), &self.append_domain) {
            (None, _) if self.append_origin => self.domain(&format!("@{}", self.origin)),
            (Some(name), Some(own)) if !name.contains('.') && !name.starts_with('[') => {
                format!("@{name}.{own}")
            }
            _ => domain.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
