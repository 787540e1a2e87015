//! What several tests need: cases out of a file, a session that has just introduced itself.

use sasl::{
    Authzid, Circumstances, ClientCertificate, Credential, Filtered, Nonce, SecurityOptions, Selection,
    Setting,
};
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
        pix: PixWorkarounds::default(),
    }
}

/// A session whose server answered EHLO or LHLO with `reply`.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn introduce(dialect: Dialect, reply: &str) -> Ready {
    let options = hello_options();
    match entrance(dialect, &options, reply).onward(Identification::Nobody) {
        Ok(Admission::Mail(ready)) => ready,
        other => panic!("{other:?}"),
    }
}

/// The same, logged in with PLAIN, which the reply must offer.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn log_in(dialect: Dialect, reply: &str) -> Ready {
    let options = hello_options();
    let credential = Credential::new("user", "secret", Authzid::Omit).unwrap();
    let circumstances = Circumstances {
        options: SecurityOptions::default(),
        certificate: ClientCertificate::Absent,
        binding: None,
    };
    let terms = LoginTerms {
        selection: Selection::new("PLAIN", |_| Filtered::In, &circumstances),
        setting: Setting { credential: &credential, nonce: Nonce::of_random([7; 18]), server: None },
        refusals: LoginRefusals::Soft,
    };
    let entrance = entrance(dialect, &options, reply);
    let Ok(Admission::LogIn(mut login)) = entrance.onward(Identification::WhereOffered(terms)) else {
        panic!("no AUTH in {reply:?}")
    };
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    assert_eq!(login.next_action(&mut replies, &mut out), HelloAction::Await(Stage::Auth));
    replies.feed(b"235 2.7.0 welcome\r\n");
    assert_eq!(login.next_action(&mut replies, &mut out), HelloAction::Done);
    login.finish().unwrap()
}

fn entrance<'a>(dialect: Dialect, options: &'a HelloOptions, reply: &str) -> Entrance<'a> {
    let mut hello = Hello::<Plain>::new(dialect, "h[1]", options);
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    for answer in ["220 server\r\n", reply] {
        assert!(matches!(hello.next_action(&mut replies, &mut out), HelloAction::Await(_)));
        replies.feed(answer.as_bytes());
    }
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Done);
    match hello.finish().unwrap().onward(Encryption::Never) {
        Ok(Onward::Plaintext(entrance)) => entrance,
        other => panic!("{other:?}"),
    }
}
