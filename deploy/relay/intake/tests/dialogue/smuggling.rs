//! Ends of message that are none: whatever stands between CR, LF and the dot, one message stays one.

use intake::Settings;

use super::driver::Driver;

const START: &str = "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";
const SECOND: &str = "MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@d.example>\r\nDATA\r\nevil\r\n.\r\n";

/// What comes before and behind the dot in the known attacks (CVE-2023-51764, -51765, -51766, -51747) and in
/// every other mixture of up to two octets.
fn false_ends() -> Vec<String> {
    let ends = [
        "", "\r", "\n", "\r\n", "\n\r", "\r\r", "\n\n", "\0", "\r\0\n", "\r\n\0", "\0\r\n", "\x0b", "\u{85}",
    ];
    let mut all = Vec::new();
    for before in ends {
        for behind in ends {
            // The one true end, also behind any octet.
            if !(before.ends_with("\r\n") && behind.starts_with("\r\n")) {
                all.push(format!("{before}.{behind}"));
            }
        }
    }
    all
}

#[test]
fn no_false_end_makes_two_messages_of_one() {
    let ends = false_ends();
    assert!(ends.len() > 150);
    for end in ends {
        let stream = format!("{START}Subject: x\r\n\r\nfirst{end}{SECOND}QUIT\r\n");
        for step in [1, 2, 3, 5, stream.len()] {
            let mut driver = Driver::new(Settings::new("relay.example"));
            stream.as_bytes().chunks(step).for_each(|chunk| driver.feed(chunk));
            let opened = driver.log.iter().filter(|line| line.starts_with("E: open")).count();
            assert_eq!(opened, 1, "{end:?} in pieces of {step}");
            let text = format!("Subject: x\r\n\r\nfirst{end}{SECOND}").replace("\r\n.", "\r\n");
            let bare = text.replace("\r\n", "").contains(['\r', '\n']);
            assert_eq!(driver.stored.len(), usize::from(!bare), "{end:?} in pieces of {step}");
            for (_, stored) in &driver.stored {
                // Behind the last line stands the end, of which the dot is removed above.
                assert_eq!(String::from_utf8_lossy(stored) + "\r\n", text, "{end:?} in pieces of {step}");
            }
            let refused = driver.log.iter().any(|line| line.starts_with("S: 550 5.6.0 Error: bare <"));
            assert_eq!(refused, bare, "{end:?} in pieces of {step}");
            assert_eq!(driver.log.iter().filter(|line| line.starts_with("S: 221 ")).count(), 1, "{end:?}");
        }
    }
}

#[test]
fn nothing_stored_holds_a_bare_cr_or_lf() {
    for octets in ["\n", "\r", "a\nb\r\n", "\r\r\n", "\n\r\n", "x\r\n\n"] {
        let mut driver = Driver::new(Settings::new("relay.example"));
        driver.feed(format!("{START}{octets}\r\n.\r\n").as_bytes());
        assert!(driver.stored.is_empty(), "{octets:?}");
        assert!(driver.closed.is_none(), "{octets:?}");
        // The session is whole: the next message goes through.
        driver.feed(format!("{}ok\r\n.\r\n", &START["EHLO c\r\n".len()..]).as_bytes());
        assert_eq!(driver.stored.len(), 1, "{octets:?}");
    }
}
