//! Requests of every release, as their samples have them: understood, and the same octets when they are made again.
#![allow(clippy::unwrap_used, reason = "a test")]

use postfix_wire::request::{Delivery, Flags, Recipient, RequestReader, SendOptions};

/// Each says in its first lines what was recorded, and what is derived.
const SAMPLES: [(&str, &str, &str); 4] = [
    ("3.4", "smtputf8", include_str!("samples/3.4")),
    ("3.7", "smtputf8", include_str!("samples/3.7")),
    ("3.10", "sendopts", include_str!("samples/3.10")),
    ("3.12", "sendopts", include_str!("samples/3.12")),
];

fn octets(sample: &str) -> Vec<u8> {
    let lines = sample.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<String>().replace('|', "\0").into_bytes()
}

#[test]
fn every_sample_is_understood_and_made_again() {
    let mut seen = Vec::new();
    for (release, name, sample) in SAMPLES {
        let octets = octets(sample);
        let Delivery { request, recipients } = RequestReader::default().feed(&octets).unwrap().unwrap();
        let mut again = request.encode(name);
        again.extend(recipients.iter().flat_map(Recipient::encode));
        assert_eq!(String::from_utf8(again), String::from_utf8(octets), "{release}");
        assert_eq!(request.stats.incoming_arrival.as_secs(), 1_795_000_000);
        seen.push((request.flags, request.options, recipients.len()));
    }
    let want = [(3, 9, 1), (3, 0, 2), (6147, 0, 1), (259, 16, 1)];
    assert_eq!(seen, want.map(|(flags, options, count)| (Flags(flags), SendOptions(options), count)));
    assert!(seen.iter().map(|(_, options, _)| options.needs_smtputf8()).eq([true, false, false, false]));
}
