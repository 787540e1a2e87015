//! master.cf by logical lines, each with its place in the file; what master(8) makes of it is in master(5).

use std::ops::Range;

/// Postfix's `isspace`: what begins a continuation line and may stand before `#`.
const SPACE: &[u8] = b" \t\r\n\x0b\x0c";
/// What separates fields.
const BLANK: &[u8] = b" \t\r\n";
/// Fields before the arguments.
const FIELDS: usize = 8;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Of its first line, counted from 1.
    pub number: usize,
    /// From its first octet to the line end of its last line, comments in between included.
    pub range: Range<usize>,
    /// The first column.
    pub name: String,
    /// The second: `unix`.
    pub kind: String,
    /// "unpriv": not root.
    pub unprivileged: bool,
    /// Only where it says so: the default of `-` changed with `compatibility_level`.
    pub chroot: bool,
    /// How many processes, as written.
    pub limit: String,
    /// As written.
    pub command: String,
    /// Where that is.
    pub command_range: Range<usize>,
    /// What follows it, braces around a word taken off.
    pub arguments: Vec<String>,
}

/// master would not start with it either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterCfError {
    /// White space at the beginning of a line that continues nothing.
    #[error("line {0}: begins with white space, but continues no line")]
    NothingToContinue(usize),
    /// Too few columns.
    #[error("line {0}: a service has eight columns at least")]
    Columns(usize),
    /// `{` without `}`, or something behind that.
    #[error("line {0}: braces that do not match")]
    Braces(usize),
    /// NUL, or no UTF-8 outside of comments.
    #[error("line {0}: octets that are no text")]
    NotText(usize),
}

/// Octets of a logical line, and where each is.
type Joined = Vec<(usize, u8)>;

/// Every service, in order.
///
/// # Errors
/// [`MasterCfError`], the first of them.
pub fn services(text: &[u8]) -> Result<Vec<Service>, MasterCfError> {
    let mut services = Vec::new();
    let mut open: Option<(usize, Range<usize>, Joined)> = None;
    let mut at = 0;
    for (index, line) in text.split_inclusive(|&octet| octet == b'\n').enumerate() {
        let (number, range) = (index + 1, at..at + line.len());
        at = range.end;
        let first = line.iter().find(|octet| !SPACE.contains(octet));
        if matches!(first, None | Some(b'#')) {
            continue;
        }
        let octets = range.clone().zip(line.iter().copied());
        if line.first().is_some_and(|octet| SPACE.contains(octet)) {
            let (_, whole, joined) = open.as_mut().ok_or(MasterCfError::NothingToContinue(number))?;
            whole.end = range.end;
            joined.extend(octets);
        } else if let Some((number, range, joined)) = open.replace((number, range.clone(), octets.collect()))
        {
            services.push(service(number, range, &joined)?);
        }
    }
    if let Some((number, range, joined)) = open {
        services.push(service(number, range, &joined)?);
    }
    Ok(services)
}

fn service(number: usize, range: Range<usize>, joined: &Joined) -> Result<Service, MasterCfError> {
    let mut rest = joined.as_slice();
    let mut columns = Vec::with_capacity(FIELDS);
    while columns.len() < FIELDS {
        let word = next_word(&mut rest, Braces::AreText).ok_or(MasterCfError::Columns(number))?;
        columns.push((text(number, word)?, place(word)));
    }
    let columns = <[_; FIELDS]>::try_from(columns).map_err(|_| MasterCfError::Columns(number))?;
    let [name, kind, _private, unprivileged, chroot, _wakeup, limit, command] = columns;
    let mut arguments = Vec::new();
    while let Some(word) = next_word(&mut rest, Braces::Hold) {
        arguments.push(bare(&text(number, word)?).ok_or(MasterCfError::Braces(number))?.to_owned());
    }
    Ok(Service {
        number,
        range,
        name: name.0,
        kind: kind.0,
        unprivileged: unprivileged.0 != "n",
        chroot: chroot.0 == "y",
        limit: limit.0,
        command: command.0,
        command_range: command.1,
        arguments,
    })
}

/// Whether white space between braces separates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Braces {
    AreText,
    Hold,
}

fn next_word<'a>(rest: &mut &'a [(usize, u8)], braces: Braces) -> Option<&'a [(usize, u8)]> {
    let start = rest.iter().position(|(_, octet)| !BLANK.contains(octet))?;
    let (_, from) = rest.split_at_checked(start)?;
    let mut depth = 0_usize;
    let ends = |&(_, octet): &(usize, u8)| {
        match octet {
            b'{' if braces == Braces::Hold => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && BLANK.contains(&octet)
    };
    let end = from.iter().position(ends).unwrap_or(from.len());
    let (word, after) = from.split_at_checked(end)?;
    *rest = after;
    Some(word)
}

fn text(number: usize, word: &[(usize, u8)]) -> Result<String, MasterCfError> {
    let octets = word.iter().map(|&(_, octet)| octet).collect();
    let text = String::from_utf8(octets).map_err(|_| MasterCfError::NotText(number))?;
    if text.contains('\0') { Err(MasterCfError::NotText(number)) } else { Ok(text) }
}

fn place(word: &[(usize, u8)]) -> Range<usize> {
    let ends = word.first().zip(word.last());
    ends.map_or(0..0, |((first, _), (last, _))| *first..*last + 1)
}

/// A word that begins with a brace ends with its other half, and both go.
fn bare(word: &str) -> Option<&str> {
    if !word.starts_with('{') {
        return Some(word);
    }
    let mut depth = 0_usize;
    let closes = |(_, letter): &(usize, char)| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    };
    let (end, _) = word.char_indices().find(closes)?;
    if end + 1 != word.len() {
        return None;
    }
    word.get(1..end).map(|inner| inner.trim_matches([' ', '\t', '\r', '\n']))
}
