//! The parts of resolv.conf(5) that decide whom to ask and how patiently.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

/// Most servers that are asked, as in the C library.
const MOST_SERVERS: usize = 3;
/// Bounds of the C library.
const LONGEST_TIMEOUT: u64 = 30;
const MOST_ATTEMPTS: u32 = 5;
/// A resolv.conf is some lines; more than this is not read.
const LARGEST_FILE: u64 = 64 << 10;

/// Whom to ask and how. `search`, `domain` and `ndots` are not here: every name is absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    /// In the order of the file; this machine if it names none.
    pub servers: Vec<IpAddr>,
    /// How long one server has for one question; 5 s by default.
    pub timeout: Duration,
    /// How often the list of servers is gone through; 2 by default.
    pub attempts: u32,
    /// Begin each question with the next server.
    pub rotate: bool,
    /// TCP only.
    pub use_vc: bool,
    /// The AD flag of these servers is to be believed.
    pub trust_ad: bool,
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self {
            servers: vec![Ipv4Addr::LOCALHOST.into()],
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            use_vc: false,
            trust_ad: false,
        }
    }
}

impl ResolvConf {
    /// Reads a file; one that cannot be read counts as empty, as in the C library, with a warning.
    pub fn read(file: &Path) -> Self {
        use std::io::Read;
        let mut text = Vec::new();
        if let Err(error) =
            std::fs::File::open(file).and_then(|open| open.take(LARGEST_FILE).read_to_end(&mut text))
        {
            tracing::warn!("cannot read {}: {error}", file.display());
        }
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// Reads the text of a file. What is not understood is skipped.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self { servers: Vec::new(), ..Self::default() };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => match words.next().map(str::parse) {
                    Some(Ok(server)) if conf.servers.len() < MOST_SERVERS => conf.servers.push(server),
                    Some(Err(_)) => tracing::warn!("not an address in resolv.conf: {line}"),
                    _ => {}
                },
                Some("options") => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers = Self::default().servers;
        }
        conf
    }

    fn option(&mut self, word: &str) {
        match word.split_once(':').unwrap_or((word, "")) {
            ("timeout", number) => {
                if let Ok(seconds) = number.parse::<u64>() {
                    self.timeout = Duration::from_secs(seconds.clamp(1, LONGEST_TIMEOUT));
                }
            }
            ("attempts", number) => {
                if let Ok(attempts) = number.parse::<u32>() {
                    self.attempts = attempts.clamp(1, MOST_ATTEMPTS);
                }
            }
            ("rotate", _) => self.rotate = true,
            ("use-vc", _) => self.use_vc = true,
            ("trust-ad", _) => self.trust_ad = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_options_are_read() {
        let conf = ResolvConf::parse(
            "; old\n# nameserver 192.0.2.9\nsearch a b\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\nnameserver bad\n\
             nameserver 192.0.2.2\nnameserver 192.0.2.3\noptions ndots:3 timeout:1 attempts:9 rotate\noptions trust-ad use-vc\n",
        );
        let servers = ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|text| text.parse().unwrap());
        assert_eq!(
            conf,
            ResolvConf {
                servers: servers.to_vec(),
                timeout: Duration::from_secs(1),
                attempts: 5,
                rotate: true,
                use_vc: true,
                trust_ad: true
            }
        );
    }

    #[test]
    fn nothing_means_this_machine() {
        assert_eq!(
            ResolvConf::parse("search example.org\noptions timeout:x attempts:-1\n"),
            ResolvConf::default()
        );
        assert_eq!(ResolvConf::read(Path::new("/nonexistent/resolv.conf")), ResolvConf::default());
        assert_eq!(ResolvConf::parse("options timeout:0 attempts:0").timeout, Duration::from_secs(1));
        assert_eq!(ResolvConf::parse("options timeout:0 attempts:0").attempts, 1);
    }
}
