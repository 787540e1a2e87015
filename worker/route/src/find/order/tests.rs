//! Order, shuffling and balance.

use std::collections::HashSet;
use std::net::IpAddr;

use super::*;
use crate::find::tests::options;

/// `"10:4 10:6 20:4"`: preference and family; the place in the text becomes the last octet.
fn list(text: &str) -> Vec<Found> {
    text.split_whitespace()
        .enumerate()
        .map(|(place, word)| {
            let (preference, family) = word.split_once(':').unwrap();
            let prefix = if family == "4" { "192.0.2." } else { "2001:db8::" };
            Found {
                host: format!("h{place}"),
                canonical: None,
                address: format!("{prefix}{place}").parse::<IpAddr>().unwrap(),
                port: None,
                preference: preference.parse().unwrap(),
                secure: false,
            }
        })
        .collect()
}

fn hosts(found: &[Found]) -> String {
    found.iter().map(|one| one.host.as_str()).collect::<Vec<_>>().join(" ")
}

fn arranged(text: &str, options: &RouteOptions, seed: u64) -> String {
    let mut found = list(text);
    arrange(&mut found, options, seed);
    hosts(&found)
}

#[test]
fn preference_comes_before_family_and_equals_stay() {
    let cases = [
        (AddressPreference::Any, "h1 h2 h4 h0 h3"),
        (AddressPreference::Ipv4, "h1 h4 h2 h3 h0"),
        (AddressPreference::Ipv6, "h2 h1 h4 h0 h3"),
    ];
    for (preference, want) in cases {
        let options = RouteOptions { preference, ..options() };
        assert_eq!(arranged("20:6 10:4 10:6 20:4 10:4", &options, 1), want, "{preference:?}");
    }
}

#[test]
fn equals_are_shuffled_and_only_they() {
    let options = RouteOptions { order: AddressOrder::Shuffled, ..options() };
    let seen: HashSet<_> = (0..200).map(|seed| arranged("10:4 10:4 10:4 20:4", &options, seed)).collect();
    let want = ["h0 h1 h2", "h0 h2 h1", "h1 h0 h2", "h1 h2 h0", "h2 h0 h1", "h2 h1 h0"];
    assert_eq!(seen, want.map(|three| format!("{three} h3")).into(), "every order, the worse host last");
    assert_eq!(
        arranged("10:4 10:4 10:4 20:4", &options, 7),
        arranged("10:4 10:4 10:4 20:4", &options, 7),
        "the seed decides"
    );
}

#[test]
fn without_shuffling_the_order_is_that_of_dns() {
    for seed in 0..20 {
        assert_eq!(arranged("10:4 10:4 10:6 10:4", &options(), seed), "h0 h1 h2 h3");
    }
}

#[test]
fn families_are_balanced() {
    // Sixteen of equal preference, then uneven ones: (list, limit, IPv4 kept, IPv6 kept).
    let (v4, v6) = ("0:4 ".repeat(8), "0:6 ".repeat(8));
    let cases = [
        (format!("{v4}{v6}"), 5, 3, 2),
        (format!("{v6}{v4}"), 5, 2, 3),
        (format!("{v4}{v6}"), 4, 2, 2),
        (format!("{v4} 0:6"), 5, 4, 1),
        (format!("{v6} 0:4"), 5, 1, 4),
        (format!("{v4} 0:6 0:6"), 5, 3, 2),
        (format!("0:6 0:6 {v4}"), 5, 3, 2),
        (format!("0:4 0:4 {v6}"), 5, 2, 3),
        (format!("{v4}{v6}"), 1, 1, 0),
        (format!("{v6}{v4}"), 1, 0, 1),
        (format!("{v4}{v6}"), 0, 8, 8),
        (format!("{v4}{v6}"), 16, 8, 8),
        (v4.clone(), 5, 8, 0),
        (v6.clone(), 5, 0, 8),
    ];
    for (text, balance_to, want_v4, want_v6) in cases {
        let mut found = list(&text);
        arrange(&mut found, &RouteOptions { balance_to, ..options() }, 0);
        let v4 = found.iter().filter(|one| one.address.is_ipv4()).count();
        assert_eq!((v4, found.len() - v4), (want_v4, want_v6), "{text} to {balance_to}");
    }
}

#[test]
fn balancing_keeps_the_order() {
    let options = RouteOptions { balance_to: 4, ..options() };
    assert_eq!(arranged("0:4 0:4 0:4 0:6 10:4 10:6 10:6", &options, 0), "h0 h1 h3 h5");
}
