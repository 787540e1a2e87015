//! `baton queue`: list, show, flush, remove, pause, resume.

use super::{Failure, SettingsArguments};
use clap::Subcommand;
use proto::control::{FromRelay, QueuedMessage, ToRelay};
use serde_json::{Value, json};
use std::io::Write;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// One line a message: id, state, size, age, sender, recipients with the reason they wait
    List {
        #[command(flatten)]
        settings: SettingsArguments,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Everything that is known of one message
    Show {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Queue id, as the log and `list` show it
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Try again now: one message, or everything that waits
    Flush {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Queue id
        id: Option<String>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take messages out of the queue for good; nobody is told
    Remove {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Queue ids
        #[arg(required = true)]
        ids: Vec<String>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Deliver nothing more until `resume`; mail is still taken in
    Pause {
        #[command(flatten)]
        settings: SettingsArguments,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Deliver again, after `pause` or `baton relay --held`
    Resume {
        #[command(flatten)]
        settings: SettingsArguments,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn execute(action: Action) -> Result<(), Failure> {
    match action {
        Action::List { settings, json } => list(&settings, json),
        Action::Show { settings, id, json } => show(&settings, id, json),
        Action::Flush { settings, id, json } => flush(&settings, id, json),
        Action::Remove { settings, ids, json } => {
            let mut client = settings.client()?;
            let mut count = 0;
            for id in ids {
                count += client.tell(&ToRelay::QueueRemove(id))?;
            }
            done(json, "removed", count)
        }
        Action::Pause { settings, json } => {
            let count = settings.client()?.tell(&ToRelay::Pause)?;
            done(json, "paused; messages in the queue", count)
        }
        Action::Resume { settings, json } => {
            let count = settings.client()?.tell(&ToRelay::Resume)?;
            done(json, "resumed; messages in the queue", count)
        }
    }
}

fn done(json: bool, what: &str, count: u64) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", json!({ "messages": count }))?;
    } else {
        writeln!(out, "{what}: {count}")?;
    }
    Ok(())
}

pub(super) fn flush(settings: &SettingsArguments, id: Option<String>, json: bool) -> Result<(), Failure> {
    let count = settings.client()?.tell(&ToRelay::QueueFlush(id))?;
    done(json, "due now", count)
}

pub(super) fn list(settings: &SettingsArguments, json: bool) -> Result<(), Failure> {
    let mut client = settings.client()?;
    let mut out = std::io::stdout().lock();
    let mut after = String::new();
    let (mut count, mut octets) = (0u64, 0u64);
    loop {
        let FromRelay::Queue { messages, more } = client.ask(&ToRelay::QueueList { after: after.clone() })?
        else {
            return Err(crate::control::ClientError::Unexpected.into());
        };
        for message in &messages {
            (count, octets) = (count + 1, octets + message.size);
            if json { writeln!(out, "{}", object(message))? } else { write_lines(&mut out, message)? }
        }
        match messages.last() {
            Some(last) if more => after.clone_from(&last.id),
            _ => break,
        }
    }
    if !json {
        match count {
            0 => writeln!(out, "The queue is empty.")?,
            _ => writeln!(out, "-- {count} messages, {} kB", octets.div_ceil(1024))?,
        }
    }
    Ok(())
}

fn show(settings: &SettingsArguments, id: String, json: bool) -> Result<(), Failure> {
    let FromRelay::Message(message) = settings.client()?.ask(&ToRelay::QueueShow(id))? else {
        return Err(crate::control::ClientError::Unexpected.into());
    };
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", object(&message))?;
    } else {
        write_lines(&mut out, &message)?;
    }
    Ok(())
}

fn write_lines(out: &mut impl Write, message: &QueuedMessage) -> std::io::Result<()> {
    let QueuedMessage { id, state, sender, size, arrival, next_attempt, recipients, recipients_left } =
        message;
    let now = now();
    write!(
        out,
        "{id}  {state:<8} {size:>9} bytes, {} old, from <{sender}>",
        span(now.saturating_sub(*arrival))
    )?;
    if *next_attempt > 0 {
        write!(out, ", next attempt in {}", span(next_attempt.saturating_sub(now)))?;
    }
    writeln!(out)?;
    for recipient in recipients {
        match recipient.reason.as_str() {
            "" => writeln!(out, "    to <{}>", recipient.address)?,
            reason => writeln!(out, "    to <{}>: {reason}", recipient.address)?,
        }
    }
    let hidden = (*recipients_left as usize).saturating_sub(recipients.len());
    if hidden > 0 {
        writeln!(out, "    and {hidden} more")?;
    }
    Ok(())
}

fn object(message: &QueuedMessage) -> Value {
    let QueuedMessage { id, state, sender, size, arrival, next_attempt, recipients, recipients_left } =
        message;
    let recipients: Vec<_> = recipients
        .iter()
        .map(|recipient| json!({ "address": recipient.address, "reason": recipient.reason }))
        .collect();
    json!({
        "id": id, "state": state, "sender": sender, "size": size, "arrival": arrival,
        "next_attempt": next_attempt, "recipients": recipients, "recipients_left": recipients_left,
    })
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// `45s`, `12m`, `5h`, `3d`.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
