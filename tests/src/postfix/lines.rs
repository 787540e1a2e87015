//! Lines of Postfix's log, for comparison.

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
