//! AUTH, RFC 4954: the list of mechanisms, from as many lines as the server likes, and `AUTH=<>` with MAIL.

use super::set::Extension;
use super::{EhloFacts, Keyword, Remark, append_words};
use crate::envelope::{Envelope, MailAuth};
use serde::{Deserialize, Serialize};

/// Who we are to a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Nobody in particular.
    #[default]
    Stranger,
    /// It accepted a login.
    LoggedIn,
}

pub(super) const KEYWORD: Keyword = Keyword { word: "AUTH", extension: Extension::Auth, read };

fn read(facts: &mut EhloFacts, mechanisms: &str, remarks: &mut Vec<Remark>) {
    append_words(&mut facts.auth, mechanisms, "AUTH mechanisms", remarks);
}

/// `AUTH=<>` with MAIL on a session that is logged in: that nobody vouches for the sender. RFC 4954 §5.
pub(crate) fn mail_parameter(facts: &EhloFacts, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if facts.standing == Standing::LoggedIn && envelope.auth == MailAuth::Nobody {
        out.extend_from_slice(b" AUTH=<>");
    }
}
