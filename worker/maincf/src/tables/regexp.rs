//! `regexp:/file`: POSIX regular expressions, tried one after the other. regexp_table(5).
//!
//! The C library does not try one way after the other, so that no pattern without back references takes forever; but
//! for some, such as `(a+)+$`, the time grows with the square of the key's length: 0.1 s for 2 000 octets, half a
//! minute for 60 000. Nothing can end a search of it.

use std::ffi::CStr;

use super::patterns::{self, Engine, Found};
use super::posix_regex::{PosixRegex, Syntax};
use super::{OpenError, Opener, RegexError, RuleError, Table, TableSpec};

pub(super) fn open(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    patterns::open::<PosixRegex>(spec, opener)
}

impl Engine for PosixRegex {
    fn compile(pattern: &str, flags: &str) -> Result<Self, RuleError> {
        let mut syntax = Syntax { ignores_case: true, by_line: false, extended: true };
        for flag in flags.chars() {
            let switch = match flag {
                'i' => &mut syntax.ignores_case,
                'm' => &mut syntax.by_line,
                'x' => &mut syntax.extended,
                flag => return Err(RuleError::UnknownFlag { flag, known: "i, m and x" }),
            };
            *switch = !*switch;
        }
        Ok(Self::compile(pattern, syntax)?)
    }

    fn groups(&self) -> usize {
        Self::groups(self)
    }

    fn matches(&self, text: &CStr) -> Result<bool, RegexError> {
        Self::matches(self, text)
    }

    fn find(&self, text: &CStr) -> Result<Option<Found>, RegexError> {
        Self::find(self, text)
    }
}

#[cfg(test)]
mod tests;
