//! Text without what no two runs have in common: names in the queue, times, sizes that depend on them.

const DAYS: [&str; 7] = ["Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "];

/// The longest date in a header: `26 Nov 2026 15:15:45 +0000 (UTC)` and a little.
const LONGEST_DATE: usize = 40;

/// Replaces names in the queue, and what was made of them.
pub(super) fn plain(text: &str, ids: &[String]) -> String {
    let own = ids.first().map_or(0, String::len);
    let mut text = sized(text, own);
    for id in ids {
        text = text.replace(id.as_str(), "QUEUED");
    }
    numbered(&dated(&text))
}

/// A message's own `Received:` has its name in it, and names differ in length.
fn sized(text: &str, own: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("size=") {
        let (before, after) = rest.split_at(at + 5);
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        match after[..end].parse::<usize>() {
            Ok(size) => out.push_str(&format!("{}", size.saturating_sub(own))),
            Err(_) => out.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    out + rest
}

fn dated(text: &str) -> String {
    let mut text = text.to_owned();
    for day in DAYS {
        let mut from = 0;
        while let Some(at) = text[from..].find(day).map(|at| from + at) {
            let tail = &text[at..];
            let digit = tail[day.len()..].starts_with(|c: char| c.is_ascii_digit() || c == ' ');
            let end = tail.find(')').filter(|&end| end < LONGEST_DATE);
            match end.filter(|_| digit) {
                Some(end) => text.replace_range(at..=at + end, "DATE"),
                None => from = at + day.len(),
            }
            from = from.max(at);
            if from >= text.len() {
                break;
            }
        }
    }
    text
}

/// Seconds since 1970, and times in message ids.
fn numbered(text: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() >= 9 { "TIME" } else { &digits });
        digits.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_look_the_same() {
        let text = |id: &str, size, date, second| {
            let text = format!("{id}: SIZE={size} id {id}; {date} {id}.{second}/relay.test");
            plain(&text, &[id.to_owned()])
        };
        assert_eq!(
            text("0123456789", 1010, "Thu, 26 Nov 2026 15:15:45 +0000 (UTC)", 1_764_170_145),
            text("0123456789A", 1011, "Fri,  1 Jan 2027 05:15:45 +0000 (UTC)", 1_764_170_199)
        );
    }
}
