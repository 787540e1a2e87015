//! The order that SRV records are drawn in.

use super::*;

fn record(priority: u16, weight: u16, port: u16) -> Record {
    let target = Host::parse("a.example", Utf8Names::Refused).unwrap();
    Record::Srv { priority, weight, port, target }
}

fn ports(records: &[Record], seed: u64) -> Vec<u16> {
    drawn(records.to_vec(), seed).into_iter().filter_map(|host| host.port).collect()
}

#[test]
fn priority_goes_before_weight_and_nobody_is_lost() {
    let records = [record(20, 100, 1), record(10, 0, 2), record(10, 5, 3), record(30, 0, 4)];
    for seed in 0..100 {
        let mut ports = ports(&records, seed);
        assert_eq!(ports[2..], [1, 4]);
        ports.sort_unstable();
        assert_eq!(ports, [1, 2, 3, 4]);
    }
    assert_eq!(ports(&[], 1), [0; 0]);
}

#[test]
fn weights_are_shares_of_a_thousand_draws() {
    let records = [record(10, 10, 1), record(10, 30, 2), record(10, 60, 3), record(10, 0, 4)];
    let mut first = [0_u32; 5];
    for seed in 0..1000_u64 {
        first[usize::from(ports(&records, seed.wrapping_mul(0x1234_5678_9abc))[0])] += 1;
    }
    // Four standard deviations of a thousand draws, and more.
    for (port, share) in [(1, 100_u32), (2, 300), (3, 600)] {
        assert!(first[port].abs_diff(share) < 65, "{first:?}");
    }
    assert!(first[4] < 50, "{first:?}");
}
