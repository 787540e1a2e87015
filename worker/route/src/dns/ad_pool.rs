//! DNS through a validating resolver nearby, whose AD flag is believed when it is near enough.

use std::net::SocketAddr;
use std::sync::OnceLock;

use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::Instant;

use super::answer::Walk;
use super::exchange::{Answer, Exchange, Patience};
use super::resolver::{AdTrust, Source};
use super::{Budget, Outcome, ProbeResult, RecordFilter, RecordKind, Reply, ResolvConf, Trouble};
use crate::hostname::HostName;

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// Servers that are found and prepared at the first question.
#[derive(Debug)]
pub(super) struct AdPool {
    source: Source,
    trust: AdTrust,
    ready: OnceLock<Result<Ready, String>>,
}

#[derive(Debug)]
struct Ready {
    exchange: Exchange,
    believed: bool,
}

impl AdPool {
    /// Reads and opens nothing.
    pub(super) fn new(source: Source, trust: AdTrust) -> Self {
        Self { source, trust, ready: OnceLock::new() }
    }

    /// Reads what the first question would; what is wrong with it is that question's to say.
    pub(super) fn read(&self) {
        let _wrong = self.ready();
    }

    /// One lookup with all its retries and aliases.
    pub(super) async fn query(
        &self,
        name: &HostName,
        kind: RecordKind,
        filter: Option<&dyn RecordFilter>,
        budget: Budget,
    ) -> Reply {
        let Ready { exchange, believed } = match self.ready() {
            Ok(ready) => ready,
            Err(reason) => return Reply::temporary(Trouble::Network(reason.clone())),
        };
        let Some(start) = absolute(name) else { return Reply::of(Outcome::Invalid) };
        let until = end(budget);
        let mut walk = Walk::from(start, kind).filtered(filter);
        loop {
            let ended = match exchange.ask(walk.at(), walk.record_type(), until).await {
                Ok(Answer::Message(message)) => {
                    let secure = *believed && message.metadata.authentic_data;
                    walk.message(&message, secure)
                }
                // The pool does not tell AD here, and nobody needs it: a forged denial would be SERVFAIL.
                Ok(Answer::Negative(outcome, ttl)) => Some(walk.negative(outcome, ttl, false)),
                Err(outcome) => Some(Reply::of(outcome)),
            };
            if let Some(reply) = ended {
                tracing::debug!("{name} {kind}: {:?}", reply.outcome);
                return reply;
            }
        }
    }

    /// One question of any kind: whether the answer comes validated, from servers that we believe.
    pub(super) async fn probe(&self, name: &Name, kind: RecordType, budget: Budget) -> ProbeResult {
        let Ok(Ready { exchange, believed }) = self.ready() else { return ProbeResult::Unknown };
        match exchange.ask(name, kind, end(budget)).await {
            Ok(Answer::Message(message)) if *believed && message.metadata.authentic_data => {
                ProbeResult::Validates
            }
            Ok(Answer::Message(_)) => ProbeResult::DoesNotValidate,
            // Without records, AD does not get through to here.
            Ok(Answer::Negative(..)) | Err(_) => ProbeResult::Unknown,
        }
    }

    fn ready(&self) -> &Result<Ready, String> {
        self.ready.get_or_init(|| prepare(&self.source, self.trust))
    }
}

/// When a lookup that begins now is over.
fn end(budget: Budget) -> Instant {
    let end = Instant::now().checked_add(budget.per_lookup);
    end.map_or(budget.until.into(), |end| end.min(budget.until.into()))
}

/// The name with its final dot, made from labels so that no other rules apply to it.
fn absolute(name: &HostName) -> Option<Name> {
    let mut absolute = Name::from_labels(name.as_str().split('.').map(str::as_bytes)).ok()?;
    absolute.set_fqdn(true);
    Some(absolute)
}

fn prepare(source: &Source, trust: AdTrust) -> Result<Ready, String> {
    let (servers, conf) = match source {
        Source::ResolvConf(file) => {
            let conf = ResolvConf::read(file);
            (conf.servers.iter().map(|ip| SocketAddr::new(*ip, DNS_PORT)).collect(), conf)
        }
        Source::Servers { servers, timeout, attempts } => {
            (servers.clone(), ResolvConf { timeout: *timeout, attempts: *attempts, ..ResolvConf::default() })
        }
    };
    let patience = Patience {
        timeout: conf.timeout,
        attempts: conf.attempts.max(1),
        rotate: conf.rotate,
        use_vc: conf.use_vc,
    };
    let exchange = Exchange::new(&servers, patience).map_err(|error| error.to_string())?;
    Ok(Ready { exchange, believed: believed(trust, &servers, &conf) })
}

/// RFC 4035 §4.9.3: AD means something only over a way that nobody can write on.
fn believed(trust: AdTrust, servers: &[SocketAddr], conf: &ResolvConf) -> bool {
    match trust {
        AdTrust::Always => true,
        AdTrust::Never => false,
        AdTrust::Local => {
            conf.trust_ad || servers.iter().all(|server| server.ip().to_canonical().is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_is_believed_only_from_nearby() {
        let at = |text: &str| vec![text.parse::<SocketAddr>().unwrap()];
        let (plain, trusting) =
            (ResolvConf::default(), ResolvConf { trust_ad: true, ..ResolvConf::default() });
        assert!(believed(AdTrust::Local, &at("127.0.0.53:53"), &plain));
        assert!(believed(AdTrust::Local, &at("[::1]:53"), &plain));
        assert!(!believed(AdTrust::Local, &at("192.0.2.1:53"), &plain));
        let mixed = [at("127.0.0.1:53"), at("192.0.2.1:53")].concat();
        assert!(!believed(AdTrust::Local, &mixed, &plain), "one far server is enough");
        assert!(believed(AdTrust::Local, &at("192.0.2.1:53"), &trusting));
        assert!(believed(AdTrust::Always, &at("192.0.2.1:53"), &plain));
        assert!(!believed(AdTrust::Never, &at("127.0.0.1:53"), &trusting));
    }

    #[test]
    fn nothing_is_read_before_the_first_question() {
        let pool = AdPool::new(Source::ResolvConf("/nonexistent".into()), AdTrust::Local);
        assert!(pool.ready.get().is_none());
    }

    #[test]
    fn a_file_that_was_read_before_may_be_out_of_sight_at_the_first_question() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("resolv.conf");
        std::fs::write(&file, "options timeout:7\nnameserver 127.0.0.1\noptions trust-ad\n").unwrap();
        let pool = AdPool::new(Source::ResolvConf(file), AdTrust::Local);
        pool.read();
        drop(folder);
        assert!(pool.ready().as_ref().unwrap().believed);
        assert!(format!("{:?}", pool.ready().as_ref().unwrap().exchange).contains("7s"));
    }

    #[test]
    fn names_are_absolute() {
        let name = HostName::parse("mail.example", crate::Utf8Names::Refused).unwrap();
        assert_eq!(absolute(&name).unwrap().to_ascii(), "mail.example.");
    }
}
