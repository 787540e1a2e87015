//! The seal opens for the context it was made for, and for nothing else.

use super::super::{DepositKey, DepositKeys, SealError};
use proptest::prelude::*;
use zeroize::Zeroizing;

fn keys(current: u32, previous: Option<u32>) -> DepositKeys {
    let key = |epoch: u32| DepositKey::new(epoch, [epoch as u8; 32]);
    DepositKeys { current: key(current), previous: previous.map(key) }
}

fn sealed(keys: &DepositKeys, context: &[&[u8]]) -> Vec<u8> {
    keys.seal(context, Zeroizing::new(b"the session".to_vec())).unwrap()
}

fn opened(keys: &DepositKeys, context: &[&[u8]], blob: &[u8]) -> Result<Vec<u8>, SealError> {
    keys.open(context, blob).map(|text| text.to_vec())
}

#[test]
fn a_deposit_opens_in_its_period_and_the_next() {
    let blob = sealed(&keys(7, None), &[b"mx", b"25"]);
    assert_eq!(blob.len(), 4 + 12 + 11 + 16);
    assert_eq!(opened(&keys(7, None), &[b"mx", b"25"], &blob), Ok(b"the session".to_vec()));
    assert_eq!(opened(&keys(8, Some(7)), &[b"mx", b"25"], &blob), Ok(b"the session".to_vec()));
    assert_eq!(opened(&keys(9, Some(8)), &[b"mx", b"25"], &blob), Err(SealError::OtherEpoch));
    let same_number = DepositKeys { current: DepositKey::new(7, [0; 32]), previous: None };
    assert_eq!(opened(&same_number, &[b"mx", b"25"], &blob), Err(SealError::Forged));
}

#[test]
fn the_context_is_part_of_the_seal_and_so_are_its_borders() {
    let keys = keys(1, None);
    let blob = sealed(&keys, &[b"mx", b"25"]);
    for other in
        [&[&b"mx"[..], b"26"][..], &[b"mx2", b"5"], &[b"mx25"], &[b"mx", b"25", b""], &[b"25", b"mx"], &[]]
    {
        assert_eq!(opened(&keys, other, &blob), Err(SealError::Forged));
    }
}

#[test]
fn no_two_deposits_are_the_same() {
    let keys = keys(1, None);
    assert_ne!(sealed(&keys, &[]), sealed(&keys, &[]));
}

#[test]
fn a_key_is_not_printed() {
    let shown = format!("{:?}", keys(5, Some(4)));
    assert!(shown.contains("epoch: 5, key: ***") && !shown.contains("5, 5"), "{shown}");
}

proptest! {
    #[test]
    fn altered_or_cut_deposits_do_not_open(at: prop::sample::Index, flip in 1..=255_u8, length: prop::sample::Index) {
        let keys = keys(1, Some(2));
        let mut blob = sealed(&keys, &[b"mx"]);
        let cut = &blob[..length.index(blob.len())];
        prop_assert!(opened(&keys, &[b"mx"], cut).is_err());
        let at = at.index(blob.len());
        blob[at] ^= flip;
        prop_assert!(opened(&keys, &[b"mx"], &blob).is_err());
    }

    #[test]
    fn arbitrary_octets_do_not_open(octets in prop::collection::vec(any::<u8>(), 0..80)) {
        let blob = [&1_u32.to_le_bytes()[..], &octets].concat();
        prop_assert_eq!(opened(&keys(1, None), &[], &blob), Err(SealError::Forged));
    }
}
