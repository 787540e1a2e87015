//! Service names to TCP ports: the known ones, then the system's services file.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Names that need no services file, as Postfix's default `known_tcp_ports` has them.
const USUAL: [(&str, u16); 5] =
    [("lmtp", 24), ("smtp", 25), ("smtps", 465), ("submissions", 465), ("submission", 587)];

/// Largest services file that is read, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

/// The port of each TCP service. The file is read when a name is asked that is not known, and only once.
#[derive(Debug)]
pub struct Services {
    known: HashMap<String, u16>,
    file: PathBuf,
    from_file: OnceLock<HashMap<String, u16>>,
}

impl Services {
    /// These names, in lower case, and no others, then `/etc/services` (`known_tcp_ports`). The first of equals counts.
    pub fn knowing<'a>(known: impl IntoIterator<Item = (&'a str, u16)>) -> Self {
        let mut services = Self { known: HashMap::new(), ..Self::system() };
        for (name, port) in known {
            services.known.entry(name.to_owned()).or_insert(port);
        }
        services
    }

    /// The usual names, then `/etc/services`.
    pub fn system() -> Self {
        Self::in_file("/etc/services")
    }

    /// The usual names, then `file`, in the form of services(5).
    pub fn in_file(file: impl Into<PathBuf>) -> Self {
        let known = USUAL.into_iter().map(|(name, port)| (name.to_owned(), port)).collect();
        Self { known, file: file.into(), from_file: OnceLock::new() }
    }

    /// Reads the file now.
    pub fn read(&self) {
        self.listed();
    }

    /// The port of the TCP service `name` (any case); `None` if nobody knows it.
    pub fn port(&self, name: &str) -> Option<u16> {
        let name = name.to_ascii_lowercase();
        if let Some(&port) = self.known.get(&name) {
            return Some(port);
        }
        self.listed().get(&name).copied()
    }

    fn listed(&self) -> &HashMap<String, u16> {
        self.from_file.get_or_init(|| read(&self.file))
    }
}

impl Default for Services {
    fn default() -> Self {
        Self::system()
    }
}

fn read(file: &std::path::Path) -> HashMap<String, u16> {
    use std::io::Read;
    let mut text = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut text));
    if let Err(error) = read {
        tracing::warn!("cannot read {}: {error}", file.display());
    }
    parse(&String::from_utf8_lossy(&text))
}

/// Lines of `name port/protocol alias...`; the first entry of a name counts.
fn parse(text: &str) -> HashMap<String, u16> {
    let mut ports = HashMap::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (Some(name), Some(place)) = (words.next(), words.next()) else { continue };
        let Some(port) = place.strip_suffix("/tcp").and_then(|port| port.parse().ok()) else { continue };
        for name in std::iter::once(name).chain(words) {
            ports.entry(name.to_ascii_lowercase()).or_insert(port);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_of_tcp_services_are_found() {
        let ports = parse(
            "# comment\nsmtp 25/tcp mail\nuucp 540/tcp uucpd # x y\ntalk 517/udp\nbad x/tcp\nuucp 9/tcp\n",
        );
        assert_eq!(ports.get("mail"), Some(&25));
        assert_eq!(ports.get("uucp"), Some(&540));
        assert_eq!(ports.get("uucpd"), Some(&540));
        assert_eq!(ports.get("talk"), None);
        assert_eq!(ports.get("bad"), None);
        assert_eq!(ports.get("x"), None);
    }

    #[test]
    fn the_operator_says_which_names_are_known() {
        let services = Services { file: "/nonexistent".into(), ..Services::knowing([("mine", 2525)]) };
        assert_eq!(services.port("Mine"), Some(2525));
        assert_eq!(services.port("smtps"), None, "it is not on the list");
    }

    #[test]
    fn a_file_that_was_read_before_may_be_out_of_sight_when_a_name_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("services");
        std::fs::write(&file, "odd 4242/tcp\n").unwrap();
        let services = Services::in_file(file);
        services.read();
        drop(folder);
        assert_eq!(services.port("odd"), Some(4242));
    }

    #[test]
    fn known_names_need_no_file() {
        let services = Services::in_file("/nonexistent");
        for (name, port) in
            [("smtp", 25), ("SMTPS", 465), ("submissions", 465), ("submission", 587), ("lmtp", 24)]
        {
            assert_eq!(services.port(name), Some(port));
        }
        assert!(services.from_file.get().is_none(), "the file was not touched");
        assert_eq!(services.port("uucp"), None);
    }
}
