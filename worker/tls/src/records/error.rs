//! What ends a session in the record layer, and what keeps it from being handed over.

use thiserror::Error;

/// The session is over. Nothing more is sealed or opened after any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// What came is not a TLS record: content type or version.
    #[error("the server sent something that is not a TLS record")]
    NotTls,
    /// RFC 8446 §5.2, RFC 5246 §6.2.3.
    #[error("the server sent a TLS record that is too long")]
    TooLong,
    /// The tag does not fit: altered, lost or repeated on the way, or a state that is not this session's.
    #[error("a TLS record could not be decrypted")]
    NotAuthentic,
    /// A record of this content type has no place here.
    #[error("the server sent an unexpected TLS record of type {0}")]
    UnexpectedType(u8),
    /// A handshake message other than `NewSessionTicket` and `KeyUpdate`.
    #[error("the server sent an unexpected TLS handshake message of type {0}")]
    UnexpectedMessage(u8),
    /// TLS 1.2: the server wants another handshake.
    #[error("the server asked for TLS renegotiation")]
    Renegotiation,
    /// A handshake message or an alert that is not in the form of RFC 8446 §4.6, §5.1 and §6.
    #[error("the server sent a malformed TLS message")]
    Malformed,
    /// More than [`MAX_UPDATES`](super::MAX_UPDATES) key updates or empty records without data between them.
    #[error("the server sent too many TLS records without data")]
    TooManyUpdates,
    /// The server gave up; RFC 8446 §6.2 has the numbers.
    #[error("the server sent TLS alert {0}")]
    Alert(u8),
    /// TLS 1.2, where keys are not renewed: the last record that may be sealed with this key.
    #[error("the TLS session has used up its key")]
    Exhausted,
    /// TLS 1.2 has no key updates.
    #[error("this TLS session cannot renew its keys")]
    NoKeyUpdate,
    /// The cryptography refused to seal.
    #[error("a TLS record could not be encrypted")]
    NotSealed,
    /// `close_notify` was sealed already.
    #[error("the TLS session was closed by this side")]
    Closed,
    /// An earlier call failed.
    #[error("the TLS session failed before")]
    Poisoned,
    /// A state that this build cannot take up: suite, lengths or version.
    #[error("the state of the TLS session is not one that this program knows")]
    UnknownState,
}

/// Why a session cannot be handed over now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotQuiet {
    /// Sealing, opening or writing failed, or octets that were sealed will not be written.
    #[error("the TLS session failed")]
    Poisoned,
    /// `close_notify` was sent or has come.
    #[error("the TLS session is closed")]
    Closed,
    /// So many octets of plaintext were not taken.
    #[error("{0} octets of plaintext are unread")]
    UnreadPlaintext(usize),
    /// So many octets of ciphertext, a part of a record or whole ones that were not opened.
    #[error("{0} octets of ciphertext are unread")]
    UnreadCiphertext(usize),
    /// A part of a handshake message.
    #[error("a TLS message is incomplete")]
    PartialMessage,
    /// Sealed, but not written.
    #[error("{0} octets of ciphertext are unwritten")]
    Unwritten(usize),
    /// TLS 1.2: the key has nearly done what it may do.
    #[error("the TLS session has nearly used up its key")]
    NearLimit,
}
