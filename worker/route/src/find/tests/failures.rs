//! Lookups that fail: which status, which text, and which of several failures is told.

use super::*;

/// Outcome of the MX question, status, text.
fn mx_failures() -> Vec<(Outcome, &'static str, Class, String)> {
    let again = try_again("example.org", "MX");
    vec![
        (Outcome::Temporary(Trouble::Rcode(2)), "4.4.3", Class::Soft, again.clone()),
        (Outcome::Temporary(Trouble::Timeout), "4.4.3", Class::Soft, again.clone()),
        (Outcome::Temporary(Trouble::Network("x".into())), "4.4.3", Class::Soft, again),
        (
            Outcome::Temporary(Trouble::Malformed("x".into())),
            "4.4.3",
            Class::Soft,
            malformed("example.org", "MX"),
        ),
        (Outcome::Invalid, "5.4.4", Class::Hard, malformed("example.org", "MX")),
        (
            Outcome::Unrecoverable(1),
            "5.4.3",
            Class::Hard,
            no_such("example.org", "MX").replace("Host not found", "Non-recoverable error"),
        ),
    ]
}

#[test]
fn mx_lookup_failures_have_their_status() {
    for (outcome, status, class, text) in mx_failures() {
        let table = hosts("example.org=192.0.2.1").reply("example.org", RecordKind::Mx, outcome, DAY);
        assert_error(&table, "example.org", &options(), (status, class, &text));
        assert_eq!(table.asked().len(), 1, "no address was asked for");
    }
}

#[test]
fn mx_lookup_failures_may_be_ignored() {
    let options = RouteOptions { mx_lookup_error: MxLookupError::Ignored, ..options() };
    for (outcome, status, ..) in mx_failures() {
        let table = hosts("example.org=192.0.2.1").reply("example.org", RecordKind::Mx, outcome.clone(), DAY);
        let route = assert_route(&table, "example.org", &options, "example.org[192.0.2.1]:25");
        assert!(route.fresh_for <= FRESH_WITHOUT_TTL, "asked again soon");

        // Without address: hard, but soft if the MX failure was soft.
        let table = Table::new().reply("example.org", RecordKind::Mx, outcome, DAY);
        let (want, class) =
            if status.starts_with('4') { ("4.4.4", Class::Soft) } else { ("5.4.4", Class::Hard) };
        let text = no_data("example.org", "AAAA");
        assert_error(&table, "example.org", &options, (want, class, &text));
    }
}

#[test]
fn no_exchanger_with_an_address() {
    let hard = || Table::new().mx("example.org", 10, "mx1.example").mx("example.org", 20, "mx2.example");
    let deferring = RouteOptions { no_mx_address: NoMxAddress::Defer, ..options() };
    let text = no_such("mx2.example", "AAAA");
    assert_error(&hard(), "example.org", &options(), ("5.4.4", Class::Hard, &text));
    assert_error(&hard(), "example.org", &deferring, ("4.4.4", Class::Soft, &text));

    // Soft then hard: the last one's text, softened. Hard then soft: the soft one.
    let again = Outcome::Temporary(Trouble::Rcode(2));
    let table = hard().reply("mx1.example", RecordKind::A, again.clone(), DAY);
    assert_error(&table, "example.org", &options(), ("4.4.4", Class::Soft, &text));
    let table = hard().reply("mx2.example", RecordKind::A, again, DAY);
    assert_error(&table, "example.org", &options(), ("4.4.3", Class::Soft, &try_again("mx2.example", "A")));
}

#[test]
fn of_two_failures_the_one_that_may_pass_is_told() {
    let soft = Outcome::Temporary(Trouble::Timeout);
    let order = [Outcome::NxDomain, Outcome::Unrecoverable(1), Outcome::Invalid, soft];
    let status = ["5.4.4", "5.4.3", "5.4.4", "4.4.3"];
    for (low, high) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
        for (a, aaaa, told) in [(low, high, "AAAA"), (high, low, "A")] {
            let table = Table::new().reply("a.example", RecordKind::A, order[a].clone(), DAY).reply(
                "a.example",
                RecordKind::Aaaa,
                order[aaaa].clone(),
                DAY,
            );
            let error = run(&table, "[a.example]", &options()).unwrap_err();
            assert_eq!(error.status.to_string(), status[high]);
            assert!(error.text.contains(&format!("type={told}:")), "{}", error.text);
        }
    }
}
