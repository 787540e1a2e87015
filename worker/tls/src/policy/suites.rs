//! The cipher suites of the library under their OpenSSL names, and the words that select them.

/// One cipher suite.
#[derive(Debug)]
pub(crate) struct Suite {
    /// Its number on the wire.
    pub(crate) id: u16,
    /// Its name in OpenSSL, and so in Postfix's log.
    pub(crate) name: &'static str,
    /// The length of its key.
    pub(crate) bits: u16,
    /// The words of OpenSSL that select it alone or with others.
    words: &'static [&'static str],
}

/// TLS 1.3, in OpenSSL's order of preference. No cipher list touches them.
pub(crate) const TLS13: &[Suite] = &[
    Suite { id: 0x1302, name: "TLS_AES_256_GCM_SHA384", bits: 256, words: &[] },
    Suite { id: 0x1303, name: "TLS_CHACHA20_POLY1305_SHA256", bits: 256, words: &[] },
    Suite { id: 0x1301, name: "TLS_AES_128_GCM_SHA256", bits: 128, words: &[] },
];

/// TLS 1.2, in OpenSSL's order of preference.
pub(crate) const TLS12: &[Suite] = &[
    Suite {
        id: 0xC02C,
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        bits: 256,
        words: &["aECDSA", "AES", "AES256", "AESGCM"],
    },
    Suite {
        id: 0xC030,
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        bits: 256,
        words: &["aRSA", "AES", "AES256", "AESGCM"],
    },
    Suite { id: 0xCCA9, name: "ECDHE-ECDSA-CHACHA20-POLY1305", bits: 256, words: &["aECDSA", "CHACHA20"] },
    Suite { id: 0xCCA8, name: "ECDHE-RSA-CHACHA20-POLY1305", bits: 256, words: &["aRSA", "CHACHA20"] },
    Suite {
        id: 0xC02B,
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        bits: 128,
        words: &["aECDSA", "AES", "AES128", "AESGCM"],
    },
    Suite {
        id: 0xC02F,
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        bits: 128,
        words: &["aRSA", "AES", "AES128", "AESGCM"],
    },
];

/// Words that select every suite of TLS 1.2 that the library has.
const ALL: &[&str] = &[
    "ALL",
    "COMPLEMENTOFDEFAULT",
    "DEFAULT",
    "HIGH",
    "ECDHE",
    "EECDH",
    "kECDHE",
    "kEECDH",
    "TLSv1.2",
    "FIPS",
];

/// Words of OpenSSL that select nothing that the library has.
#[rustfmt::skip]
const NOTHING: &[&str] = &[
    "3DES", "ADH", "AECDH", "AESCCM", "AESCCM8", "ARIA", "ARIA128", "ARIA256", "ARIAGCM", "CAMELLIA", "CAMELLIA128",
    "CAMELLIA256", "CBC", "COMPLEMENTOFALL", "DES", "DH", "DHE", "DSS", "ECDH", "EDH", "EXP", "EXPORT", "EXPORT40", "EXPORT56",
    "GOST", "GOST89MAC", "GOST94", "IDEA", "KRB5", "LOW", "MD5", "MEDIUM", "NULL", "PSK", "RC2", "RC4", "RC5", "RSA", "SEED",
    "SHA", "SHA1", "SHA256", "SHA384", "SRP", "SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1", "aDH", "aDSS", "aECDH", "aGOST",
    "aGOST01", "aNULL", "aPSK", "aSRP", "eNULL", "kDH", "kDHE", "kDHEPSK", "kDHd", "kDHr", "kECDH", "kECDHEPSK", "kECDHe",
    "kECDHr", "kEDH", "kGOST", "kPSK", "kRSA", "kRSAPSK", "kSRP",
];

/// The suite of this number.
pub(crate) fn suite(id: u16) -> Option<&'static Suite> {
    TLS13.iter().chain(TLS12).find(|suite| suite.id == id)
}

/// Suites of TLS 1.2 that a word, or words joined by `+`, select. `None`: a word that OpenSSL does not have either.
pub(crate) fn select(token: &str) -> Option<Vec<&'static Suite>> {
    let mut selected: Vec<&Suite> = TLS12.iter().collect();
    for word in token.split('+') {
        let kind = kind(word)?;
        selected.retain(|suite| match kind {
            Kind::All => true,
            Kind::Nothing => false,
            Kind::Word(word) => suite.words.contains(&word),
            Kind::Name(name) => suite.name == name,
        });
    }
    Some(selected)
}

enum Kind {
    All,
    Nothing,
    Word(&'static str),
    Name(&'static str),
}

fn kind(word: &str) -> Option<Kind> {
    if ALL.contains(&word) {
        return Some(Kind::All);
    }
    if let Some(suite) = TLS13.iter().chain(TLS12).find(|suite| suite.name.eq_ignore_ascii_case(word)) {
        return Some(Kind::Name(suite.name));
    }
    match word {
        "AES" | "AESGCM" | "AES128" | "AES256" | "CHACHA20" | "aRSA" | "aECDSA" => {
            let words = TLS12.iter().flat_map(|suite| suite.words);
            return words.into_iter().find(|own| **own == word).map(|own| Kind::Word(own));
        }
        "ECDSA" => return Some(Kind::Word("aECDSA")),
        _ => {}
    }
    (NOTHING.contains(&word) || names_an_old_suite(word)).then_some(Kind::Nothing)
}

/// `DES-CBC3-SHA`, `DHE-RSA-AES256-SHA`, `TLS_RSA_WITH_…`: the form of a suite's name. Excluding one that is not here is no
/// mistake of the operator's.
fn names_an_old_suite(word: &str) -> bool {
    let joined = word.contains('-') || word.contains('_');
    let plain = word
        .bytes()
        .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || b"-_".contains(&octet));
    joined && plain
}
