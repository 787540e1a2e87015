//! One value of `smtp_tls_policy_maps`: a level, then attributes.

use std::path::PathBuf;

use maincf::value::{CipherGrade, Value};

use crate::Level;

/// What an entry says. `None` and empty lists: what main.cf says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    pub(crate) ciphers: Option<CipherGrade>,
    pub(crate) protocols: Option<String>,
    pub(crate) exclude: Option<Vec<String>>,
    pub(crate) servername: Option<String>,
    /// Fingerprints at level fingerprint, names at verify and secure.
    pub(crate) matches: Vec<String>,
    pub(crate) tafiles: Vec<PathBuf>,
    pub(crate) reuse: Option<bool>,
    /// What is odd but harmless.
    pub(crate) warnings: Vec<String>,
}

/// Reads an entry. Errors: what is wrong with it; the whole entry is then invalid, and nothing weaker stands in for it.
pub(crate) fn entry(value: &str) -> Result<Entry, String> {
    let mut words = words(value)?.into_iter();
    let word = words.next().ok_or("the policy is empty")?;
    let level = Level::named(&word).ok_or_else(|| format!("invalid security level {word:?}"))?;
    let mut entry = Entry::of(level);
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("malformed attribute {word:?}: expected name=value"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if level == Level::None {
            entry.warnings.push(format!("ignoring attribute {name:?} with TLS disabled"));
        } else if value.is_empty() {
            return Err(format!("attribute {name:?} has no value"));
        } else {
            entry.attribute(&name, value)?;
        }
    }
    Ok(entry)
}

/// Words between blanks and commas; `{ name = value }` is one, without its braces.
fn words(value: &str) -> Result<Vec<String>, String> {
    let separator = |sign: char| sign.is_ascii_whitespace() || sign == ',';
    let (mut words, mut rest) = (Vec::new(), value.trim_start_matches(separator));
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}').ok_or_else(|| format!("missing '}}' in {rest:?}"))?,
            None => rest.split_at(rest.find(separator).unwrap_or(rest.len())),
        };
        words.push(word.trim().to_owned());
        rest = after.trim_start_matches(separator);
    }
    Ok(words)
}

impl Entry {
    /// A level and nothing else.
    pub(crate) fn of(level: Level) -> Self {
        Self {
            level,
            ciphers: None,
            protocols: None,
            exclude: None,
            servername: None,
            matches: Vec::new(),
            tafiles: Vec::new(),
            reuse: None,
            warnings: Vec::new(),
        }
    }

    fn attribute(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "ciphers" => once(&mut self.ciphers, name, grade(value)?),
            "protocols" => once(&mut self.protocols, name, value.to_owned()),
            "exclude" => once(&mut self.exclude, name, parts(value, &[':', ',', ' ', '\t'])),
            "servername" => once(&mut self.servername, name, value.to_owned()),
            "match" => self.match_(value),
            "tafile" if matches!(self.level, Level::Verify | Level::Secure) => {
                self.tafiles.push(value.into());
                Ok(())
            }
            "tafile" => Err(self.wrong_level(name)),
            "connection_reuse" => {
                self.reuse = Some(yes_or_no(name, value)?);
                Ok(())
            }
            // Newer releases know these. None of them makes a policy weaker where it is not acted on.
            "enable_rpk" => {
                if yes_or_no(name, value)? {
                    self.warnings
                        .push("enable_rpk: raw public keys are not asked for; certificates are".into());
                }
                Ok(())
            }
            "policy_type" | "policy_domain" | "policy_ttl" | "policy_string" | "policy_failure" => Ok(()),
            _ => Err(format!("invalid attribute name {name:?}")),
        }
    }

    fn match_(&mut self, value: &str) -> Result<(), String> {
        match self.level {
            Level::Fingerprint => self.matches.extend(parts(value, &['|'])),
            Level::Verify | Level::Secure => self.matches.extend(parts(value, &[':', ' ', '\t', ','])),
            _ => return Err(self.wrong_level("match")),
        }
        Ok(())
    }

    fn wrong_level(&self, name: &str) -> String {
        format!("attribute {name:?} is not valid at level {}", self.level)
    }
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("attribute {name:?} is given more than once")),
    }
}

fn grade(value: &str) -> Result<CipherGrade, String> {
    match CipherGrade::parse(value, "") {
        Ok(CipherGrade::Null) => Err("ciphers=null: there are no ciphers without encryption here".into()),
        Ok(grade) => Ok(grade),
        Err(_) => Err(format!("invalid cipher grade: {value:?}")),
    }
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("attribute {name:?} has an invalid value {value:?}: expected yes or no")),
    }
}

