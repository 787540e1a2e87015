//! From the next hop to a connection.

use crate::row::{Row, check, listening_on_ipv6, row, zone};
use hickory_proto::rr::RecordType;
use std::net::{Ipv4Addr, Ipv6Addr};
use testkit::zone::Failure;

fn to(name: &'static str, value: &'static str, nexthop: &'static str) -> Row {
    row(name, value).nexthop(nexthop)
}

#[test]
fn what_is_asked_of_dns() {
    let failing = zone()
        .failing_for("torn.test", RecordType::MX, Failure::ServFail)
        .address("torn.test", Ipv4Addr::LOCALHOST.into());
    check(vec![
        to("ignore_mx_lookup_error", "yes", "torn.test:{port}")
            .zone(failing)
            .with("result Sent")
            .without("result Deferred 4.4.3")
            .smtp_only(),
        to("smtp_defer_if_no_mx_address_found", "yes", "empty.test:{port}")
            .with("result Deferred")
            .without("result Bounced")
            .smtp_only(),
        to("disable_dns_lookups", "yes", "localhost:{port}")
            .also("inet_protocols", "ipv4")
            .with("result Sent")
            .without("result Bounced"),
        to("smtp_dns_support_level", "disabled", "localhost:{port}")
            .also("inet_protocols", "ipv4")
            .with("result Sent")
            .without("result Bounced"),
        to("smtp_host_lookup", "native", "[localhost]:{port}")
            .also("inet_protocols", "ipv4")
            .with("result Sent")
            .without("result Bounced"),
    ]);
}

#[test]
fn which_hosts_are_tried_in_which_order() {
    let six = ["a", "b"].iter().fold(zone().mx("six.test", 10, "c.six.test"), |zone, host| {
        let host = format!("{host}.six.test");
        zone.mx("six.test", 10, &host).address(&host, Ipv6Addr::LOCALHOST.into())
    });
    let six = six.address("c.six.test", Ipv4Addr::new(127, 0, 0, 9).into());
    check(vec![
        to("smtp_mx_address_limit", "1", "one.test:{port}")
            .with("result Deferred 4.4.1")
            .without("result Sent")
            .smtp_only(),
        to("smtp_address_preference", "ipv4", "[both.test]:{port}")
            .against("ipv6")
            .with("tried both.test[127.0.0.9] then both.test[::1")
            .without("tried both.test[::1] then both.test[127.0.0.9"),
        to("smtp_randomize_addresses", "no", "[many.test]:{port}")
            .also("smtp_mx_address_limit", "0")
            .with("[127.0.0.30] then many.test[127.0.0.31] then many.test[127.0.0.32] then many.test[127.0.0.33]"),
        to("smtp_randomize_addresses", "yes", "[many.test]:{port}")
            .also("smtp_mx_address_limit", "0")
            .against("no")
            .without("[127.0.0.30] then many.test[127.0.0.31] then many.test[127.0.0.32] then many.test[127.0.0.33]"),
        to("smtp_balance_inet_protocols", "no", "six.test:{port}")
            .also("smtp_mx_address_limit", "2")
            .also("smtp_address_preference", "ipv6")
            .zone(six)
            .without("c.six.test[127.0.0.9")
            .smtp_only(),
        to("inet_protocols", "ipv4", "[both.test]:{port}").with("tried both.test[127.0.0.9\n"),
    ]);
}

#[test]
fn where_connections_come_from_and_go_to() {
    check(vec![
        to("smtp_tcp_port", "{port}", "[127.0.0.1]").with("result Sent"),
        row("smtp_bind_address", "192.0.2.1").with("bind 192.0.2.1").with("result Sent"),
        to("smtp_bind_address6", "2001:db8::1", "[::1]:{port}")
            .server(listening_on_ipv6)
            .with("bind 2001:db8::1")
            .with("result Sent"),
        row("smtp_bind_address_enforce", "yes")
            .also("smtp_bind_address", "192.0.2.1")
            .with("result Deferred 4.4.")
            .without("result Sent"),
        to("proxy_interfaces", "127.0.0.77", "own.test").with("loops back to myself").smtp_only(),
        to("inet_interfaces", "127.0.0.77", "own.test").with("loops back to myself").smtp_only(),
        to("smtp_fallback_relay", "[127.0.0.1]:{port}", "[127.0.0.9]:{port}")
            .with("result Sent")
            .without("result Deferred"),
        to("fallback_relay", "[127.0.0.1]:{port}", "[127.0.0.9]:{port}")
            .with("result Sent")
            .without("result Deferred")
            .smtp_only(),
    ]);
}

/// `two.test` is reached by its exchanger; by its service only a port is found where nobody listens.
#[test]
fn services_are_looked_up_where_that_is_asked_for() {
    let service = || zone().service("_submission._tcp.two.test", 1, "mx2.test");
    let torn = || zone().failing("_submission._tcp.two.test", Failure::ServFail);
    let of =
        |name, value| to(name, value, "two.test:submission").also("use_srv_lookup", "submission").smtp_only();
    check(vec![
        to("use_srv_lookup", "submission", "two.test:submission")
            .zone(service())
            .also("known_tcp_ports", "submission={port}")
            .with("connect to mx2.test[127.0.0.1]:1: Connection refused")
            .without("result Sent")
            .smtp_only(),
        of("ignore_srv_lookup_error", "yes")
            .zone(torn())
            .also("known_tcp_ports", "submission={port}")
            .with("result Sent")
            .without("result Deferred"),
        of("allow_srv_lookup_fallback", "yes")
            .also("known_tcp_ports", "submission={port}")
            .with("result Sent")
            .without("result Bounced"),
        to("known_tcp_ports", "elsewhere={port}", "[127.0.0.1]:elsewhere").with("result Sent"),
        to("smtp_dns_reply_filter", "regexp:{{/127.0.0.9/ IGNORE}}", "one.test:{port}")
            .also("smtp_mx_address_limit", "1")
            .with("result Sent")
            .without("result Deferred")
            .smtp_only(),
    ]);
}
