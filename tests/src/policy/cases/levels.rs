//! Every level, with everything that can go wrong before and after the certificate.

use crate::policy::case::{Case, Data, Tlsa, case};
use crate::tls_server::{Behaviour, Handshake, Inside, Start, Versions};

/// A level, its policy, and whether it needs TLSA records.
const LEVELS: &[(&str, &str, &[Tlsa])] = &[
    ("may", "may", &[]),
    ("encrypt", "encrypt", &[]),
    ("fingerprint", "fingerprint match={leaf-sha256}", &[]),
    ("dane", "dane", &[Tlsa(3, 1, 1, Data::Leaf)]),
    ("dane-only", "dane-only", &[Tlsa(3, 1, 1, Data::Leaf)]),
    ("verify", "verify", &[]),
    ("secure", "secure", &[]),
];

fn begins(start: Start) -> Behaviour {
    Behaviour { start, ..Behaviour::default() }
}

fn breaks(handshake: Handshake) -> Behaviour {
    Behaviour { handshake, ..Behaviour::default() }
}

fn inside(inside: Inside) -> Behaviour {
    Behaviour { inside, ..Behaviour::default() }
}

fn speaks(versions: Versions) -> Behaviour {
    Behaviour { versions, ..Behaviour::default() }
}

/// Servers that break something, or nothing.
fn servers() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("good", Behaviour::default()),
        ("tls12", speaks(Versions::Tls12)),
        ("tls13", speaks(Versions::Tls13)),
        ("not-offered", begins(Start::Nothing)),
        ("helo-only", begins(Start::HeloOnly)),
        ("refused-454", begins(Start::Refuse("454 4.7.0 TLS not available"))),
        ("refused-554", begins(Start::Refuse("554 5.7.1 no TLS for you"))),
        ("refused-421", begins(Start::Refuse("421 4.3.2 going down"))),
        ("starttls-unanswered", begins(Start::Close)),
        ("injected", begins(Start::Inject("250 2.0.0 injected"))),
        ("close-before-hello", breaks(Handshake::CloseBefore)),
        ("close-after-hello", breaks(Handshake::CloseAfterHello)),
        ("close-in-record", breaks(Handshake::CloseInRecord)),
        ("reset", breaks(Handshake::Reset)),
        ("garbage", breaks(Handshake::Garbage)),
        ("alert", breaks(Handshake::Alert(40))),
        ("alert-version", breaks(Handshake::Alert(70))),
        ("tls10-server", breaks(Handshake::Tls10Hello)),
        ("lost-inside", inside(Inside::Lost)),
        ("closed-inside", inside(Inside::CloseAtOnce)),
        ("hello-421", inside(Inside::Hello("421 4.3.2 busy inside"))),
        ("hello-554", inside(Inside::Hello("554 5.7.1 not inside"))),
        ("hello-closes", inside(Inside::CloseAtHello)),
        ("mail-closes", inside(Inside::CloseAtMail)),
        ("dot-closes", inside(Inside::CloseAtDot)),
        ("recipient-550", inside(Inside::Reply("RCPT", "550 5.1.1 nobody"))),
        ("offered-again", inside(Inside::OfferAgain)),
    ]
}

/// Servers that show what level `none` does.
const WITHOUT_TLS: [&str; 4] = ["good", "not-offered", "helo-only", "refused-454"];

/// Servers from which old mail gets away in the clear, or does not.
const OLD: [&str; 15] = [
    "good",
    "refused-454",
    "injected",
    "close-before-hello",
    "close-after-hello",
    "reset",
    "garbage",
    "alert",
    "tls10-server",
    "lost-inside",
    "closed-inside",
    "hello-421",
    "hello-closes",
    "mail-closes",
    "dot-closes",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, server) in servers() {
        let with = |case: Case| Case { servers: vec![server.clone()], ..case };
        if WITHOUT_TLS.contains(&name) {
            cases.push(with(case(format!("none-{name}"), "none")));
        }
        for (level, policy, records) in LEVELS {
            let one = with(case(format!("{level}-{name}"), *policy));
            cases.push(if records.is_empty() { one } else { one.tlsa(records) });
        }
        if OLD.contains(&name) {
            cases.push(with(case(format!("may-old-{name}"), "may").old()));
            if matches!(name, "alert" | "lost-inside") {
                cases.push(with(case(format!("encrypt-old-{name}"), "encrypt").old()));
                cases.push(with(case(format!("dane-old-{name}"), "dane").old().tlsa(&[Tlsa(
                    3,
                    1,
                    1,
                    Data::Leaf,
                )])));
                cases.push(with(case(format!("dane-absent-old-{name}"), "dane").old().tlsa(&[])));
            }
        }
    }
    cases.extend(second_servers(servers()));
    cases.extend(refusals());
    cases
}

/// What the first server does, and a second one that does everything right.
fn second_servers(servers: Vec<(&'static str, Behaviour)>) -> Vec<Case> {
    const FIRST: [&str; 6] =
        ["not-offered", "refused-454", "refused-554", "alert", "lost-inside", "hello-421"];
    let mut cases = Vec::new();
    for (name, server) in servers.into_iter().filter(|(name, _)| FIRST.contains(name)) {
        for level in ["may", "encrypt", "verify"] {
            let one = case(format!("{level}-second-{name}"), level).then(Behaviour::default());
            cases.push(Case { servers: vec![server.clone(), one.servers[1].clone()], ..one });
        }
    }
    cases
}

/// What servers say inside, which has nothing to do with TLS, under a level that trusts and one that verifies.
fn refusals() -> Vec<Case> {
    const REPLIES: [(&str, &str, &str); 8] = [
        ("mail-451", "MAIL", "451 4.3.0 not now"),
        ("mail-554", "MAIL", "554 5.7.1 not you"),
        ("recipient-450", "RCPT", "450 4.2.0 later"),
        ("data-451", "DATA", "451 4.3.0 not now"),
        ("data-554", "DATA", "554 5.5.1 no"),
        ("dot-452", ".", "452 4.3.1 full"),
        ("dot-554", ".", "554 5.7.1 spam"),
        ("mail-421", "MAIL", "421 4.3.2 going down"),
    ];
    let mut cases = Vec::new();
    for level in ["encrypt", "verify"] {
        for (name, command, reply) in REPLIES {
            cases.push(case(format!("{level}-{name}"), level).inside(Inside::Reply(command, reply)));
        }
        cases.push(case(format!("{level}-helo-inside"), level).inside(Inside::HeloOnly));
        for (name, reply) in [
            ("refused-in-lines", "454-4.7.0 not today\r\n454 4.7.0 ask again"),
            ("refused-354", "354 go ahead"),
            ("refused-without-code", "550 no"),
        ] {
            cases.push(case(format!("{level}-{name}"), level).start(Start::Refuse(reply)));
        }
        let nonsense = case(format!("{level}-refused-nonsense"), level).group("impatient");
        cases.push(nonsense.start(Start::Refuse("hello")));
    }
    cases
}
