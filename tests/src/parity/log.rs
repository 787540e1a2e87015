//! Postfix's log: which lines are about which message, and which message belongs to which case.

use super::stage::Placed;

/// The most characters of a line that are compared.
const LONGEST: usize = 900;

/// All lines.
#[derive(Debug)]
pub(super) struct Log {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    tag: String,
    /// The message's name in the queue.
    id: Option<String>,
    text: String,
}

impl Log {
    /// Takes it apart.
    pub(super) fn new(text: &str) -> Self {
        Self { lines: text.lines().filter_map(Line::parse).collect() }
    }

    /// The messages to a case's recipients, in the order they came in, and then those that went back to its sender.
    pub(super) fn messages(&self, one: &Placed) -> (Vec<String>, Vec<String>) {
        let forth = [format!("@{}>", one.domain)];
        let back = [format!("to=<sender@from.{}>", one.domain)];
        let forth = self.with(&forth, &one.recipients());
        let back = self.with(&back, &[]).into_iter().filter(|id| !forth.contains(id)).collect();
        (forth, back)
    }

    /// Messages with a line that says `message-id=<…` or `to=<…` with one of these.
    fn with(&self, words: &[String], recipients: &[String]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for line in &self.lines {
            let Some(id) = &line.id else { continue };
            let about = line.text.starts_with("message-id=<") || line.text.starts_with("to=<");
            let ours = words.iter().any(|word| line.text.contains(word.as_str()))
                || recipients.iter().any(|one| line.text.starts_with(&format!("to=<{one}>")));
            if about && ours && !found.contains(id) {
                found.push(id.clone());
            }
        }
        found
    }

    /// What is said of a message, without what the front end says of it.
    pub(super) fn about(&self, id: &str) -> Vec<String> {
        let lines = self.lines.iter().filter(|line| line.id.as_deref() == Some(id));
        let lines = lines.filter(|line| !line.tag.ends_with("/pickup") && !line.tag.ends_with("/cleanup"));
        lines.map(Line::shown).collect()
    }

    /// What an agent says of no message of the queue.
    pub(super) fn besides(&self, tag: &str) -> Vec<String> {
        let of_it = |line: &&Line| {
            line.id.is_none() && line.tag.strip_prefix(tag).is_some_and(|rest| rest.starts_with('/'))
        };
        self.lines.iter().filter(of_it).map(Line::shown).collect()
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (origin, text) = line.split_once("]: ")?;
        let tag = origin.split_whitespace().last()?.split('[').next()?.to_owned();
        let id = text.split_once(": ").filter(|(id, _)| is_queue_id(id));
        let (id, text) = match id {
            Some((id, text)) => (Some(id.to_owned()), text),
            None => (None, text),
        };
        Some(Self { tag, id, text: text.to_owned() })
    }

    /// The program, and what it says, without what no two deliveries have in common.
    fn shown(&self) -> String {
        let program = self.tag.rsplit('/').next().unwrap_or_default();
        let text = match self.text.split_once(", delay=") {
            Some((before, after)) => match after.split_once(", dsn=") {
                Some((_, after)) => format!("{before}, dsn={after}"),
                None => self.text.clone(),
            },
            None => self.text.clone(),
        };
        // postlogd cuts a line, times and all, so that its end is a matter of chance.
        let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
        format!("{program}: {}", &text[..end])
    }
}

fn is_queue_id(word: &str) -> bool {
    word.len() >= 8 && word.chars().all(|c| c.is_ascii_digit() || matches!(c, 'A'..='F'))
}
