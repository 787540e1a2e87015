//! XFORWARD: which attributes of the original client the server wants to know.

use super::set::Extension;
use super::{EhloFacts, Keyword, Remark, append_words};

pub(super) const KEYWORD: Keyword = Keyword { word: "XFORWARD", extension: Extension::Xforward, read };

fn read(facts: &mut EhloFacts, attributes: &str, remarks: &mut Vec<Remark>) {
    append_words(&mut facts.xforward, attributes, "XFORWARD attributes", remarks);
}
