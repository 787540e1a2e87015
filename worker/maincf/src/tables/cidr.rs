//! `cidr:/file`: networks, compared with an address one after the other. cidr_table(5).

use std::convert::Infallible;
use std::net::IpAddr;

use super::rules::{Line, Remarked, Rules, after_word};
use super::{OpenError, Opener, RuleError, Table, TableError, TableSpec};

/// What is wrong with a network or with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("an address or a network is missing")]
    Missing,
    /// Neither.
    #[error("{0:?} is neither an address nor a network")]
    Bad(String),
    /// Not a number of bits that the address has.
    #[error("{0:?} is not a length of a prefix of {1}")]
    BadLength(String, IpAddr),
    /// Bits that no address could be compared with.
    #[error("{given}/{length} has bits behind its first {length}; do you mean {network}/{length}?")]
    HostBits {
        /// As written.
        given: IpAddr,
        /// As written.
        length: u32,
        /// Without them.
        network: IpAddr,
    },
    /// A bracket that does not close, or something behind it.
    #[error("{0:?}: brackets stand around an address or a network")]
    Brackets(String),
    /// Behind a condition, or `endif`.
    #[error("{0:?} behind if or endif means nothing")]
    Garbage(String),
}

/// Networks that an address is to be in, or not to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// How many of its bits count.
    length: u32,
    negated: bool,
}

#[derive(Debug)]
struct Cidr(Rules<Network, String>);

pub(super) fn open(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    Ok(Box::new(Cidr(Rules::open(spec, read, opener.bad_rules())?)))
}

impl Table for Cidr {
    /// A key that is not an address is in no network, and not outside of one either.
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        let Ok(address) = key.parse() else { return Ok(None) };
        let Ok(found) = self.0.find(|network| Ok::<_, Infallible>(network.holds(address)));
        Ok(found.map(|(_, value)| value.clone()))
    }

    fn remarks(&self) -> &[String] {
        self.0.remarks()
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}

fn read(line: &str) -> Result<Remarked<Network, String>, RuleError> {
    if let Some(rest) = after_word(line, "if") {
        let (network, extra) = condition(rest.trim_start())?;
        nothing_behind(extra)?;
        return Ok((Line::If(network), None));
    }
    if let Some(rest) = after_word(line, "endif") {
        nothing_behind(rest.trim())?;
        return Ok((Line::Endif, None));
    }
    let (network, value) = condition(line)?;
    if value.is_empty() { Err(RuleError::NoResult) } else { Ok((Line::Rule(network, value.into()), None)) }
}

fn nothing_behind(extra: &str) -> Result<(), AddressError> {
    if extra.is_empty() { Ok(()) } else { Err(AddressError::Garbage(extra.into())) }
}

/// Reads `!network`, and returns what follows after white space.
fn condition(text: &str) -> Result<(Network, &str), AddressError> {
    let (mut rest, mut negated) = (text, false);
    while let Some(after) = rest.strip_prefix('!') {
        (rest, negated) = (after.trim_start(), !negated);
    }
    let (word, rest) = rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
    if word.is_empty() {
        return Err(AddressError::Missing);
    }
    let (address, length) = network(word)?;
    Ok((Network { address, length, negated }, rest.trim()))
}

