//! What can be wrong with a submission, and the exit code for it.

use crate::address::AddressError;
use crate::sysexits::SysExit;

/// Named by who has to change something: the caller's command line, or the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// An option that sendmail does not have either.
    #[error("unknown option -{0}")]
    UnknownOption(char),
    /// An option without what must follow it.
    #[error("option -{0} needs a value")]
    NoValue(char),
    /// A value that the option does not take.
    #[error("option -{option} does not take '{value}': {expected}")]
    BadValue {
        /// The letter.
        option: char,
        /// As given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// An argument that is not UTF-8; shown as well as can be.
    #[error("argument '{0}' is not valid UTF-8")]
    NotText(String),
    /// An option of sendmail that this program does not do.
    #[error("option -{option}: {instead}")]
    NotDone {
        /// As it would be written.
        option: String,
        /// Why, or what to use.
        instead: &'static str,
    },
    /// Neither arguments nor `-t`.
    #[error("no recipients: name them on the command line, or use -t to take them from the header")]
    NoRecipients,
    /// `-t`, and no address in `To`, `Cc`, `Bcc` (or their `Resent-` forms).
    #[error("no recipients: option -t is given, but the header names nobody in To, Cc or Bcc")]
    NoRecipientsInHeader,
    /// The address of `-f` or `-r`.
    #[error("sender '{text}': {error}")]
    BadSender {
        /// As given.
        text: String,
        /// What is wrong.
        error: AddressError,
    },
    /// A recipient on the command line.
    #[error("recipient '{text}': {error}")]
    BadRecipient {
        /// As given.
        text: String,
        /// What is wrong.
        error: AddressError,
    },
    /// A field that `-t` reads.
    #[error("header field {field}: {error}")]
    BadField {
        /// Its name.
        field: String,
        /// What is wrong.
        error: AddressError,
    },
    /// The header does not end.
    #[error("the header is longer than {limit} octets")]
    LongHeader {
        /// Octets that are allowed.
        limit: usize,
    },
}

impl SubmitError {
    /// The exit code of the process.
    pub fn exit(&self) -> SysExit {
        match self {
            Self::UnknownOption(_)
            | Self::NoValue(_)
            | Self::BadValue { .. }
            | Self::NotText(_)
            | Self::NoRecipients => SysExit::Usage,
            Self::NotDone { .. } => SysExit::Unavailable,
            Self::BadSender { .. }
            | Self::BadRecipient { .. }
            | Self::BadField { .. }
            | Self::NoRecipientsInHeader
            | Self::LongHeader { .. } => SysExit::DataErr,
        }
    }
}
