//! What is said to which server first: the options of introductions, less or more of them by the server's address.

use super::tables::Asked;
use super::{ContextError, NoAnswer};
use maincf::DeliveryConfig;
use maincf::tables::{Opener, TableList};
use smtp::{Discard, EhloUse, HelloOptions, PixWorkarounds, RefusedGreeting};
use std::borrow::Cow;
use std::time::Duration;

/// The options for servers that no table knows, and the tables.
#[derive(Debug)]
pub struct Introductions {
    usual: HelloOptions,
    /// [`Introductions::fingerprint`] where no table says otherwise.
    usual_fingerprint: String,
    discard: Option<Asked>,
    pix: Option<Asked>,
    /// Younger mail does not wait before its final dot.
    threshold: Duration,
}

impl Introductions {
    pub(super) fn new(config: &DeliveryConfig, opener: &dyn Opener) -> Result<Self, ContextError> {
        let hello = &config.hello;
        let name = smtp::HeloName::new(&hello.name)
            .map_err(|error| ContextError::HeloName { parameter: "smtp_helo_name", error })?;
        let list = |words: &maincf::value::Keywords| words.iter().collect::<Vec<_>>().join(" ");
        let usual = HelloOptions {
            name,
            my_hostname: config.identity.hostname.to_string(),
            ehlo: match (hello.never_send_ehlo, hello.always_send_ehlo) {
                (true, _) => EhloUse::Never,
                (_, true) => EhloUse::Always,
                _ => EhloUse::WhereAnnounced,
            },
            refused_greeting: if hello.skip_5xx_greeting {
                RefusedGreeting::TryElsewhere
            } else {
                RefusedGreeting::Final
            },
            discard: Discard::parse(&list(&hello.discard_keywords)),
            pix: PixWorkarounds::parse(&list(&hello.pix_workarounds)),
        };
        let table =
            |name, list: &TableList| (!list.is_empty()).then(|| Asked::open(name, list, opener)).transpose();
        Ok(Self {
            usual_fingerprint: fingerprint(&usual),
            usual,
            discard: table("smtp_discard_ehlo_keyword_address_maps", &hello.discard_keyword_maps)?,
            pix: table("smtp_pix_workaround_maps", &hello.pix_workaround_maps)?,
            threshold: hello.pix_threshold,
        })
    }

    /// What of these options makes what is known of a server: sessions that began otherwise are not used. No age is in it:
    /// that decides about one message.
    #[must_use]
    pub fn fingerprint(&self, address: &str) -> Cow<'_, str> {
        if self.discard.is_none() && self.pix.is_none() {
            return Cow::Borrowed(&self.usual_fingerprint);
        }
        match self.for_server(address, Duration::MAX) {
            Ok(options) => Cow::Owned(fingerprint(&options)),
            // No session has it: a new one is tried, and says what is wrong.
            Err(_) => Cow::Borrowed("unknown"),
        }
    }

    /// The options for the server at `address` (an IP address, or the path of a Unix socket), for mail of an `age`.
    ///
    /// # Errors
    /// [`NoAnswer`]: it is not known what is to be discarded. What workarounds there are is not worth that: if their table
    /// cannot say, the usual ones are used.
    pub fn for_server(&self, address: &str, age: Duration) -> Result<Cow<'_, HelloOptions>, NoAnswer> {
        let mut options = Cow::Borrowed(&self.usual);
        if let Some(tables) = &self.discard
            && let Some(list) = tables.lookup(address)?
        {
            options.to_mut().discard = Discard::parse(&list);
        }
        let mut pix = self.usual.pix;
        if let Some(tables) = &self.pix {
            match tables.lookup_even_empty(address) {
                Ok(Some(list)) => pix = PixWorkarounds::parse(&list),
                Ok(None) => {}
                Err(NoAnswer::Table(error)) => tracing::warn!("pix_workaround_maps: {error}"),
                Err(_) => {}
            }
        }
        if age < self.threshold {
            pix = pix.at_once();
        }
        if pix != self.usual.pix {
            options.to_mut().pix = pix;
        }
        Ok(options)
    }
}

fn fingerprint(options: &HelloOptions) -> String {
    let HelloOptions { name: _, my_hostname: _, ehlo, refused_greeting: _, discard, pix } = options;
    format!("{ehlo:?} {} {pix}", discard.extensions())
}
