//! The other side of a session as a record layer of the same kind, which can be made to say what no server would.

use super::super::state::{Half, TlsState};
use super::super::{Opened, RecordError, Records, Secret, Suite};

/// A session of `suite` from made-up secrets, and its other side. Both numbers begin at `seq`.
pub(super) fn pair(suite: u16, seq: u64) -> (Records, Records) {
    let length = Suite::find(suite).unwrap().secret;
    let half = |octet| Half { seq, secret: Secret::of(&[&vec![octet; length]]).unwrap() };
    let client = TlsState::new(suite, half(1), half(2));
    let server = TlsState::new(suite, half(2), half(1));
    (Records::from_state(client).unwrap(), Records::from_state(server).unwrap())
}

/// A record of any content, from `server`.
pub(super) fn record(server: &mut Records, content: u8, plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    server.seal_record(content, plaintext, &mut out).unwrap();
    out
}

/// All plaintext in `ciphertext`, and what `records` answers.
pub(super) fn read(records: &mut Records, ciphertext: &[u8]) -> Result<(Vec<u8>, Vec<u8>), RecordError> {
    let (mut plaintext, mut out) = (Vec::new(), Vec::new());
    records.feed(ciphertext);
    while let Opened::Plaintext(piece) = records.open(&mut out)? {
        plaintext.extend_from_slice(piece);
    }
    Ok((plaintext, out))
}

/// Through the octets that travel, to the next holder.
pub(super) fn hand_over(records: Records) -> Records {
    let octets = postcard::to_stdvec(&records.into_state().unwrap()).unwrap();
    Records::from_state(postcard::from_bytes(&octets).unwrap()).unwrap()
}
