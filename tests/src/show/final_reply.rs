//! The supervisor is killed while the server sits on the final reply, and started again at once: one copy.

use super::Verdict;
use crate::mail::Mail;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::sink::{FinalReply, Settings, Sink};
use crate::table::Table;
use crate::{injector, wait};
use std::time::Duration;

/// When the server answers, seen from the new supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Before the new supervisor is started.
    BeforeRestart,
    /// After it is up.
    AfterRestart,
}

/// How long the new supervisor is watched for a second delivery while the first worker still waits.
const WATCH: Duration = Duration::from_millis(500);

/// Both moments, several times.
pub fn show(rounds: usize) -> Verdict {
    let mut table = Table::new(&["server answers", "rounds", "copies", "left in queue"]);
    let mut holds = true;
    for (name, answer) in
        [("before the restart", Answer::BeforeRestart), ("after the restart", Answer::AfterRestart)]
    {
        let outcomes: Vec<(usize, usize)> = (0..rounds).map(|_| run(answer)).collect();
        holds &= outcomes.iter().all(|&outcome| outcome == (1, 0));
        let (copies, left): (Vec<usize>, Vec<usize>) = outcomes.into_iter().unzip();
        table.row(&[&name, &rounds, &format!("{copies:?}"), &format!("{left:?}")]);
    }
    print!("{table}");
    holds.into()
}

/// Once: how many copies the sink got, and how many messages are left in the queue.
pub fn run(answer: Answer) -> (usize, usize) {
    let sandbox = Sandbox::new("final");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("minimal_backoff_time", "1s")
        .option("queue_run_delay", "1s")
        .start();
    injector::send(relay.intake(), 1, vec![Mail::new("user@d.test", "held@client.test", b"body\r\n")]);
    sink.expect_messages(1);
    relay.kill();
    if answer == Answer::BeforeRestart {
        sink.release();
        sink.expect("the reply", wait::PATIENCE, |record| {
            record.messages.iter().all(|message| message.answered)
        });
    }
    let launch = relay.launch().clone();
    let mut second = launch.start();
    // A second copy would come now, while the first worker still waits for its reply.
    sink.wait(WATCH, |record| record.messages.len() > 1);
    second.command(&["queue", "flush"]);
    sink.wait(WATCH, |record| record.messages.len() > 1);
    sink.release();
    second.wait_empty(wait::PATIENCE);
    second.stop();
    (sink.record().messages.len(), second.queued())
}