fn parts(value: &str, separators: &[char]) -> Vec<String> {
    value.split(separators).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(value: &str) -> String {
        entry(value).expect_err(value)
    }

    #[test]
    fn levels_alone() {
        for word in ["none", "may", "encrypt", "fingerprint", "dane", "dane-only", "verify", "secure"] {
            assert_eq!(entry(word).unwrap().level.word(), word);
        }
        assert_eq!(error("half-dane"), "invalid security level \"half-dane\"");
        assert_eq!(error("secured"), "invalid security level \"secured\"");
        assert_eq!(error("  , "), "the policy is empty");
    }

    #[test]
    fn every_attribute_in_both_spellings() {
        for value in [
            "secure match=a.example:.b.example match=c.example, ciphers=high protocols=>=TLSv1.3 exclude=AES128:SHA1 \
             servername=hostname tafile=/a tafile=/b connection_reuse=yes,connection_reuse=no",
            "secure { match = a.example:.b.example } {match=c.example} { ciphers = high } { protocols = >=TLSv1.3 } \
             { exclude = AES128, SHA1 }, { servername = hostname } { tafile = /a } {tafile=/b} { connection_reuse = no }",
        ] {
            let entry = entry(value).unwrap();
            assert_eq!(entry.matches, ["a.example", ".b.example", "c.example"]);
            assert_eq!(entry.ciphers, Some(CipherGrade::High));
            assert_eq!(entry.protocols.as_deref(), Some(">=TLSv1.3"));
            assert_eq!(entry.exclude, Some(vec!["AES128".into(), "SHA1".into()]));
            assert_eq!(entry.servername.as_deref(), Some("hostname"));
            assert_eq!(entry.tafiles, [PathBuf::from("/a"), PathBuf::from("/b")]);
            assert_eq!(entry.reuse, Some(false));
            assert!(entry.warnings.is_empty());
        }
    }

    #[test]
    fn fingerprints_are_separated_by_bars() {
        assert_eq!(entry("fingerprint match=AA:BB|cc match=dd").unwrap().matches, ["AA:BB", "cc", "dd"]);
    }

    #[test]
    fn attributes_that_come_once_may_not_come_twice() {
        for attribute in ["ciphers=high", "protocols=TLSv1.3", "exclude=RC4", "servername=nexthop"] {
            let name = attribute.split('=').next().unwrap();
            let expected = format!("attribute {name:?} is given more than once");
            assert_eq!(error(&format!("encrypt {attribute} {attribute}")), expected);
        }
    }

    #[test]
    fn attributes_at_the_wrong_level_are_errors() {
        for level in ["may", "encrypt", "dane", "dane-only"] {
            assert!(error(&format!("{level} match=a.example")).contains("not valid at level"));
        }
        for level in ["may", "encrypt", "fingerprint", "dane", "dane-only"] {
            assert!(error(&format!("{level} tafile=/a")).contains("not valid at level"));
        }
    }

    #[test]
    fn values_that_cannot_be_are_errors() {
        for value in [
            "may ciphers=null",
            "may ciphers=strong",
            "may ciphers=",
            "may ciphers",
            "may bogus=1",
            "may =x",
            "may connection_reuse=maybe",
            "may enable_rpk=2",
            "may { ciphers = high",
            "secure match=",
            "may {}",
        ] {
            error(value);
        }
    }

    #[test]
    fn attributes_at_level_none_only_warn() {
        let entry = entry("none ciphers=banana match=x bogus=1").unwrap();
        assert_eq!(entry.warnings.len(), 3);
        assert_eq!(
            entry.warnings.first().map(String::as_str),
            Some("ignoring attribute \"ciphers\" with TLS disabled")
        );
        assert_eq!((entry.ciphers, entry.matches.len()), (None, 0));
    }

    #[test]
    fn attributes_of_newer_releases_are_known() {
        let entry = entry(
            "secure match=mx.example policy_type=sts policy_domain=a.example policy_ttl=60 \
                           { policy_string = version: STSv1 } enable_rpk=yes",
        )
        .unwrap();
        assert_eq!(entry.warnings.len(), 1);
        assert!(error("secure policy_type=sts mx_host_pattern=mx.example").contains("mx_host_pattern"));
    }
}
