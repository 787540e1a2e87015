//! AUTH, RFC 4954: the list of mechanisms, from as many lines as the server likes.

use super::set::Extension;
use super::{EhloFacts, Keyword, Remark, append_words};

pub(super) const KEYWORD: Keyword = Keyword { word: "AUTH", extension: Extension::Auth, read };

fn read(facts: &mut EhloFacts, mechanisms: &str, remarks: &mut Vec<Remark>) {
    append_words(&mut facts.auth, mechanisms, "AUTH mechanisms", remarks);
}
