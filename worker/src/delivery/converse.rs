//! Parts of the dialogue before mail, driven by one loop: what is written, what is waited for, and how long.

use super::greet::{GreetError, Terms};
use super::login;
use crate::context::Context;
use crate::duty::Duty;
use crate::wire::{Discretion, Limit, Wire, WireError};
use smtp::{Channel, Hello, HelloAction, Login, Lost, ReplyReader, Stage, StartTls};
use std::time::Duration;
use tokio::time::Instant;

/// A part of the dialogue that is driven by one loop.
pub(super) trait Dialogue {
    fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction;
    fn on_lost(&mut self, replies: &mut ReplyReader, how: Lost);
}

impl<C: Channel> Dialogue for Hello<'_, C> {
    fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction {
        Hello::next_action(self, replies, out)
    }

    fn on_lost(&mut self, replies: &mut ReplyReader, how: Lost) {
        Hello::on_lost(self, replies, how);
    }
}

impl Dialogue for StartTls<'_> {
    fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction {
        StartTls::next_action(self, replies, out)
    }

    fn on_lost(&mut self, _: &mut ReplyReader, how: Lost) {
        StartTls::on_lost(self, how);
    }
}

impl Dialogue for Login<'_> {
    fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction {
        Login::next_action(self, replies, out)
    }

    fn on_lost(&mut self, _: &mut ReplyReader, how: Lost) {
        Login::on_lost(self, how);
    }
}

/// Drives a part of the dialogue to its end.
pub(super) async fn converse<D: Dialogue>(
    terms: &Terms<'_>,
    wire: &mut Wire,
    mut dialogue: D,
) -> Result<D, GreetError> {
    let mut discretion = Discretion::Open;
    loop {
        let from = wire.outgoing.len();
        let action = dialogue.next_action(&mut wire.replies, &mut wire.outgoing);
        wire.log_heard(discretion);
        let HelloAction::Await(stage) = action else { break };
        discretion = Discretion::at(stage);
        wire.log_said(from, discretion);
        let patience = match stage {
            Stage::Auth => login::patience(terms.context, wire),
            stage => patience(terms.context, stage),
        };
        wire.log_wait(stage, patience);
        match exchange(wire, terms.duty, limit(terms.context, patience)).await {
            Ok(()) => {}
            Err(WireError::Abandoned(abandoned)) => return Err(GreetError::Abandoned(abandoned)),
            Err(WireError::Lost { how, .. }) => {
                wire.last_words();
                dialogue.on_lost(&mut wire.replies, how);
            }
        }
    }
    Ok(dialogue)
}

/// Says what is outgoing and hears the reply.
pub(super) async fn exchange(wire: &mut Wire, duty: &Duty, limit: Limit) -> Result<(), WireError> {
    wire.flush(duty, limit).await?;
    wire.hear(duty, limit).await
}

/// `*_per_request_deadline`: for the request and its whole reply, or else for each wait.
pub(super) fn limit(context: &Context, patience: Duration) -> Limit {
    if context.config.timeouts.per_request_deadline {
        Limit::Until(Instant::now() + patience)
    } else {
        Limit::EachStep(patience)
    }
}

/// How long a stage may take.
pub(super) fn patience(context: &Context, stage: Stage) -> Duration {
    let timeouts = &context.config.timeouts;
    match stage {
        Stage::Greeting | Stage::Ehlo | Stage::Helo | Stage::Lhlo | Stage::Auth => timeouts.hello.get(),
        Stage::StartTls => timeouts.starttls.get(),
        Stage::XforwardName | Stage::XforwardProtocol => timeouts.xforward.get(),
        Stage::Mail => timeouts.mail.get(),
        Stage::Rcpt => timeouts.rcpt.get(),
        Stage::Data => timeouts.data_init.get(),
        Stage::Content => timeouts.data_xfer.get(),
        Stage::EndOfData => timeouts.data_done.get(),
        Stage::Rset => timeouts.rset.get(),
        Stage::Quit => timeouts.quit.get(),
    }
}

#[cfg(test)]
mod tests;
