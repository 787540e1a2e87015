//! Mail that waits for a site, told to flush(8) if it is of those that may ask for theirs (`fast_flush_domains`).

use crate::services::Services;
use maincf::MainCf;
use maincf::tables::{DomainList, DomainMatcher, Opener, ParentMatch};
use postfix_wire::flush::Add;
use postfix_wire::greeting::Server;
use postfix_wire::request::Recipient;
use postfix_wire::text::Text;

const NAME: &str = "fast_flush_domains";

/// `fast_flush_domains`; `None` if one of its tables cannot be opened.
#[derive(Debug)]
pub struct WaitingSites(Option<DomainMatcher>);

impl WaitingSites {
    /// Opens its tables. Without them mail is delivered all the same: `relay_domains`, which is the default, may have tables
    /// of types that only receivers of mail need.
    #[must_use]
    pub fn open(domains: &DomainList, cf: &MainCf, opener: &dyn Opener) -> Self {
        let opened = domains.open_by(ParentMatch::of(NAME, cf), opener);
        Self(opened.inspect_err(|error| tracing::warn!("{NAME}: {error}")).ok())
    }

    /// Tells it. The message waits all the same if that fails: only ETRN does not know of it then.
    pub fn tell(&self, services: &Services, service: &str, recipient: &Recipient, queue_id: &Text) {
        let Some(site) = recipient.address.to_str().and_then(domain) else { return };
        match self.0.as_ref().map(|domains| domains.matches(site)) {
            None | Some(Ok(false)) => {}
            Some(Ok(true)) => {
                let list = Add { site, queue_id }.encode();
                let _logged = services.ask(service, Server::Flush, &list);
            }
            Some(Err(error)) => tracing::warn!("{NAME}: {error}"),
        }
    }
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_what_follows_the_last_at_sign() {
        assert_eq!(domain("a@b@c.test"), Some("c.test"));
        assert_eq!(domain("a@[192.0.2.1]"), Some("[192.0.2.1]"));
        assert_eq!((domain("a"), domain("a@")), (None, None));
    }
}
