//! Choices from a few words, and lists of such words.

use super::list::words;
use super::{Value, ValueError};

/// Declares an enum whose variants are the words of a parameter. Case does not matter.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $( $(#[$doc])* $variant, )* }

        impl Value for $name {
            const KIND: &'static str = concat!("one of:", $( " ", $word, )*);

            fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
                const WORDS: &[&str] = &[$($word),*];
                match text.to_ascii_lowercase().as_str() {
                    $( $word => Ok(Self::$variant), )*
                    _ => Err(ValueError::NotOneOf { word: text.into(), allowed: WORDS }),
                }
            }
        }
    };
}

choice! {
    /// Which address family goes first among addresses of equal MX preference.
    AddressPreference {
        /// Whatever order the addresses came in.
        Any = "any",
        /// IPv4 first.
        Ipv4 = "ipv4",
        /// IPv6 first.
        Ipv6 = "ipv6",
    }
}

choice! {
    /// How much DNS is used.
    DnsSupport {
        /// Not set: `disable_dns_lookups` decides.
        Unset = "",
        /// No MX lookups; hosts through the system resolver.
        Disabled = "disabled",
        /// DNS without validation.
        Enabled = "enabled",
        /// DNS with validated answers asked for.
        Dnssec = "dnssec",
    }
}

choice! {
    /// How strictly TLS is used. Ordered by strength: what is greater demands more.
    SecurityLevel {
        /// Not set: the older `smtp_use_tls` family decides.
        Unset = "",
        /// Never.
        None = "none",
        /// If the server offers it.
        May = "may",
        /// Always, whoever answers.
        Encrypt = "encrypt",
        /// Always, and the certificate must be a known one.
        Fingerprint = "fingerprint",
        /// As the domain's TLSA records say.
        Dane = "dane",
        /// TLSA records or nothing.
        DaneOnly = "dane-only",
        /// Always, and the certificate must be valid for the host.
        Verify = "verify",
        /// Always, and the certificate must be valid for the domain.
        Secure = "secure",
    }
}

choice! {
    /// How strong ciphers must be. What is below medium means medium.
    CipherGrade {
        /// As medium.
        Export = "export",
        /// As medium.
        Low = "low",
        /// Everything the library has.
        Medium = "medium",
        /// Everything the library has, the strongest first.
        High = "high",
        /// No encryption: refused.
        Null = "null",
    }
}

choice! {
    /// What TLSA records are worth where the MX records that led to the host were not validated.
    InsecureMxPolicy {
        /// Nothing.
        May = "may",
        /// The host has TLS.
        Encrypt = "encrypt",
        /// The host is the one that the records describe.
        Dane = "dane",
    }
}

choice! {
    /// A facility of syslog(3).
    SyslogFacility {
        /// The kernel's own.
        Kern = "kern",
        /// Programs of users.
        User = "user",
        /// Mail.
        Mail = "mail",
        /// Daemons.
        Daemon = "daemon",
        /// Logins.
        Auth = "auth",
        /// The log itself.
        Syslog = "syslog",
        /// Printers.
        Lpr = "lpr",
        /// News.
        News = "news",
        /// UUCP.
        Uucp = "uucp",
        /// Timed jobs.
        Cron = "cron",
        /// Logins, not for everybody.
        Authpriv = "authpriv",
        /// FTP.
        Ftp = "ftp",
        /// As this machine likes it.
        Local0 = "local0",
        /// As this machine likes it.
        Local1 = "local1",
        /// As this machine likes it.
        Local2 = "local2",
        /// As this machine likes it.
        Local3 = "local3",
        /// As this machine likes it.
        Local4 = "local4",
        /// As this machine likes it.
        Local5 = "local5",
        /// As this machine likes it.
        Local6 = "local6",
        /// As this machine likes it.
        Local7 = "local7",
    }
}

impl SyslogFacility {
    /// As in the priority of a line, before it is shifted (RFC 5424 §6.2.1).
    pub fn number(self) -> u32 {
        match self {
            Self::Kern => 0,
            Self::User => 1,
            Self::Mail => 2,
            Self::Daemon => 3,
            Self::Auth => 4,
            Self::Syslog => 5,
            Self::Lpr => 6,
            Self::News => 7,
            Self::Uucp => 8,
            Self::Cron => 9,
            Self::Authpriv => 10,
            Self::Ftp => 11,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }
}

choice! {
    /// How far address probes go.
    VerifyTarget {
        /// RCPT, then RSET.
        Rcpt = "rcpt",
        /// DATA, then the connection is closed.
        Data = "data",
    }
}

/// Where host addresses are looked up (`smtp_host_lookup`). DNS always comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLookup {
    /// Ask the DNS.
    pub dns: bool,
    /// Ask the system resolver (hosts file), alone or when DNS says not found.
    pub native: bool,
}

