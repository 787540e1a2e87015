//! A round of mail through a Postfix: who delivered it, and what they said of it.

use super::Postfix;
use crate::process::Process;
use crate::wait;
use std::collections::BTreeSet;

/// A message; `id` is a word that no other of the round has.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// For the Message-ID.
    pub id: &'a str,
    /// Envelope sender, and From.
    pub from: &'a str,
    /// Envelope recipients, and To.
    pub to: &'a [&'a str],
    /// More of sendmail's options.
    pub options: &'a [&'a str],
}

/// A round that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// What agents logged, without what no two deliveries have in common, and without how often.
    pub lines: BTreeSet<String>,
    /// Names of the processes that delivered.
    pub programs: BTreeSet<String>,
    /// Postfix's TLS proxy was asked to encrypt.
    pub proxied: bool,
    /// Deliveries that were not the first on their connection.
    pub reuses: usize,
}

impl Postfix {
    /// Sends these one after the other, each when the one before it has been delivered, deferred or bounced.
    pub fn round(&self, name: char, posts: &[Post<'_>]) -> Round {
        let start = self.log_from(0).len();
        let mut round = Round::default();
        for post in posts {
            for line in self.post(name, post) {
                round.programs.extend(process(&line).map(|process| process.name));
            }
        }
        let log = self.log_from(start);
        round.proxied = log.contains("/tlsproxy[");
        round.reuses = log.matches(", conn_use=").count();
        round.lines = log.lines().filter_map(spoken).collect();
        round
    }

    /// Sends one; a line of the log for each of its recipients.
    pub fn post(&self, round: char, post: &Post<'_>) -> Vec<String> {
        let queue_id = self.queue(round, post);
        let line = |to: &&str| self.expect_line(&[&format!(" {queue_id}: to=<{to}>"), "status="]);
        post.to.iter().map(line).collect()
    }

    /// Sends one; its queue id.
    pub fn queue(&self, round: char, post: &Post<'_>) -> String {
        let message_id = format!("<{round}.{}@sites.test>", post.id);
        let content = format!(
            "From: <{}>\nTo: <{}>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-ID: {message_id}\n\nHello\n",
            post.from,
            post.to.join(">, <")
        );
        self.submit(post.options, post.from, post.to, &content);
        let line = self.expect_line(&["cleanup[", &format!("message-id={message_id}")]);
        let (_, rest) = line.split_once("]: ").expect("a log line");
        rest.split(':').next().expect("a queue id").to_owned()
    }

    /// Delivery agents, stock's or ours, that run now.
    pub fn agents(&self) -> Vec<Process> {
        let children = Process::find(self.master()).map(|master| master.children()).unwrap_or_default();
        let is_agent = |name: &str| matches!(name, "smtp" | "lmtp" | "baton-smtp" | "baton-lmtp");
        children.into_iter().filter(|child| is_agent(&child.name)).collect()
    }

    /// `postfix reload`; when it is done, of the agents that ran before only `busy` still do.
    pub fn renew(&self, busy: usize) -> Vec<Process> {
        let agents = self.agents();
        self.reload();
        wait::expect("the end of idle agents", || {
            let left: Vec<_> = agents.iter().filter(|agent| agent.is_alive()).cloned().collect();
            (left.len() <= busy).then_some(left)
        })
    }
}

/// The process that wrote a line, if it still runs.
pub fn process(line: &str) -> Option<Process> {
    let (origin, _) = line.split_once("]: ")?;
    let (_, number) = origin.rsplit_once('[')?;
    Process::find(number.parse().ok()?)
}

/// A line of an SMTP or LMTP client. Where OpenSSL resumed a session the digest is missing.
fn spoken(line: &str) -> Option<String> {
    let (origin, text) = line.split_once("]: ")?;
    let tag = origin.split_whitespace().last()?.split('[').next()?;
    if !(tag.ends_with("/smtp") || tag.ends_with("/lmtp")) {
        return None;
    }
    let mut words: Vec<String> = text
        .replace(" reused to ", " established to ")
        .replace(" server-digest SHA256", "")
        .split(' ')
        .map(str::to_owned)
        .collect();
    words.retain(|word| !["delay=", "delays=", "conn_use="].iter().any(|name| word.starts_with(name)));
    let is_number = |word: &String| {
        word.ends_with(':') && word.len() > 8 && word[..word.len() - 1].chars().all(char::is_alphanumeric)
    };
    if let Some(first) = words.first_mut().filter(|word| is_number(word)) {
        *first = "ID:".into();
    }
    for at in 0..words.len() {
        let before = words.get(at.wrapping_sub(1)).map(String::as_str);
        let after = words.get(at + 1).map(String::as_str);
        // As Postfix and as Dovecot name what they took.
        if before == Some("as") && at > 1 && words[at - 2] == "queued" {
            words[at] = "ID)".into();
        } else if after == Some("Saved)") {
            words[at] = "ID".into();
        }
    }
    Some(format!("{tag}: {}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_delivery_to_delivery_is_left_out() {
        let line = "Nov 26 15:00:00 debian postfix/smtp[7]: 4f0000000: to=<a@b.test>, relay=b.test[127.0.0.1]:25, \
                    conn_use=2, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ABCDEF)";
        let expected = "postfix/smtp: ID: to=<a@b.test>, relay=b.test[127.0.0.1]:25, dsn=2.0.0, status=sent (250 2.0.0 \
                        Ok: queued as ID)";
        assert_eq!(spoken(line).as_deref(), Some(expected));
        assert_eq!(spoken(&line.replace("/smtp[", "/smtpd[")), None);
    }
}
