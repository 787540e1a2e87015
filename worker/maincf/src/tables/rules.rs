//! Rules tried one after the other, with `if` and `endif`: what tables of patterns and of networks have in common.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{AddressError, BadRules, OpenError, RegexError, TableSpec, braces};
use crate::parse;
use crate::value::words;

/// How large a file may be, in octets.
const LARGEST_FILE: u64 = 4 << 20;
/// How many rules a table may have.
const MOST_RULES: usize = 10_000;
/// How long a pattern may be, in octets. The libraries read nested groups by recursion.
pub(super) const LONGEST_PATTERN: usize = 4096;

/// What is wrong with a rule, or with all of them together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Something else than the three forms.
    #[error("expected /pattern/flags result, if /pattern/flags, or endif")]
    NotARule,
    /// A letter, a digit, a character beyond ASCII, or nothing where a pattern begins.
    #[error("a pattern stands between two equal characters, neither letters nor digits, such as /pattern/")]
    NoDelimiter,
    /// The pattern does not end.
    #[error("no second {0:?} ends the pattern")]
    Unclosed(char),
    /// A flag that does not exist.
    #[error("unknown flag {flag:?}: there are {known}")]
    UnknownFlag {
        /// As written.
        flag: char,
        /// All that the table type has.
        known: &'static str,
    },
    /// Longer than what is kept.
    #[error("the pattern has more than {LONGEST_PATTERN} octets")]
    LongPattern,
    /// The library cannot read the pattern.
    #[error("bad pattern: {0}")]
    BadPattern(#[from] RegexError),
    /// Nothing that an address could be compared with.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// A pattern with nothing behind it.
    #[error("no result behind the pattern")]
    NoResult,
    /// `$` without a number.
    #[error("'$' without the number of a group in {0:?}: write $$ for a dollar sign")]
    BadReference(String),
    /// A group that the pattern does not have.
    #[error("${number} in the result, but the pattern has {groups} groups, counted from 1")]
    NoSuchGroup {
        /// As asked for.
        number: usize,
        /// As many as there are.
        groups: usize,
    },
    /// A negated pattern has matched nothing that could be put in.
    #[error("$number in the result of a negated pattern")]
    GroupOfNegated,
    /// `endif` too many.
    #[error("endif without an if before it")]
    NoIf,
    /// `endif` missing.
    #[error("no endif for the if")]
    NoEndif,
    /// More than what is kept.
    #[error("more than {0} rules")]
    TooMany(usize),
    /// More than what is read.
    #[error("more than {0} octets")]
    TooLong(u64),
    /// Not a list of rules in braces.
    #[error("expected {{ {{ rule }}, {{ rule }} ... }}")]
    NoBraces,
}

/// A line, read.
#[derive(Debug)]
pub(super) enum Line<Condition, Answer> {
    Rule(Condition, Answer),
    If(Condition),
    Endif,
}

/// A line, and a remark where something in it means nothing.
pub(super) type Remarked<Condition, Answer> = (Line<Condition, Answer>, Option<String>);

/// Reads a logical line that is not empty.
pub(super) type ReadLine<Condition, Answer> = fn(&str) -> Result<Remarked<Condition, Answer>, RuleError>;

/// The rules of a table, in order.
#[derive(Debug)]
pub(super) struct Rules<Condition, Answer> {
    rules: Vec<Rule<Condition, Answer>>,
    remarks: Vec<String>,
}

#[derive(Debug)]
enum Rule<Condition, Answer> {
    Answer(Condition, Answer),
    /// Where it does not hold the search goes on at this rule.
    If(Condition, usize),
}

