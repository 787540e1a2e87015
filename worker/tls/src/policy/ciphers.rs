//! Cipher grades and exclusions, and the part of OpenSSL's cipher list language that means something here.

use maincf::value::CipherGrade;

use super::suites::{self, Suite};

/// What is wrong with ciphers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CiphersError {
    /// The grade without encryption.
    #[error("invalid cipher grade: \"null\": there are no ciphers without encryption here")]
    Null,
    /// An exclusion is not a command.
    #[error("invalid unary '!+-@' in cipher exclusion: {0}")]
    Operator(String),
}

/// The suites of TLS 1.2 that are left, best first, and the words that nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) suites: Vec<u16>,
    pub(crate) unknown: Vec<String>,
}

/// What the two grades mean (`tls_high_cipherlist`, `tls_medium_cipherlist`).
#[derive(Clone, Debug)]
pub(crate) struct Grades {
    pub(crate) high: String,
    pub(crate) medium: String,
}

impl Grades {
    /// The suites of a grade without those excluded.
    pub(crate) fn select(&self, grade: CipherGrade, exclusions: &[String]) -> Result<Selected, CiphersError> {
        let list = match grade {
            CipherGrade::Null => return Err(CiphersError::Null),
            CipherGrade::High => &self.high,
            CipherGrade::Export | CipherGrade::Low | CipherGrade::Medium => &self.medium,
        };
        let mut list = List::read(list);
        for token in exclusions {
            if token.starts_with(['!', '+', '-', '@']) {
                return Err(CiphersError::Operator(token.clone()));
            }
            list.kill(token);
        }
        Ok(Selected { suites: list.kept.iter().map(|suite| suite.id).collect(), unknown: list.unknown })
    }
}

/// A cipher list while its commands act on it.
#[derive(Default)]
struct List {
    kept: Vec<&'static Suite>,
    killed: Vec<u16>,
    unknown: Vec<String>,
}

impl List {
    fn read(text: &str) -> Self {
        let mut list = Self::default();
        for token in text.split([':', ',', ' ', ';', '\t', '\n']).filter(|token| !token.is_empty()) {
            list.command(token);
        }
        list
    }

    fn command(&mut self, token: &str) {
        if token == "@STRENGTH" {
            self.kept.sort_by_key(|suite| std::cmp::Reverse(suite.bits));
        } else if token.starts_with("@SECLEVEL=") {
            // A lower bound for certificates and keys; the library has its own, higher one.
        } else if let Some(token) = token.strip_prefix('!') {
            self.kill(token);
        } else if let Some(token) = token.strip_prefix('-') {
            let selected = self.select(token);
            self.kept.retain(|suite| !has(&selected, suite));
        } else if let Some(token) = token.strip_prefix('+') {
            let selected = self.select(token);
            let (last, first): (Vec<_>, Vec<_>) = self.kept.iter().partition(|suite| has(&selected, suite));
            self.kept = first.into_iter().chain(last).collect();
        } else {
            let killed = self.killed.clone();
            for suite in self.select(token) {
                if !killed.contains(&suite.id) && !has(&self.kept, suite) {
                    self.kept.push(suite);
                }
            }
        }
    }

    /// Removes for good.
    fn kill(&mut self, token: &str) {
        let selected = self.select(token);
        self.kept.retain(|suite| !has(&selected, suite));
        self.killed.extend(selected.iter().map(|suite| suite.id));
    }

    fn select(&mut self, token: &str) -> Vec<&'static Suite> {
        suites::select(token).unwrap_or_else(|| {
            self.unknown.push(token.to_owned());
            Vec::new()
        })
    }
}

fn has(suites: &[&Suite], suite: &Suite) -> bool {
    suites.iter().any(|other| other.id == suite.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades() -> Grades {
        Grades {
            high: "aNULL:-aNULL:HIGH:@STRENGTH".into(),
            medium: "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH".into(),
        }
    }

    fn names(list: &str, exclusions: &[&str]) -> Vec<&'static str> {
        let grades = Grades { high: list.into(), medium: String::new() };
        let exclusions: Vec<String> = exclusions.iter().map(|word| (*word).to_owned()).collect();
        let selected = grades.select(CipherGrade::High, &exclusions).unwrap();
        selected.suites.iter().map(|id| suites::suite(*id).unwrap().name).collect()
    }

    #[test]
    fn both_grades_are_everything_by_strength() {
        for grade in [CipherGrade::Export, CipherGrade::Low, CipherGrade::Medium, CipherGrade::High] {
            let selected = grades().select(grade, &[]).unwrap();
            assert_eq!(selected.suites, [0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC02B, 0xC02F]);
            assert!(selected.unknown.is_empty());
        }
        assert_eq!(grades().select(CipherGrade::Null, &[]), Err(CiphersError::Null));
    }

    #[test]
    fn newer_defaults_have_only_known_words() {
        let newer =
            "aNULL:-aNULL:HIGH:MEDIUM:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:+RC4:@STRENGTH";
        let grades = Grades { high: newer.into(), medium: newer.into() };
        let selected = grades.select(CipherGrade::Medium, &[]).unwrap();
        assert_eq!((selected.suites.len(), selected.unknown.len()), (6, 0));
    }

    #[test]
    fn exclusions_match_names_words_and_conjunctions() {
        for (exclusion, left) in [
            ("aNULL", 6),
            ("eNULL", 6),
            ("kRSA", 6),
            ("kDHE", 6),
            ("3DES", 6),
            ("RC4", 6),
            ("MD5", 6),
            ("SHA1", 6),
            ("DES-CBC3-SHA", 6),
            ("AES", 2),
            ("AESGCM", 2),
            ("AES128", 4),
            ("AES256", 4),
            ("CHACHA20", 4),
            ("aRSA", 3),
            ("aECDSA", 3),
            ("ECDSA", 3),
            ("kECDHE", 0),
            ("ECDHE", 0),
            ("HIGH", 0),
            ("MEDIUM", 6),
            ("aRSA+AES128", 5),
            ("ECDHE+AESGCM", 2),
            ("kRSA+AES", 6),
            ("ECDHE-RSA-AES128-GCM-SHA256", 5),
        ] {
            assert_eq!(names("HIGH", &[exclusion]).len(), left, "{exclusion}");
        }
    }

    #[test]
    fn exclusions_that_are_commands_are_refused() {
        for word in ["!RC4", "+RC4", "-RC4", "@STRENGTH"] {
            let answer = grades().select(CipherGrade::Medium, &[word.into()]);
            assert_eq!(answer, Err(CiphersError::Operator(word.into())));
        }
    }

    #[test]
    fn unknown_words_are_reported_and_change_nothing() {
        let selected = grades().select(CipherGrade::Medium, &["banana".into()]).unwrap();
        assert_eq!((selected.suites.len(), selected.unknown), (6, vec!["banana".to_owned()]));
    }

    #[test]
    fn commands_of_the_list_order_and_remove() {
        assert_eq!(
            names("AES128:+aECDSA", &[]),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"]
        );
        assert_eq!(names("!aRSA:HIGH:-AES", &[]), ["ECDHE-ECDSA-CHACHA20-POLY1305"]);
        assert_eq!(names("CHACHA20:-CHACHA20:CHACHA20+aRSA", &[]), ["ECDHE-RSA-CHACHA20-POLY1305"]);
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:AES256+aRSA:@STRENGTH:@SECLEVEL=0", &[]).first(),
            Some(&"ECDHE-RSA-AES256-GCM-SHA384")
        );
    }
}
