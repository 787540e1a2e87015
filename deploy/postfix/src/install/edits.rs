//! Changes to a text by place, and how they look as a diff.

use std::ops::Range;

/// What comes in place of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Octets of the old text.
    pub range: Range<usize>,
    /// In their place.
    pub new: Vec<u8>,
}

/// The text after all edits, which are in order and do not overlap.
#[must_use]
pub fn edited(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        new.extend_from_slice(text.get(at..edit.range.start).unwrap_or_default());
        new.extend_from_slice(&edit.new);
        at = edit.range.end;
    }
    new.extend_from_slice(text.get(at..).unwrap_or_default());
    new
}

/// A unified diff without context, which patch(1) takes.
#[must_use]
pub fn diff(name: &str, text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut shown = format!("--- {name}\n+++ {name}\n").into_bytes();
    // By how many lines the new text is ahead.
    let mut ahead = 0_isize;
    let mut rest = edits;
    while let Some((first, more)) = rest.split_first() {
        let mut whole = lines_around(text, &first.range);
        let with = more.iter().take_while(|edit| {
            let around = lines_around(text, &edit.range);
            let touches = around.start <= whole.end;
            whole.end = if touches { whole.end.max(around.end) } else { whole.end };
            touches
        });
        let (hunk, after) = rest.split_at(1 + with.count());
        rest = after;
        let shifted = hunk.iter().map(|edit| Edit {
            range: edit.range.start - whole.start..edit.range.end - whole.start,
            new: edit.new.clone(),
        });
        let old = text.get(whole.clone()).unwrap_or_default();
        let new = edited(old, &shifted.collect::<Vec<_>>());
        let before = lines(text.get(..whole.start).unwrap_or_default());
        ahead += hunk_lines(&mut shown, before, ahead, old, &new);
    }
    shown
}

/// Whole lines; none where a whole line comes in between.
fn lines_around(text: &[u8], range: &Range<usize>) -> Range<usize> {
    let break_before = |end: usize| {
        text.get(..end).and_then(|head| head.iter().rposition(|&octet| octet == b'\n')).map_or(0, |at| at + 1)
    };
    let start = break_before(range.start);
    if range.end == start || range.start < range.end && break_before(range.end) == range.end {
        return start..range.end;
    }
    let tail = text.get(range.end..).unwrap_or_default();
    let end = tail.iter().position(|&octet| octet == b'\n').map_or(text.len(), |at| range.end + at + 1);
    start..end
}

fn hunk_lines(shown: &mut Vec<u8>, before: usize, ahead: isize, old: &[u8], new: &[u8]) -> isize {
    let (gone, come) = (lines(old), lines(new));
    // A side without lines is named by the line before it.
    let first = |count: usize| if count == 0 { before } else { before + 1 };
    let there = first(come).saturating_add_signed(ahead);
    shown.extend(format!("@@ -{},{gone} +{there},{come} @@\n", first(gone)).into_bytes());
    for (sign, side) in [(b'-', old), (b'+', new)] {
        for line in side.split_inclusive(|&octet| octet == b'\n') {
            shown.push(sign);
            shown.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                shown.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
    come.cast_signed() - gone.cast_signed()
}

fn lines(text: &[u8]) -> usize {
    text.split_inclusive(|&octet| octet == b'\n').count()
}
