//! `pcre:/file`: Perl-compatible regular expressions, tried one after the other. pcre_table(5).
//!
//! As in Postfix patterns match octets, not characters, unless a pattern begins with `(*UTF)`. How much work a search
//! may be is limited as the library does by default, which is what Postfix leaves it at; but a search that is given up
//! is an error here and "no match" there.

use std::ffi::CStr;

use pcre2::bytes::{Regex, RegexBuilder};

use super::patterns::{self, Engine, Found};
use super::{OpenError, Opener, RegexError, RuleError, Table, TableSpec};

/// How many steps one search may take; the library's own default, a fraction of a second.
const MOST_STEPS: u32 = 10_000_000;
/// How much memory one search may take, in KiB.
const MOST_MEMORY: u32 = 64 << 10;

pub(super) fn open(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    patterns::open::<Pcre>(spec, opener)
}

/// What the flags switch on.
#[derive(Clone, Copy, Debug)]
struct Flags {
    /// i
    ignores_case: bool,
    /// m
    by_line: bool,
    /// s
    dot_is_all: bool,
    /// x
    extended: bool,
    /// A
    anchored: bool,
    /// E
    dollar_is_end: bool,
    /// U
    ungreedy: bool,
}

#[derive(Debug)]
struct Pcre {
    regex: Regex,
    flags: Flags,
}

impl Flags {
    fn read(text: &str) -> Result<Self, RuleError> {
        let mut flags = Self {
            ignores_case: true,
            by_line: false,
            dot_is_all: true,
            extended: false,
            anchored: false,
            dollar_is_end: false,
            ungreedy: false,
        };
        for flag in text.chars() {
            let switch = match flag {
                'i' => &mut flags.ignores_case,
                'm' => &mut flags.by_line,
                's' => &mut flags.dot_is_all,
                'x' => &mut flags.extended,
                'A' => &mut flags.anchored,
                'E' => &mut flags.dollar_is_end,
                'U' => &mut flags.ungreedy,
                'X' => continue,
                flag => return Err(RuleError::UnknownFlag { flag, known: "i, m, s, x, A, E, U and X" }),
            };
            *switch = !*switch;
        }
        Ok(flags)
    }
}

impl Engine for Pcre {
    fn compile(pattern: &str, flags: &str) -> Result<Self, RuleError> {
        let flags = Flags::read(flags)?;
        let build = |pattern: &str| {
            RegexBuilder::new()
                .caseless(flags.ignores_case)
                .multi_line(flags.by_line)
                .dotall(flags.dot_is_all)
                .extended(flags.extended)
                .build(pattern)
                .map_err(|error| RegexError(error.to_string()))
        };
        if flags.anchored && pattern.contains("\\K") {
            return Err(RegexError("\\K together with the flag A is not supported".into()).into());
        }
        let limits = format!("(*LIMIT_MATCH={MOST_STEPS})(*LIMIT_HEAP={MOST_MEMORY})");
        let (items, body) = start_items(pattern);
        let ungreedy = if flags.ungreedy { "(?U)" } else { "" };
        // Where the pattern has a limit of its own the lower one counts. An error is told of the pattern as written,
        // so that the place that it names is right.
        let regex = build(&format!("{limits}{items}{ungreedy}{body}"))
            .or_else(|error| build(pattern).and(Err(error)))?;
        Ok(Self { regex, flags })
    }

    fn groups(&self) -> usize {
        self.regex.captures_len().saturating_sub(1)
    }

    fn matches(&self, text: &CStr) -> Result<bool, RegexError> {
        if self.flags.anchored {
            return self.find(text).map(|found| found.is_some());
        }
        let text = self.searchable(text)?;
        self.regex.is_match(text).map_err(|error| RegexError(error.to_string()))
    }

    fn find(&self, text: &CStr) -> Result<Option<Found>, RegexError> {
        let text = self.searchable(text)?;
        let mut places = self.regex.capture_locations();
        let found = self.regex.captures_read(&mut places, text);
        let found = found.map_err(|error| RegexError(error.to_string()))?;
        // A search tries the beginning of the text first, so that a match there is found before any other.
        let holds = found.is_some_and(|whole| !self.flags.anchored || whole.start() == 0);
        let range = |group| places.get(group).map(|(start, end)| start..end);
        Ok(holds.then(|| (0..places.len()).map(range).collect()))
    }

    fn remark(flags: &str) -> Option<String> {
        flags.contains('X').then(|| "the flag X means nothing since PCRE2".into())
    }
}

impl Pcre {
    /// The text as the engine is given it.
    ///
    /// Errors: the crate cannot switch on what E asks for; it matters only where a text ends with a line end, which
    /// no key of ours does.
    fn searchable<'t>(&self, text: &'t CStr) -> Result<&'t [u8], RegexError> {
        let text = text.to_bytes();
        if self.flags.dollar_is_end && !self.flags.by_line && text.ends_with(b"\n") {
            return Err(RegexError("the key ends with a line end, which the flag E does not support".into()));
        }
        Ok(text)
    }
}

/// Splits off what may stand at the beginning of a pattern only: `(*UTF)`, `(*LIMIT_MATCH=1)` and so on.
fn start_items(pattern: &str) -> (&str, &str) {
    let mut rest = pattern;
    while let Some((item, after)) = rest.strip_prefix("(*").and_then(|inside| inside.split_once(')')) {
        if item.is_empty() || !item.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=".contains(&byte))
        {
            break;
        }
        rest = after;
    }
    pattern.split_at_checked(pattern.len() - rest.len()).unwrap_or(("", pattern))
}

#[cfg(test)]
mod tests;
