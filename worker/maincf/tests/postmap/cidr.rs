//! Tables of type cidr.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Count, Folder, pick};
use crate::rules::table;

fn four() -> impl Strategy<Value = String> {
    (0..4_u8, 0..4_u8, 0..4_u8).prop_map(|(b, c, d)| format!("10.{b}.{c}.{d}"))
}

fn six() -> impl Strategy<Value = String> {
    let long = (0..4_u8, 0..4_u8).prop_map(|(a, b)| format!("2001:0Db8:{a}:{b}::"));
    prop_oneof![
        3 => long,
        1 => pick(&["::", "::1", "2001:db8::", "2001:DB8:0:0:0:0:0:1", "::ffff:10.1.1.1", "fe80::1", "2001:db8::1"]),
    ]
}

/// Networks without bits behind their prefix, most of them.
fn network() -> impl Strategy<Value = String> {
    let four_network =
        (0..4_u32, 0..4_u32, prop::sample::select(vec![0_u32, 1, 7, 8, 15, 16, 23, 24, 30, 31, 32]))
            .prop_map(|(b, c, length)| {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                let address = std::net::Ipv4Addr::from_bits((10 << 24 | b << 16 | c << 8) & mask);
                format!("{address}/{length}")
            });
    let six_network =
        (six(), pick(&["64", "128", "127", "96"])).prop_map(|(six, length)| format!("{six}/{length}"));
    prop_oneof![
        8 => four_network,
        4 => four(),
        3 => six_network,
        3 => six(),
        2 => pick(&["0.0.0.0/0", "::/0", "2001:db8::/32", "8000::/1"]),
        1 => (four(), pick(&["/8", "/33", "/", "/x", "/08", "/032", "/-1"])).prop_map(|(four, tail)| four + &tail),
        1 => pick(&["010.1.1.1", "10.1", "10.1.1.256", "1:2:3:4:5:6:7:8:9", "example.org", ":::", "00001::", "fe80::1%lo"]),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let negation = pick(&["", "", "", "", "", "!", "! ", "!!"]);
    let brackets = pick(&["", "", "", "[]", "/", "[", "]x"]);
    (negation, network(), brackets).prop_map(|(negation, network, brackets)| {
        let network = match brackets.as_str() {
            "[]" => format!("[{network}]"),
            // Around the address only.
            "/" => network
                .split_once('/')
                .map_or(network.clone(), |(address, length)| format!("[{address}]/{length}")),
            "[" if network.len() % 5 == 0 => format!("[{network}"),
            "]x" if network.len() % 5 == 0 => format!("[{network}]x"),
            _ => network,
        };
        negation + &network
    })
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let key = prop_oneof![
        8 => four(),
        4 => six(),
        1 => pick(&["10.1.1", "[10.1.1.1]", "[::1]", "010.1.1.1", "example.org", "10.1.1.1/32", "::1%lo", "192.0.2.1"]),
    ];
    prop::collection::vec(key, 20)
}

#[test]
fn generated_tables_answer_as_postmap_does_and_are_refused_where_it_warns() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let mut count = Count::default();
    for _ in 0..350 {
        let (text, keys) = (table(condition().boxed()), keys()).new_tree(&mut runner).unwrap().current();
        let name = folder.table("cidr", &text);
        count.compare(&name, &keys, &folder.ask(&name, &keys), &text);
    }
    count.report("cidr", 300, 20);
}

#[test]
fn rules_in_main_cf_answer_as_postmap_does() {
    let folder = Folder::new();
    let name = "cidr:{ {10.1.0.0/16 a b}, { if ![::1] }, {::/0 other}, {endif}, {0.0.0.0/0 four} }";
    let keys = ["10.1.2.3", "10.2.2.3", "::1", "::2", "x"].map(str::to_owned);
    let mut count = Count::default();
    count.compare(name, &keys, &folder.ask(name, &keys), name);
    assert_eq!(count.found, 3);
}
