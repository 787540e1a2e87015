//! Mail that would come back to us.

use super::*;

fn own() -> RouteOptions {
    RouteOptions { own: OwnAddresses::new([ip("192.0.2.9"), ip("2001:db8::9")]), ..options() }
}

fn three() -> Table {
    Table::new()
        .mx("example.org", 10, "mx1.example")
        .mx("example.org", 20, "mx2.example")
        .mx("example.org", 20, "mx3.example")
        .mx("example.org", 30, "mx4.example")
}

fn with(table: Table, text: &str) -> Table {
    text.split_whitespace().fold(table, |table, word| {
        let (name, address) = word.split_once('=').unwrap();
        table.address(name, ip(address))
    })
}

const LOOP: (&str, Class, &str) = ("5.4.6", Class::Loop, "mail for example.org loops back to myself");

#[test]
fn the_list_ends_before_our_preference() {
    for (us, shown) in
        [("192.0.2.9", "IPv4"), ("2001:db8::9", "IPv6"), ("0.0.0.0", "this host"), ("::", "this host")]
    {
        let table = with(
            three(),
            &format!("mx1.example=192.0.2.1 mx2.example=192.0.2.2 mx3.example={us} mx4.example=192.0.2.4"),
        );
        let route = run(&table, "example.org", &own()).unwrap();
        assert_eq!(super::shown(&route), "mx1.example[192.0.2.1]:25", "{shown}");
        assert!(route.i_am_mx, "no fallback relay may follow");
    }
}

#[test]
fn we_are_the_best_exchanger() {
    let table = with(three(), "mx1.example=192.0.2.9 mx2.example=192.0.2.2");
    assert!(assert_error(&table, "example.org", &own(), LOOP).i_am_mx);
    // The same under a mapped spelling.
    let table = with(three(), "mx1.example=::ffff:192.0.2.9 mx2.example=192.0.2.2");
    assert_error(&table, "example.org", &own(), LOOP);
}

#[test]
fn a_better_exchanger_without_address_defers() {
    let table = with(three(), "mx2.example=192.0.2.2 mx3.example=192.0.2.9");
    let want = ("4.4.4", Class::Soft, "unable to find primary relay for example.org");
    assert!(assert_error(&table, "example.org", &own(), want).i_am_mx);
}

#[test]
fn implicit_exchangers_and_hosts_are_checked_too() {
    let table = with(Table::new(), "example.org=192.0.2.9 a.example=192.0.2.1 a.example=192.0.2.9");
    assert_error(&table, "example.org", &own(), LOOP);
    let text = |name| format!("mail for {name} loops back to myself");
    for (nexthop, name) in [
        ("[a.example]", "a.example"),
        ("[192.0.2.9]", "192.0.2.9"),
        ("192.0.2.9", "192.0.2.9"),
        ("[0.0.0.0]", "0.0.0.0"),
    ] {
        assert_error(&table, nexthop, &own(), ("5.4.6", Class::Loop, &text(name)));
    }
}

#[test]
fn only_port_25_can_loop() {
    let table = with(three(), "mx1.example=192.0.2.9 mx2.example=192.0.2.2");
    let route = run(&table, "example.org:26", &own()).unwrap();
    assert_eq!((route.candidates.len(), route.i_am_mx), (2, false));
    assert_route(&table, "[192.0.2.9]:26", &own(), "192.0.2.9[192.0.2.9]:26");
    let other = RouteOptions { default_port: 2525, ..own() };
    assert_route(&table, "[192.0.2.9]", &other, "192.0.2.9[192.0.2.9]:2525");
    // The port in use counts, not the default one.
    let error = run(&table, "[192.0.2.9]:25", &other).unwrap_err();
    assert_eq!(error.class, Class::Loop);
}
