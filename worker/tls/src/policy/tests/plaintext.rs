//! No way leads from a mandatory level to plaintext, whatever is set and whatever the DNS says.

use proptest::prelude::*;

use super::*;
use crate::{Engine, TlsUse};

fn setting(name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(values).prop_map(move |value| format!("{name} = {value}\n"))
}

const PROTOCOLS: &[&str] = &["", ">=TLSv1", "TLSv1", "!TLSv1.3", ">=TLSv1.3", "nonsense", "!TLSv1.1"];
const EXCLUSIONS: &[&str] = &["", "ECDHE", "!RC4", "AES128", "banana"];

fn main_cf() -> impl Strategy<Value = String> {
    let parts = (
        setting("smtp_tls_protocols", PROTOCOLS),
        setting("smtp_tls_mandatory_protocols", PROTOCOLS),
        setting("smtp_tls_exclude_ciphers", EXCLUSIONS),
        setting("smtp_tls_mandatory_exclude_ciphers", EXCLUSIONS),
        setting("smtp_tls_CAfile", &["", "/nonexistent/ca.pem"]),
        setting("smtp_tls_servername", &["", "hostname", "a..b"]),
        setting("smtp_tls_wrappermode", &["no", "yes"]),
        setting("smtp_tls_dane_insecure_mx_policy", &["may", "encrypt", "dane"]),
        setting("tls_dane_digests", &["sha512 sha256", "sha3"]),
    );
    parts.prop_map(|(a, b, c, d, e, f, g, h, i)| [a, b, c, d, e, f, g, h, i].concat())
}

fn entry() -> impl Strategy<Value = String> {
    let levels = vec!["none", "may", "encrypt", "fingerprint", "dane", "dane-only", "verify", "secure"];
    let attributes = vec![
        "",
        " protocols=TLSv1",
        " protocols=TLSv1.3",
        " ciphers=null",
        " exclude=ECDHE",
        " servername=hostname",
        " connection_reuse=yes",
        " match=00112233445566778899AABBCCDDEEFF",
        " tafile=/nonexistent",
        " bogus=1",
    ];
    (prop::sample::select(levels), prop::sample::select(attributes))
        .prop_map(|(level, rest)| format!("{level}{rest}"))
}

fn finding() -> impl Strategy<Value = DaneFinding> {
    let record = (0u8..4, 0u8..3, 0u8..4, prop::sample::select(vec![0usize, 3, 32, 64])).prop_map(
        |(usage, selector, matching, length)| Tlsa { usage, selector, matching, data: vec![1; length] },
    );
    prop_oneof![
        Just(DaneFinding::Off { reason: "off".into() }),
        Just(DaneFinding::none()),
        Just(DaneFinding::LookupError { host: "mx.example".into(), port: 25 }),
        (prop::collection::vec(record, 0..4), any::<bool>()).prop_map(|(records, mx_secure)| {
            DaneFinding::Records {
                base_domain: "mx.example".into(),
                records,
                mx_secure,
                expires_in: Duration::from_secs(60),
            }
        }),
    ]
}

/// What this policy and finding may at the least come to; `None`: plaintext is allowed.
fn least(level: Level, finding: &DaneFinding, insecure_may: bool) -> Option<Level> {
    match (level, finding) {
        (Level::None | Level::May, _) => None,
        (Level::Dane, DaneFinding::Records { records, mx_secure, .. })
            if !records.is_empty() && (*mx_secure || !insecure_may) =>
        {
            Some(Level::Encrypt)
        }
        (Level::Dane, _) => None,
        (level, _) => Some(level),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_mandatory_level_never_comes_to_plaintext(text in main_cf(), entry in entry(), finding in finding()) {
        let settings = lab::settings(&text);
        let engine = Engine::open(&settings.tls_trust, maincf::Protocol::Smtp);
        let Ok(policy) = policy(&text, &[(DOM, &entry)]) else { return Ok(()) };
        let Ok(effective) = policy.with_dane(&NAMES, &finding) else { return Ok(()) };
        let insecure_may = text.contains("insecure_mx_policy = may") || text.contains("sha3");
        let off = text.contains("sha3") && policy.level == Level::Dane;
        let least = if off { None } else { least(policy.level, &finding, insecure_may) };
        if let Some(least) = least {
            prop_assert!(effective.level >= least.min(Level::Encrypt));
            prop_assert!(effective.level.is_mandatory());
            prop_assert!(policy.level == Level::Dane || effective.level == policy.level);
        }
        if effective.level.is_mandatory() || text.contains("wrappermode = yes") {
            match engine.tls_use(&effective) {
                Ok(tls_use) => {
                    prop_assert_eq!(tls_use, TlsUse::Required);
                    prop_assert!(engine.client_config(&effective).is_ok());
                }
                Err(error) => prop_assert_eq!(error.status, "4.7.5"),
            }
        }
        let unknown = policy.wants_dane() && matches!(finding, DaneFinding::LookupError { .. });
        prop_assert!(off || !unknown, "what is not known is never absence");
    }
}
