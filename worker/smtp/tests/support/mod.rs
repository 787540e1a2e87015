//! What several tests need: cases out of a file, a session that has just introduced itself.

use smtp::*;

/// Names and lines of the cases in a file; blank lines and lines that begin with `#` are for people.
pub(crate) fn cases(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut cases: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("== "), cases.last_mut()) {
            (Some(name), _) => cases.push((name, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => panic!("a case begins with its name: {line}"),
        }
    }
    cases
}

/// Options that change nothing.
pub(crate) fn hello_options() -> HelloOptions {
    HelloOptions {
        name: HeloName::new("client.example").unwrap(),
        my_hostname: "client.example".into(),
        ehlo: EhloUse::Always,
        refused_greeting: RefusedGreeting::TryElsewhere,
        discard: Discard::default(),
    }
}

/// A session whose server answered EHLO or LHLO with `reply`.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn introduce(dialect: Dialect, reply: &str) -> Ready {
    let options = hello_options();
    let mut hello = Hello::<Plain>::new(dialect, "h[1]", &options);
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    for answer in ["220 server\r\n", reply] {
        assert!(matches!(hello.next_action(&mut replies, &mut out), HelloAction::Await(_)));
        replies.feed(answer.as_bytes());
    }
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Done);
    match hello.finish().unwrap().onward(Encryption::Never) {
        Ok(Onward::Plaintext(entrance)) => match entrance.onward(Identification::Nobody) {
            Ok(Admission::Mail(ready)) => ready,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
