//! `sendmail -bv`: asks the relay to probe addresses; the report comes by mail.

use super::{Failure, caller};
use crate::control::Client;
use intake::SysExit;
use intake::submit::{Composer, DotRule, RecipientSource, SubmitOptions};
use maincf::RelayConfig;
use proto::control::ToRelay;

/// So many addresses, of 900 octets at most, go into one packet, and into one report.
const AT_ONCE: usize = 50;

/// Hands the addresses on the command line to the relay. Standard input is not read.
pub(super) fn verify(config: &RelayConfig, options: SubmitOptions) -> Result<(), Failure> {
    if options.from == RecipientSource::Header || options.recipients.is_empty() {
        return Err(Failure::new(SysExit::Usage, "-bv takes addresses on the command line"));
    }
    let origin = config.identity.origin.read();
    let origin = origin.map_err(|error| Failure::configuration(format!("myorigin: {error}")))?;
    let caller = caller::caller(origin, &options)?;
    // Only for the envelope: addresses are read, completed and checked as those of a message are.
    let mut composer = Composer::new(SubmitOptions { dot: DotRule::Ordinary, ..options }, caller)?;
    let mut unused = Vec::new();
    composer.feed(b"", &mut unused)?;
    let envelope = composer.finish(&mut unused)?.envelope;
    let sender = envelope.sender.unquoted();
    let recipients: Vec<_> = envelope.recipients.iter().map(|mailbox| mailbox.unquoted()).collect();
    let mut client = Client::connect(&config.paths.run_directory)?;
    for some in recipients.chunks(AT_ONCE) {
        client.tell(&ToRelay::Verify { sender: sender.clone(), recipients: some.to_vec() })?;
    }
    Ok(())
}
