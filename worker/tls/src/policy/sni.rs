//! Which server name is sent where TLSA records do not decide it (`smtp_tls_servername`).

use super::HostNames;
use super::digest::Fields;
use super::names::{ascii, valid_hostname};

/// The setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SniRule {
    None,
    Hostname,
    Nexthop,
    /// In A-labels.
    Literal(String),
    /// Mail is deferred.
    Invalid(String),
}

impl SniRule {
    pub(crate) fn read(setting: &str) -> Self {
        match setting.to_ascii_lowercase().as_str() {
            "" => Self::None,
            "hostname" => Self::Hostname,
            "nexthop" => Self::Nexthop,
            _ => match ascii(setting).filter(|name| valid_hostname(name)) {
                Some(name) => Self::Literal(name),
                None => Self::Invalid(setting.to_owned()),
            },
        }
    }

    /// The name to send. Addresses are not sent. Errors: what is wrong with the setting.
    pub(crate) fn name(&self, names: &HostNames<'_>) -> Result<Option<String>, String> {
        match self {
            Self::None => Ok(None),
            Self::Hostname => Ok(of_base_domain(names.host)),
            Self::Nexthop => Ok(of_base_domain(names.nexthop)),
            Self::Literal(name) => Ok(Some(name.clone())),
            Self::Invalid(setting) => Err(format!("invalid server name {setting:?}")),
        }
    }

    pub(crate) fn digest_into(&self, fields: &mut Fields) {
        match self {
            Self::None => fields.text("none"),
            Self::Hostname => fields.text("hostname"),
            Self::Nexthop => fields.text("nexthop"),
            Self::Literal(name) => fields.text("literal").text(name),
            Self::Invalid(setting) => fields.text("invalid").text(setting),
        };
    }
}

/// A domain as it is sent; `None` for what is not a host name.
pub(crate) fn of_base_domain(domain: &str) -> Option<String> {
    ascii(domain).filter(|name| valid_hostname(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_setting() {
        let names = HostNames { nexthop: "Dom.example", host: "mx.bücher.example.", mx: None };
        for (setting, sent) in [
            ("", Ok(None)),
            ("hostname", Ok(Some("mx.xn--bcher-kva.example".to_owned()))),
            ("NextHop", Ok(Some("dom.example".to_owned()))),
            ("Other.example", Ok(Some("other.example".to_owned()))),
            ("not a name", Err("invalid server name \"not a name\"".to_owned())),
            ("192.0.2.1", Err("invalid server name \"192.0.2.1\"".to_owned())),
        ] {
            assert_eq!(SniRule::read(setting).name(&names), sent, "{setting:?}");
        }
    }

    #[test]
    fn addresses_are_not_sent() {
        let names = HostNames { nexthop: "[192.0.2.1]", host: "192.0.2.1", mx: None };
        assert_eq!(SniRule::Hostname.name(&names), Ok(None));
        assert_eq!(SniRule::Nexthop.name(&names), Ok(None));
    }
}
