//! Lines of the log.

use super::*;

/// As Postfix 3.7 wrote them, but for the line about limits, which is from its program.
#[test]
fn lines_of_the_log_are_those_of_postfix() {
    let peer = "mx.example[192.0.2.1]:25";
    for (problem, line) in [
        (
            Problem::SelfSigned,
            "certificate verification failed for mx.example[192.0.2.1]:25: self-signed certificate",
        ),
        (
            Problem::UntrustedIssuer("/CN=Test CA".into()),
            "certificate verification failed for mx.example[192.0.2.1]:25: untrusted issuer /CN=Test CA",
        ),
        (
            Problem::NotDesignated,
            "certificate verification failed for mx.example[192.0.2.1]:25: not designated for use as a server certificate",
        ),
        (
            Problem::ChainTooLong(9),
            "certificate verification failed for mx.example[192.0.2.1]:25: certificate chain longer than limit(9)",
        ),
        (
            Problem::Expired,
            "server certificate verification failed for mx.example[192.0.2.1]:25: certificate has expired",
        ),
        (
            Problem::NotYetValid,
            "server certificate verification failed for mx.example[192.0.2.1]:25: certificate not yet valid",
        ),
        (
            Problem::HostnameMismatch,
            "server certificate verification failed for mx.example[192.0.2.1]:25: num=62:hostname mismatch",
        ),
        (
            Problem::AddressMismatch,
            "server certificate verification failed for mx.example[192.0.2.1]:25: num=64:IP address mismatch",
        ),
        (
            Problem::NoMatch,
            "server certificate verification failed for mx.example[192.0.2.1]:25: num=65:no matching DANE TLSA records",
        ),
        (
            Problem::Unusable,
            "server certificate verification failed for mx.example[192.0.2.1]:25: num=1:unspecified certificate verification error",
        ),
    ] {
        assert_eq!(problem.line(peer), line);
    }
    let (root, _files, text) = rooted();
    let server = root.changed_server(&[], |params| {
        params.distinguished_name.push(DnType::CommonName, "mx\u{202e}.example")
    });
    let line = peer_line(&lab::engine(&text), &negotiated(&[&server.certificate]), peer).unwrap();
    assert!(
        line.starts_with("mx.example[192.0.2.1]:25: subject_CN=mx?.example, issuer_CN=Root, fingerprint="),
        "{line}"
    );
}
