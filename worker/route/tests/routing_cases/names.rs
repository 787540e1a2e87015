//! Texts that are no destination: the mail waits until the configuration is put right.

use crate::case::Want::Error;
use crate::case::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case(
            "brackets not closed",
            "[signed.test",
            Error("4.3.5", "missing \"]\" in server description: [signed.test"),
        ),
        case(
            "text after brackets",
            "[signed.test]x",
            Error("4.3.5", "garbage after \"]\" in server description: [signed.test]x"),
        ),
        case("no host", ":25", Error("4.3.5", "missing host information in server description: :25")),
        case(
            "no host name",
            "a..b",
            Error("4.3.5", "valid hostname or network address required in server description: a..b"),
        ),
        case(
            "a port with letters",
            "a.test:25x",
            Error("4.3.5", "malformed service in server description: a.test:25x"),
        ),
        case("port 0", "a.test:0", Error("4.3.5", "malformed service in server description: a.test:0")),
        case(
            "a service nobody knows",
            "a.test:uucp9",
            Error("4.3.5", "unknown service: uucp9/tcp in server description: a.test:uucp9"),
        ),
        case("a socket without path", "unix:", Error("4.3.5", "Server configuration error")).lmtp(),
        case(
            "an IDN where there are none",
            "bücher.test",
            Error("4.3.5", "valid hostname or network address required in server description: bücher.test"),
        )
        .ascii_only(),
    ]
}
