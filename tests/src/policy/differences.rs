//! Where Baton is meant to differ from Postfix 3.7, and why.

/// What may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Anything at all: the verdict too.
    Verdict,
    /// The text in brackets and the remarks; verdict, code and summary are the same.
    Text,
    /// The lines beside the verdict.
    Remarks,
}

/// A case, or all whose name begins so (with `*` at the end), what differs, and the reason.
pub const DIFFERENCES: &[(&str, Part, &str)] = &[];

/// Why this part of this case may differ.
pub fn reason(case: &str, part: Part) -> Option<&'static str> {
    let meant = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => case.starts_with(beginning),
        None => case == pattern,
    };
    DIFFERENCES.iter().find(|(pattern, allowed, _)| meant(pattern) && covers(*allowed, part)).map(|row| row.2)
}

fn covers(allowed: Part, part: Part) -> bool {
    match allowed {
        Part::Verdict => true,
        Part::Text => part != Part::Verdict,
        Part::Remarks => part == Part::Remarks,
    }
}
