//! The order of candidates: shuffled, by preference, by family, balanced.

use super::{AddressOrder, AddressPreference, Found, RouteOptions};

/// Brings the list, which comes in order of preference, into the order in which hosts are tried.
pub(super) fn arrange(found: &mut Vec<Found>, options: &RouteOptions, seed: u64) {
    if found.len() < 2 {
        return;
    }
    if options.order == AddressOrder::Shuffled {
        shuffle(found, seed);
    }
    let later = |one: &Found| match options.preference {
        AddressPreference::Any => false,
        AddressPreference::Ipv4 => one.address.is_ipv6(),
        AddressPreference::Ipv6 => one.address.is_ipv4(),
    };
    found.sort_by_key(|one| (one.preference, later(one)));
    balance(found, options.balance_to);
}

/// Fisher and Yates's shuffle.
fn shuffle(found: &mut [Found], seed: u64) {
    let mut state = seed;
    for last in (1..found.len()).rev() {
        // The remainder's bias is below 2^-56 for lists of at most 100.
        let other = next_random(&mut state) % (last as u64 + 1);
        found.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

/// Steele, Lea and Flood's SplitMix64: enough for spreading load, not for secrets.
pub(super) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Cuts the list to `limit` so that neither family pushes the other out
/// (`smtp_balance_inet_protocols`); the order stays.
pub(super) fn balance(found: &mut Vec<Found>, limit: usize) {
    let v4 = found.iter().filter(|one| one.address.is_ipv4()).count();
    let v6 = found.len() - v4;
    if limit == 0 || v4 == 0 || v6 == 0 || found.len() <= limit {
        return;
    }
    let first_is_v4 = found.first().is_some_and(|first| first.address.is_ipv4());
    let (mut v4_left, mut v6_left) = if v6 <= limit / 2 {
        (limit - v6, v6)
    } else if v4 <= limit / 2 {
        (v4, limit - v4)
    } else {
        let v4_share = (limit + usize::from(first_is_v4)) / 2;
        (v4_share, limit - v4_share)
    };
    found.retain(|one| {
        let left = if one.address.is_ipv4() { &mut v4_left } else { &mut v6_left };
        let keep = *left > 0;
        *left = left.saturating_sub(1);
        keep
    });
}

#[cfg(test)]
mod tests;