/// Reads `address`, `address/length`, `[address/length]` or `[address]/length`.
fn network(word: &str) -> Result<(IpAddr, u32), AddressError> {
    let (inside, outside) = match word.strip_prefix('[') {
        None => (word, ""),
        Some(open) => open.split_once(']').ok_or_else(|| AddressError::Brackets(word.into()))?,
    };
    let (address, length) = match (outside.strip_prefix('/'), outside.is_empty()) {
        (Some(length), _) => (inside, Some(length)),
        (None, true) => {
            inside.split_once('/').map_or((inside, None), |(address, length)| (address, Some(length)))
        }
        (None, false) => return Err(AddressError::Brackets(word.into())),
    };
    let address: IpAddr = address.parse().map_err(|_| AddressError::Bad(word.into()))?;
    let Some(digits) = length else { return Ok((address, bits(address))) };
    let length = Some(digits)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|length| *length <= bits(address))
        .ok_or_else(|| AddressError::BadLength(digits.into(), address))?;
    match first_bits(address, length) {
        network if network == address => Ok((address, length)),
        network => Err(AddressError::HostBits { given: address, length, network }),
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all but its first bits cleared.
fn first_bits(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl Network {
    /// Whether an address is where it is to be. One of the other family is nowhere, not outside.
    fn holds(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && (first_bits(address, self.length) == self.address) != self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rules: &str) -> Result<Box<dyn Table>, OpenError> {
        TableSpec::parse(&format!("cidr:{{ {rules} }}")).unwrap().open()
    }

    fn wrong(rule: &str) -> AddressError {
        match table(&format!("{{{rule}}}")) {
            Err(OpenError::Rule { reason: RuleError::BadAddress(reason), .. }) => reason,
            other => panic!("{rule}: {other:?}"),
        }
    }

    #[test]
    fn the_first_network_with_the_address_answers() {
        let table = table("{10.1.0.0/16 a}, {10.0.0.0/8  b c }, {2001:db8::/32 d}, {0.0.0.0/0 e}").unwrap();
        let answer = |key| table.lookup(key).unwrap();
        for (key, want) in [("10.1.2.3", "a"), ("10.2.2.3", "b c"), ("2001:DB8::1", "d"), ("192.0.2.1", "e")]
        {
            assert_eq!(answer(key).as_deref(), Some(want), "{key}");
        }
        for key in ["2001:db9::1", "::ffff:10.1.2.3", "[10.1.2.3]", "10.1.2", "010.1.2.3", "example.org", ""]
        {
            assert_eq!(answer(key), None, "{key}");
        }
    }

    #[test]
    fn negation_and_conditions_hold_within_one_family() {
        let table =
            table("{if !10.0.0.0/8}, {!192.0.2.0/24 other}, {endif}, {![10.0.0.1] ten}, {[::]/0 six}")
                .unwrap();
        let answer = |key| table.lookup(key).unwrap();
        for (key, want) in
            [("198.51.100.1", "other"), ("10.0.0.2", "ten"), ("192.0.2.1", "ten"), ("::1", "six")]
        {
            assert_eq!(answer(key).as_deref(), Some(want), "{key}");
        }
        assert_eq!(answer("10.0.0.1"), None);
    }

    #[test]
    fn what_is_wrong_with_a_network_is_said() {
        let ten = "10.0.0.0".parse().unwrap();
        assert_eq!(wrong("if"), AddressError::Missing);
        assert_eq!(wrong("example.org x"), AddressError::Bad("example.org".into()));
        assert_eq!(wrong("010.0.0.0 x"), AddressError::Bad("010.0.0.0".into()));
        assert_eq!(wrong("10.0.0.0/33 x"), AddressError::BadLength("33".into(), ten));
        assert_eq!(wrong("10.0.0.0/+8 x"), AddressError::BadLength("+8".into(), ten));
        assert_eq!(wrong("10.0.0.0/ x"), AddressError::BadLength("".into(), ten));
        assert_eq!(wrong("[10.0.0.0 x"), AddressError::Brackets("[10.0.0.0".into()));
        assert_eq!(wrong("[10.0.0.0]8 x"), AddressError::Brackets("[10.0.0.0]8".into()));
        assert_eq!(wrong("endif x"), AddressError::Garbage("x".into()));
        let error = wrong("10.0.0.1/8 x").to_string();
        assert!(error.contains("do you mean 10.0.0.0/8?"), "{error}");
        assert!(matches!(table("{10.0.0.0/8}"), Err(OpenError::Rule { reason: RuleError::NoResult, .. })));
    }

    proptest::proptest! {
        #[test]
        fn any_rule_is_read_or_refused(line in "(if|endif|!)?[0-9a-f.:/\\[\\] !]{0,30}") {
            _ = read(&line);
        }
    }
}
