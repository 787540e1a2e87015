//! A message as the bytes of one packet: bounded before decoding, nothing left over after it.

use serde::{Serialize, de::DeserializeOwned};

/// The largest packet either side sends or accepts, in bytes.
pub const MAX_PACKET: usize = 64 * 1024;

/// The largest number of descriptors that any message carries.
pub const MAX_DESCRIPTORS: usize = 2;

/// One direction of a channel: an enum whose every variant knows how many descriptors travel with it.
pub trait Packet: Serialize + DeserializeOwned {
    /// How many descriptors this message carries; a packet with any other number is refused.
    fn descriptors(&self) -> usize;
}

/// Bytes that are not a message. All but `TooLarge` are the sender's fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PacketError {
    /// Encoding would exceed, or the packet did exceed, [`MAX_PACKET`].
    #[error("packet of {0} bytes exceeds the limit of {MAX_PACKET}")]
    TooLarge(usize),
    /// The bytes do not decode as the expected enum.
    #[error("packet does not decode: {0}")]
    Malformed(postcard::Error),
    /// A message was decoded and bytes remain.
    #[error("{0} bytes behind the message")]
    Trailing(usize),
    /// The number of descriptors differs from what the variant carries.
    #[error("{got} descriptors where the message carries {want}")]
    Descriptors {
        /// What the variant asks for.
        want: usize,
        /// What came.
        got: usize,
    },
    /// The kernel cut the packet or its descriptors short.
    #[error("packet was truncated in transit")]
    Truncated,
}

/// Appends the bytes of `message` to `buffer`, which is cleared first.
///
/// # Errors
/// [`PacketError::TooLarge`]; the caller splits or refuses.
pub fn encode<T: Packet>(message: &T, buffer: &mut Vec<u8>) -> Result<(), PacketError> {
    buffer.clear();
    let taken = std::mem::take(buffer);
    *buffer = postcard::to_extend(message, taken).map_err(PacketError::Malformed)?;
    if buffer.len() > MAX_PACKET {
        return Err(PacketError::TooLarge(buffer.len()));
    }
    Ok(())
}

/// The message that `bytes` hold, if they hold exactly one and `descriptors` is its number of descriptors.
///
/// # Errors
/// Any [`PacketError`]; the caller drops the peer, since the two no longer agree on what was said.
pub fn decode<T: Packet>(bytes: &[u8], descriptors: usize) -> Result<T, PacketError> {
    if bytes.len() > MAX_PACKET {
        return Err(PacketError::TooLarge(bytes.len()));
    }
    let (message, rest) = postcard::take_from_bytes::<T>(bytes).map_err(PacketError::Malformed)?;
    if !rest.is_empty() {
        return Err(PacketError::Trailing(rest.len()));
    }
    if message.descriptors() != descriptors {
        return Err(PacketError::Descriptors { want: message.descriptors(), got: descriptors });
    }
    Ok(message)
}