impl Value for HostLookup {
    const KIND: &'static str = "list of: dns native";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut lookup = Self { dns: false, native: false };
        for word in words(text)? {
            match word.to_ascii_lowercase().as_str() {
                "dns" => lookup.dns = true,
                "native" => lookup.native = true,
                _ => return Err(ValueError::NotOneOf { word: word.into(), allowed: &["dns", "native"] }),
            }
        }
        if lookup.dns || lookup.native { Ok(lookup) } else { Err(ValueError::Empty) }
    }
}

/// How names are completed (`smtp_dns_resolver_options`). Neither: every name is taken as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolverOptions {
    /// `res_defnames`: the local domain is added to names without a dot.
    pub default_domain: bool,
    /// `res_dnsrch`: the search list of resolv.conf is gone through.
    pub search_list: bool,
}

impl ResolverOptions {
    /// Whether names are completed at all. Then DANE has nothing to hold on to.
    pub fn complete_names(self) -> bool {
        self.default_domain || self.search_list
    }
}

impl Value for ResolverOptions {
    const KIND: &'static str = "list of: res_defnames res_dnsrch";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut options = Self::default();
        for word in words(text)? {
            match word {
                "res_defnames" => options.default_domain = true,
                "res_dnsrch" => options.search_list = true,
                _ => {
                    let allowed = &["res_defnames", "res_dnsrch"];
                    return Err(ValueError::NotOneOf { word: word.into(), allowed });
                }
            }
        }
        Ok(options)
    }
}

/// The address families in use (`inet_protocols`). With neither, no remote delivery is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetProtocols {
    /// IPv4 addresses are looked up and connected to.
    pub ipv4: bool,
    /// IPv6 addresses are looked up and connected to.
    pub ipv6: bool,
}

impl Value for InetProtocols {
    const KIND: &'static str = "list of: ipv4 ipv6 all";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut families = Self { ipv4: false, ipv6: false };
        for word in words(text)? {
            match word.to_ascii_lowercase().as_str() {
                "ipv4" => families.ipv4 = true,
                "ipv6" => families.ipv6 = true,
                "all" => families = Self { ipv4: true, ipv6: true },
                _ => {
                    let allowed = &["ipv4", "ipv6", "all"];
                    return Err(ValueError::NotOneOf { word: word.into(), allowed });
                }
            }
        }
        Ok(families)
    }
}

/// Which addresses are our own (`inet_interfaces`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InetInterfaces {
    /// Every address of the machine.
    All,
    /// The loopback addresses.
    LoopbackOnly,
    /// These names and addresses, brackets removed.
    Listed(Vec<String>),
}

impl Value for InetInterfaces {
    const KIND: &'static str = "all, loopback-only, or a list of names and addresses";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        match words(text)?.as_slice() {
            [] => Err(ValueError::Empty),
            ["all"] => Ok(Self::All),
            ["loopback-only"] => Ok(Self::LoopbackOnly),
            listed => {
                Ok(Self::Listed(listed.iter().map(|word| word.trim_matches(['[', ']']).to_owned()).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_by_strength() {
        let words = ["none", "may", "encrypt", "fingerprint", "dane", "dane-only", "verify", "secure"];
        let levels: Vec<_> = words.iter().map(|word| SecurityLevel::parse(word, "").unwrap()).collect();
        assert!(levels.is_sorted());
        assert!(SecurityLevel::parse("maybe", "").is_err());
    }

    #[test]
    fn families_and_interfaces() {
        assert_eq!(InetProtocols::parse("all", ""), Ok(InetProtocols { ipv4: true, ipv6: true }));
        assert_eq!(InetProtocols::parse("ipv6", ""), Ok(InetProtocols { ipv4: false, ipv6: true }));
        assert!(InetProtocols::parse("ipv5", "").is_err());
        assert_eq!(InetInterfaces::parse("loopback-only", ""), Ok(InetInterfaces::LoopbackOnly));
        assert_eq!(
            InetInterfaces::parse("[::1], mail.example", ""),
            Ok(InetInterfaces::Listed(vec!["::1".into(), "mail.example".into()]))
        );
    }

    #[test]
    fn names_are_completed_only_when_asked_in_small_letters() {
        assert!(!ResolverOptions::parse("", "").unwrap().complete_names());
        let both = ResolverOptions { default_domain: true, search_list: true };
        assert_eq!(ResolverOptions::parse("res_defnames, res_dnsrch", ""), Ok(both));
        assert!(ResolverOptions::parse("res_dnsrch", "").unwrap().complete_names());
        assert!(ResolverOptions::parse("RES_DNSRCH", "").is_err());
    }

    #[test]
    fn host_lookup_needs_at_least_one_method() {
        assert_eq!(HostLookup::parse("native", ""), Ok(HostLookup { dns: false, native: true }));
        assert_eq!(HostLookup::parse("", ""), Err(ValueError::Empty));
    }
}