impl<Condition, Answer> Rules<Condition, Answer> {
    /// Reads the file that the table names, or the rules in braces instead of one.
    pub(super) fn open(
        spec: &TableSpec,
        line: ReadLine<Condition, Answer>,
        bad: BadRules,
    ) -> Result<Self, OpenError> {
        let name = spec.name().trim();
        let mut builder = Builder::new(line, bad);
        if let Some(inside) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            inline(spec, inside, &mut builder)?;
        } else {
            file(spec, &mut builder)?;
        }
        builder.finish()
    }

    /// The first rule whose condition holds.
    pub(super) fn find<Error>(
        &self,
        holds: impl Fn(&Condition) -> Result<bool, Error>,
    ) -> Result<Option<(&Condition, &Answer)>, Error> {
        let mut at = 0;
        while let Some(rule) = self.rules.get(at) {
            at += 1;
            match rule {
                Rule::If(condition, goes_on) => {
                    if !holds(condition)? {
                        at = *goes_on;
                    }
                }
                Rule::Answer(condition, answer) => {
                    if holds(condition)? {
                        return Ok(Some((condition, answer)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// What means nothing in the rules.
    pub(super) fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

fn file<C, A>(spec: &TableSpec, builder: &mut Builder<C, A>) -> Result<(), OpenError> {
    let path = Path::new(spec.name());
    if !path.is_absolute() {
        return Err(OpenError::RelativePath(spec.clone()));
    }
    let syntax = |(line, reason)| OpenError::Syntax { path: path.into(), line, reason };
    let bytes = read(path)?;
    let lines = parse::logical_lines(&bytes).map_err(syntax)?;
    if let Some(line) = lines.iter().find(|line| !line.is_utf8) {
        return Err(syntax((line.number, parse::SyntaxError::NotUtf8)));
    }
    lines.iter().try_for_each(|line| builder.add(&line.text, &format!("{}:{}", path.display(), line.number)))
}

/// `{ { rule }, { rule } }` instead of a file.
fn inline<C, A>(spec: &TableSpec, inside: &str, builder: &mut Builder<C, A>) -> Result<(), OpenError> {
    let wrong = |reason| OpenError::Rule { place: format!("table {spec}"), reason };
    for (number, word) in (1..).zip(words(inside).map_err(|_| wrong(RuleError::NoBraces))?) {
        let text = braces::removed(word).ok_or_else(|| wrong(RuleError::NoBraces))?;
        builder.add(text.trim(), &format!("table {spec}, rule {number}"))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    let wrong = |source| OpenError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(wrong)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST_FILE) {
        Ok(bytes)
    } else {
        let place = path.display().to_string();
        Err(OpenError::Rule { place, reason: RuleError::TooLong(LARGEST_FILE) })
    }
}

/// Puts rules together, and `if` with `endif`.
struct Builder<Condition, Answer> {
    read: ReadLine<Condition, Answer>,
    bad: BadRules,
    table: Rules<Condition, Answer>,
    /// Rules that are open ifs, and where they stand; outermost first.
    open: Vec<(usize, String)>,
}

impl<Condition, Answer> Builder<Condition, Answer> {
    fn new(read: ReadLine<Condition, Answer>, bad: BadRules) -> Self {
        Self { read, bad, table: Rules { rules: Vec::new(), remarks: Vec::new() }, open: Vec::new() }
    }

    /// As in Postfix a rule that is left out takes nothing with it: what stands behind a bad `if` holds without it.
    fn add(&mut self, line: &str, place: &str) -> Result<(), OpenError> {
        let added = self.rule(line, place);
        self.or_left_out(added)
    }

    fn or_left_out(&mut self, result: Result<(), OpenError>) -> Result<(), OpenError> {
        match result {
            Err(error) if self.bad == BadRules::LeftOut => {
                self.table.remarks.push(format!("{error}: the rule is left out"));
                Ok(())
            }
            result => result,
        }
    }

    fn rule(&mut self, line: &str, place: &str) -> Result<(), OpenError> {
        let wrong = |reason| OpenError::Rule { place: place.into(), reason };
        let rules = &mut self.table.rules;
        if rules.len() >= MOST_RULES {
            return Err(wrong(RuleError::TooMany(MOST_RULES)));
        }
        let (line, remark) = (self.read)(line).map_err(wrong)?;
        match line {
            Line::Rule(condition, answer) => rules.push(Rule::Answer(condition, answer)),
            Line::If(condition) => {
                self.open.push((rules.len(), place.into()));
                rules.push(Rule::If(condition, 0));
            }
            Line::Endif => {
                let (at, _) = self.open.pop().ok_or_else(|| wrong(RuleError::NoIf))?;
                let after = rules.len();
                if let Some(Rule::If(_, goes_on)) = rules.get_mut(at) {
                    *goes_on = after;
                }
            }
        }
        self.table.remarks.extend(remark.map(|remark| format!("{place}: {remark}")));
        Ok(())
    }

    fn finish(mut self) -> Result<Rules<Condition, Answer>, OpenError> {
        while let Some((at, place)) = self.open.pop() {
            self.or_left_out(Err(OpenError::Rule { place, reason: RuleError::NoEndif }))?;
            // Without its end it leads to the end of the table, as in Postfix.
            let after = self.table.rules.len();
            if let Some(Rule::If(_, goes_on)) = self.table.rules.get_mut(at) {
                *goes_on = after;
            }
        }
        Ok(self.table)
    }
}

/// What follows a word that the line begins with, in any case, unless it is only the beginning of another word.
pub(super) fn after_word<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let (first, rest) = line.split_at_checked(word.len())?;
    let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    (ends && first.eq_ignore_ascii_case(word)).then_some(rest)
}
