//! Replies in other words than the server's (`smtp_reply_filter`), before anything else is done with them.

use std::fmt;

/// Says a server's lines in other words.
pub trait ReplyFilter: fmt::Debug + Send {
    /// What stands for `line`, which is printable and has no line end; `None` for the line itself.
    ///
    /// # Errors
    /// [`FilterFailed`]: nobody knows what the server is meant to have said.
    fn reword(&mut self, line: &str, secrecy: Secrecy) -> Result<Option<String>, FilterFailed>;
}

/// Whether a line may be shown in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Secrecy {
    /// Yes.
    #[default]
    Public,
    /// No: it may repeat a secret that was sent.
    Secret,
}

/// The table behind a filter could not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply filter cannot answer")]
pub struct FilterFailed;
