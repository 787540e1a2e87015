//! What the administrator decided about introductions.

use super::pix::PixWorkarounds;
use crate::command::HeloName;
use crate::ext::Discard;

/// Options of [`super::Hello`].
#[derive(Debug, Clone)]
pub struct HelloOptions {
    /// `smtp_helo_name`, `lmtp_lhlo_name`.
    pub name: HeloName,
    /// `myhostname`: a server that gives this name is probably ourselves.
    pub my_hostname: String,
    /// When EHLO is tried.
    pub ehlo: EhloUse,
    /// What a greeting of class 5 means.
    pub refused_greeting: RefusedGreeting,
    /// `smtp_discard_ehlo_keywords`, or what its table says for this address.
    pub discard: Discard,
    /// What is done where a greeting is hidden; `smtp_pix_workarounds`, or what its table says for this address.
    pub pix: PixWorkarounds,
}

/// `smtp_always_send_ehlo` and `smtp_never_send_ehlo`; the latter wins. LMTP always says LHLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EhloUse {
    /// To every server.
    Always,
    /// Where the greeting has the word ESMTP.
    WhereAnnounced,
    /// To no server.
    Never,
}

/// `smtp_skip_5xx_greeting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedGreeting {
    /// This host does not want us: class 4, so that others are tried.
    TryElsewhere,
    /// Mail is refused: class 5.
    Final,
}
