//! The content on the wire: dot-stuffed, every line ended by CR LF, no CR or LF elsewhere, long lines folded.
//!
//! RFC 5321 §4.5.2 (transparency), §2.3.8 (line ends), §4.5.3.1.6 (line length). What a lenient receiver could take
//! for another end of data never leaves here, whatever the queue holds.

/// Encodes content piece by piece; what comes out does not depend on how it is cut.
#[derive(Debug, Clone)]
pub struct DataEncoder {
    /// Octets that a line may have without its end.
    limit: usize,
    /// Octets of the line so far, without what stuffing added.
    column: usize,
    place: Place,
    folded: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first octet of a line.
    LineStart,
    Inside,
    /// After a CR whose LF may follow. It was not written.
    AfterCr,
}

impl DataEncoder {
    /// `line_limit` is `smtp_line_length_limit`: the longest line in octets without its end, 0 for any length. A fold
    /// takes one octet of the next line, so the smallest limit is 2.
    #[must_use]
    pub const fn new(line_limit: usize) -> Self {
        let limit = match line_limit {
            0 => usize::MAX,
            1 => 2,
            limit => limit,
        };
        Self { limit, column: 0, place: Place::LineStart, folded: 0 }
    }

    /// Appends the wire form of the next piece of content. Lines may end in CR LF or LF; a CR elsewhere becomes a
    /// space.
    pub fn encode(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let (mut at, mut odd_until) = (0, 0);
        while at < content.len() {
            let end = self.verbatim_from(content, at, &mut odd_until);
            out.extend_from_slice(content.get(at..end).unwrap_or_default());
            at = end;
            if let Some(octet) = content.get(at) {
                self.encode_odd(*octet, out);
                at += 1;
            }
        }
    }

    /// How many octets at the beginning of `content` go out as they are. They count as encoded: write them, and hand
    /// the rest to [`DataEncoder::encode`].
    pub fn verbatim(&mut self, content: &[u8]) -> usize {
        self.verbatim_from(content, 0, &mut 0)
    }

    /// Where what goes out as it is from there on ends. Up to `odd_until` lines are looked at one by one: as far as the block
    /// goes that has something odd in it, so that no block is looked at as a whole for each of its lines.
    fn verbatim_from(&mut self, content: &[u8], from: usize, odd_until: &mut usize) -> usize {
        let mut at = from;
        while let Some(rest) = content.get(at..).filter(|rest| !rest.is_empty()) {
            if self.place == Place::LineStart && at >= *odd_until {
                match ordinary_lines(rest.get(..BLOCK).unwrap_or(rest), self.limit) {
                    0 => *odd_until = at + BLOCK,
                    lines => {
                        at += lines;
                        continue;
                    }
                }
            }
            if self.place == Place::AfterCr || (self.place == Place::LineStart && rest.first() == Some(&b'.'))
            {
                break;
            }
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let room = self.limit - self.column;
            if end > room {
                self.advance(room);
                return at + room;
            }
            self.advance(end);
            at += end;
            if rest.get(end..end + 2) != Some(b"\r\n") {
                break;
            }
            self.start_line();
            at += 2;
        }
        at
    }

    /// Ends the last line if it has no end. The final dot is the transaction's to write.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::AfterCr {
            self.put(b' ', out);
        }
        if self.place != Place::LineStart {
            self.end_line(out);
        }
    }

    /// How many times a line was folded.
    #[must_use]
    pub const fn folded(&self) -> usize {
        self.folded
    }

    /// One octet at a place where something must be done.
    fn encode_odd(&mut self, octet: u8, out: &mut Vec<u8>) {
        if octet == b'\n' {
            return self.end_line(out);
        }
        if self.place == Place::AfterCr {
            self.put(b' ', out);
        }
        if octet == b'\r' {
            self.place = Place::AfterCr;
        } else {
            self.put(octet, out);
        }
    }

    fn put(&mut self, octet: u8, out: &mut Vec<u8>) {
        if self.column >= self.limit {
            // The space makes a header's rest a continuation, and counts.
            out.extend_from_slice(b"\r\n ");
            self.column = 1;
            self.folded += 1;
        }
        if octet == b'.' && self.place == Place::LineStart {
            out.push(b'.');
        }
        out.push(octet);
        self.advance(1);
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.start_line();
    }

    fn start_line(&mut self) {
        self.column = 0;
        self.place = Place::LineStart;
    }

    fn advance(&mut self, octets: usize) {
        if octets > 0 {
            self.column += octets;
            self.place = Place::Inside;
        }
    }
}

/// How much is looked at as a whole.
const BLOCK: usize = 4096;

/// How many octets at the beginning are lines that go out as they are; 0 if something must be done in one of them. Many
/// lines cost little more than one: nothing here looks at each.
fn ordinary_lines(block: &[u8], limit: usize) -> usize {
    let end = memchr::memrchr(b'\n', block).map_or(0, |at| at + 1);
    let lines = block.get(..end).unwrap_or_default();
    let fine =
        !matches!(lines.first(), None | Some(b'\n' | b'.')) && are_clean(lines) && are_short(lines, limit);
    if fine { end } else { 0 }
}

/// Whether each CR has its LF and each LF its CR, and no line but perhaps the first begins with a dot. Without a branch in
/// the loop the compiler compares many octets at a time.
fn are_clean(lines: &[u8]) -> bool {
    let pairs = lines.iter().zip(lines.get(1..).unwrap_or_default());
    let odd = pairs.fold(false, |odd, (&this, &next)| {
        odd | ((this == b'\r') != (next == b'\n')) | ((this == b'\n') & (next == b'.'))
    });
    !odd
}

/// Whether no line is longer than the limit: from each line's beginning the last end within reach is looked for.
fn are_short(lines: &[u8], limit: usize) -> bool {
    let reach = limit.saturating_add(2);
    let mut rest = lines;
    while rest.len() > reach {
        let Some(end) = rest.get(..reach).and_then(|reached| memchr::memrchr(b'\n', reached)) else {
            return false;
        };
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests;
