//! Clients that get no session, and what is known of one that left.

use std::sync::Arc;

use intake::{GreetingRefusal, Session, Settings};

#[test]
fn a_refused_client_is_told_why_in_one_line() {
    let settings = Settings::new("relay.example");
    for (why, want) in [
        (GreetingRefusal::TooManyConnections, "421 4.7.0 relay.example Error: too many connections\r\n"),
        (GreetingRefusal::Draining, "421 4.3.2 relay.example Service shutting down\r\n"),
        (
            GreetingRefusal::NotAllowed,
            "554 5.7.1 relay.example Error: clients from your address may not send here\r\n",
        ),
    ] {
        assert_eq!(Session::refused_greeting(&settings, why), want.as_bytes());
    }
}

#[test]
fn the_place_of_a_session_is_its_last_command() {
    let mut session = Session::new(Arc::new(Settings::new("relay.example")));
    assert_eq!(session.place(), "CONNECT");
    for (line, place) in
        [("ehlo c", "EHLO"), ("mail from:<>", "MAIL"), ("xyzzy", "UNKNOWN"), ("starttls", "UNKNOWN")]
    {
        assert_eq!(session.feed(&mut format!("{line}\r\n").as_bytes()), None);
        assert_eq!(session.place(), place);
    }
    assert_eq!(session.hello().map(|hello| hello.name.as_str()), Some("c"));
    assert_eq!(session.counts().to_string(), "ehlo=1 mail=1 unknown=0/2 commands=2/4");
}
