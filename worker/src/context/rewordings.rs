//! Tables that say in other words what a server said, or what became of a recipient.

use super::ContextError;
use super::tables::Asked;
use crate::delivery::recipients::Failure;
use maincf::DeliveryConfig;
use maincf::tables::{Opener, TableList};
use smtp::{FilterFailed, ReplyFilter, Secrecy};
use std::sync::Arc;

/// `*_reply_filter` and `*_delivery_status_filter`.
#[derive(Debug)]
pub struct Rewordings {
    replies: Option<Arc<Asked>>,
    results: Option<Asked>,
}

impl Rewordings {
    pub(super) fn new(config: &DeliveryConfig, opener: &dyn Opener) -> Result<Self, ContextError> {
        let (replies, results) = (&config.hello.reply_filter, &config.errors.delivery_status_filter);
        let table =
            |name, list: &TableList| (!list.is_empty()).then(|| Asked::open(name, list, opener)).transpose();
        Ok(Self {
            replies: table("smtp_reply_filter", replies)?.map(Arc::new),
            results: table("smtp_delivery_status_filter", results)?,
        })
    }

    /// The filter of one connection, if there is one. `server` is its name in the log: `host[address]:port`.
    #[must_use]
    pub fn replies_of(&self, server: impl FnOnce() -> String) -> Option<Box<dyn ReplyFilter>> {
        let tables = Arc::clone(self.replies.as_ref()?);
        Some(Box::new(Replies { tables, server: server() }))
    }

    /// A recipient's last result, as it is to be told. What was delivered stays delivered, and what was not does not
    /// become so; a table that cannot answer changes nothing, since the mail may have gone out already.
    #[must_use]
    pub fn result(&self, result: Failure) -> Failure {
        let Some(tables) = &self.results else { return result };
        let asked = format!("{} {}", result.status, result.reason);
        let found = match tables.lookup(&asked) {
            Ok(Some(found)) => found,
            Ok(None) => return result,
            Err(error) => {
                tracing::warn!("delivery_status_filter: {error}");
                return result;
            }
        };
        match reworded(&result.status, &found) {
            Some((status, reason)) => Failure { status, reason, ..result },
            None => {
                tracing::warn!("delivery_status_filter: {found:?} cannot stand for {asked:?}");
                result
            }
        }
    }
}

/// `X.Y.Z text` in place of a status, if it may stand there.
fn reworded(old: &str, found: &str) -> Option<(String, String)> {
    let (status, text) = found.split_once([' ', '\t'])?;
    let (status, text) = (smtp::Status::parse(status)?.to_string(), text.trim_ascii());
    let success = |status: &str| status.starts_with('2');
    let fits = success(old) == success(&status) && !text.is_empty() && !text.contains(char::is_control);
    fits.then(|| (status, text.to_owned()))
}

/// One connection's filter.
#[derive(Debug)]
struct Replies {
    tables: Arc<Asked>,
    server: String,
}

impl ReplyFilter for Replies {
    fn reword(&mut self, line: &str, secrecy: Secrecy) -> Result<Option<String>, FilterFailed> {
        let server = &self.server;
        match (self.tables.lookup(line), secrecy) {
            (Ok(Some(new)), Secrecy::Public) => {
                tracing::info!("{server}: replacing server reply \"{line}\" with \"{}\"", new.escape_debug());
                Ok(Some(new))
            }
            (Ok(Some(new)), Secrecy::Secret) => {
                tracing::info!("{server}: replacing a server reply during AUTH");
                Ok(Some(new))
            }
            (Ok(None), _) => Ok(None),
            (Err(error), Secrecy::Public) => {
                tracing::warn!("{server}: reply_filter: {error}");
                Err(FilterFailed)
            }
            // Errors of tables name the key.
            (Err(_), Secrecy::Secret) => {
                tracing::warn!("{server}: reply_filter: no answer during AUTH");
                Err(FilterFailed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_change_between_4_and_5_only() {
        let check = |old, found, want: Option<(&str, &str)>| {
            assert_eq!(
                reworded(old, found),
                want.map(|(status, text)| (status.into(), text.into())),
                "{found}"
            );
        };
        check("4.7.4", "5.7.4 no TLS", Some(("5.7.4", "no TLS")));
        check("5.1.1", "4.1.1  later", Some(("4.1.1", "later")));
        check("2.0.0", "2.1.5 fine", Some(("2.1.5", "fine")));
        check("2.0.0", "4.0.0 no", None);
        check("5.0.0", "2.0.0 yes", None);
        check("5.0.0", "4.0.0", None);
        check("5.0.0", "4.0 x", None);
        check("5.0.0", "text only", None);
        check("5.0.0", "4.0.0 a\nb", None);
    }
}
