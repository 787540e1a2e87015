//! What may stand in a policy table, right and wrong.

use crate::policy::case::{Case, case};
use crate::tls_server::{Identity, Issuer, Names, Sends, Start, Versions};

pub(super) fn cases() -> Vec<Case> {
    [syntax(), matches(), anchors(), protocols(), names(), keys()].concat()
}

fn syntax() -> Vec<Case> {
    vec![
        case("policy-unknown-level", "sometimes"),
        case("policy-upper-case", "ENCRYPT"),
        case("policy-unknown-attribute", "encrypt colour=red"),
        case("policy-attribute-without-value", "encrypt match"),
        case("policy-none-with-attribute", "none match=x.example"),
        case("policy-may-with-match", "may match=x.example"),
        case("policy-encrypt-with-match", "encrypt match=x.example"),
        case("policy-dane-with-match", "dane match=x.example"),
        case("policy-dane-with-tafile", "dane tafile={stage}/root.pem"),
        case("policy-may-with-tafile", "may tafile={stage}/root.pem"),
        case("policy-reuse", "encrypt connection_reuse=no"),
        case("policy-reuse-wrong", "encrypt connection_reuse=perhaps"),
        case("policy-comma", "encrypt,protocols=TLSv1.2"),
        case("policy-level-empty", ","),
    ]
}

fn matches() -> Vec<Case> {
    let names =
        |san: &'static [&'static str]| Identity { names: Names { san, cn: "" }, ..Identity::default() };
    let (wrong, domain) = (names(&["other.example"]), names(&["{domain}"]));
    vec![
        case("match-name", "secure match=other.example").shows(wrong),
        case("match-dot-name", "secure match=.example").shows(wrong),
        case("match-dot-name-itself", "secure match=.other.example").shows(wrong),
        case("match-hostname", "secure match=hostname"),
        case("match-nexthop", "secure match=nexthop").shows(domain),
        case("match-nexthop-other", "secure match=nexthop"),
        case("match-dot-nexthop", "secure match=dot-nexthop"),
        case("match-list", "secure match=nexthop:dot-nexthop:other.example").shows(wrong),
        case("match-twice", "verify match=nexthop match=other.example").shows(wrong),
        case("match-upper-case", "verify match=OTHER.EXAMPLE").shows(wrong),
        case("match-bar-list", "verify match=nexthop|other.example").shows(wrong),
        case("match-empty", "verify match="),
        case("match-unsuited-strategy", "verify match=hostnam"),
        case("match-verify-none", "verify match=a.example"),
    ]
}

fn anchors() -> Vec<Case> {
    let unknown = Identity { issuer: Issuer::Unknown, ..Identity::default() };
    let below = Identity { issuer: Issuer::Intermediate, ..Identity::default() };
    let alone = Identity { sends: Sends::LeafAlone, ..below };
    let own = Identity { issuer: Issuer::Own, ..Identity::default() };
    let wrong = Identity { names: Names { san: &["other.example"], cn: "" }, ..unknown };
    vec![
        case("tafile-root", "secure tafile={stage}/unknown.pem").shows(unknown),
        case("tafile-verify", "verify tafile={stage}/unknown.pem").shows(unknown),
        case("tafile-wrong-name", "verify tafile={stage}/unknown.pem").shows(wrong),
        case("tafile-other", "secure tafile={stage}/unknown.pem"),
        case("tafile-intermediate", "secure tafile={stage}/intermediate.pem").shows(below),
        case("tafile-intermediate-not-sent", "secure tafile={stage}/intermediate.pem").shows(alone),
        case("tafile-leaf", "secure tafile={stage}/{domain}.leaf.pem").shows(own),
        case("tafile-leaf-key", "secure tafile={stage}/{domain}.key.pem").shows(own),
        case("tafile-two", "secure tafile={stage}/root.pem tafile={stage}/unknown.pem").shows(unknown),
        case("tafile-missing", "secure tafile={stage}/nowhere.pem"),
        case("tafile-empty", "secure tafile={stage}/nothing.pem"),
        case("tafile-garbage", "secure tafile={stage}/garbage.pem"),
    ]
}

fn protocols() -> Vec<Case> {
    vec![
        case("protocols-only-12", "encrypt protocols=TLSv1.2"),
        case("protocols-only-13", "encrypt protocols=TLSv1.3"),
        case("protocols-from-13", "encrypt protocols=>=TLSv1.3").versions(Versions::Tls12),
        case("protocols-to-12", "encrypt protocols=<=TLSv1.2").versions(Versions::Tls13),
        case("protocols-without-13", "may protocols=!TLSv1.3").versions(Versions::Tls13),
        case("protocols-without-any", "encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2:!TLSv1.3"),
        case("protocols-may-without-any", "may protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2:!TLSv1.3"),
        case("protocols-unknown", "encrypt protocols=TLSv9"),
        case("protocols-may-unknown", "may protocols=TLSv9"),
        case("protocols-none", "none protocols=TLSv1.2"),
        case("ciphers-high", "encrypt ciphers=high"),
        case("ciphers-unknown", "encrypt ciphers=excellent"),
        case("ciphers-may-unknown", "may ciphers=excellent"),
        case("ciphers-null", "encrypt ciphers=null protocols=TLSv1.2"),
        case("ciphers-none", "none ciphers=high"),
        case("exclude-chacha", "encrypt exclude=CHACHA20 protocols=TLSv1.2").versions(Versions::Tls12ChaCha),
        case("exclude-all", "encrypt exclude=ALL protocols=TLSv1.2"),
        case("exclude-nonsense", "encrypt exclude=NONSENSE"),
        case("exclude-none", "none exclude=AES"),
        case("suite-chacha", "encrypt").versions(Versions::Tls12ChaCha),
        case("anonymous-may", "may").versions(Versions::Anonymous),
        case("anonymous-encrypt", "encrypt").versions(Versions::Anonymous),
        case("anonymous-encrypt-excluded", "encrypt exclude=aNULL").versions(Versions::Anonymous),
        case("anonymous-fingerprint", "fingerprint match={leaf-sha256}").versions(Versions::Anonymous),
        case("anonymous-verify", "verify").versions(Versions::Anonymous),
        case("suite-aes128", "encrypt").versions(Versions::Aes128),
    ]
}

fn names() -> Vec<Case> {
    vec![
        case("servername-hostname", "encrypt servername=hostname"),
        case("servername-nexthop", "encrypt servername=nexthop"),
        case("servername-literal", "encrypt servername=mail.example"),
        case("servername-invalid", "encrypt servername=-bad-.example"),
        case("servername-may-invalid", "may servername=-bad-.example"),
        case("servername-empty", "encrypt servername="),
        case("servername-none", "none servername=mail.example"),
    ]
}

fn keys() -> Vec<Case> {
    vec![
        case("key-parent-domain", "").entry(".key-parent-domain.lab.test", "encrypt").start(Start::Nothing),
        case("key-bracketed", "").nexthop("[{host}]").entry("[{host}]", "encrypt").start(Start::Nothing),
        case("key-bracketed-port", "")
            .nexthop("[{host}]:25")
            .entry("[{host}]:25", "encrypt")
            .start(Start::Nothing),
        case("key-host-is-no-key", "").entry("{host}", "encrypt").start(Start::Nothing),
        case("key-bracketed-without-port", "")
            .nexthop("[{host}]:25")
            .entry("[{host}]", "encrypt")
            .start(Start::Nothing),
        case("key-bracketed-verify", "").nexthop("[{host}]").entry("[{host}]", "verify"),
        case("key-bracketed-secure", "").nexthop("[{host}]").entry("[{host}]", "secure"),
    ]
}
