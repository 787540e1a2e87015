//! Lines of Postfix's log, for comparison.

use std::collections::BTreeMap;

/// What a delivery line says behind the recipient, without what no two deliveries have in common.
pub fn shape(line: &str) -> String {
    let (origin, rest) = line.split_once("]: ").expect("a log line");
    let program = origin.split_whitespace().last().and_then(|tag| tag.split('[').next()).expect("a tag");
    let (_, rest) = rest.split_once(">, ").expect("a delivery line");
    let (relay, rest) = rest.split_once(", delay=").expect("delay");
    let (_, rest) = rest.split_once(", dsn=").expect("dsn");
    format!("{program} {relay} {rest}").replace("baton.test", "TEST").replace("stock.test", "TEST")
}

/// Lines that no one wants to see of an agent.
pub fn complaints(log: &str) -> Vec<String> {
    let bad = ["warning:", "error:", "fatal:", "panic:", "throttling"];
    log.lines().filter(|line| bad.iter().any(|word| line.contains(word))).map(str::to_owned).collect()
}

/// The same as kinds with their numbers: who says it and what, without what is of one process or message.
pub fn kinds(complaints: &[String]) -> BTreeMap<String, usize> {
    complaints.iter().fold(BTreeMap::new(), |mut kinds, line| {
        *kinds.entry(kind(line)).or_default() += 1;
        kinds
    })
}

fn kind(line: &str) -> String {
    let (origin, text) = line.split_once("]: ").unwrap_or(("", line));
    let program = origin.split_whitespace().last().and_then(|tag| tag.split('[').next()).unwrap_or_default();
    let word = |word: &str| {
        let bare = word.trim_end_matches([':', ',', '.']);
        // A queue ID, which has no vowels, a number, a place.
        let id =
            bare.len() >= 10 && bare.chars().all(|c| c.is_ascii_alphanumeric() && !"aeiouAEIOU".contains(c));
        let own = id || bare.contains(|c: char| c.is_ascii_digit()) && !bare.contains('/');
        if own { word.replace(bare, "N") } else { word.to_owned() }
    };
    let text = text.split(' ').map(word).collect::<Vec<_>>().join(" ");
    format!("{program}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_one_kind_are_counted_together() {
        let line = |pid: u32, id: &str| {
            format!(
                "Nov 26 15:00:00 relay postfix/master[{pid}]: warning: process /x/baton-smtp pid {pid} killed by signal 9 {id}: gone"
            )
        };
        let counted = kinds(&[line(1, "4gBQ1n0Zd5z1W"), line(22, "xyBQvnzZdkzkX")]);
        let kind = "postfix/master: warning: process /x/baton-smtp pid N killed by signal N N: gone";
        assert_eq!(counted, BTreeMap::from([(kind.to_owned(), 2)]));
    }
}
