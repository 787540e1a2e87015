//! Octets as a person can read them.

/// The longest line that is shown whole.
const LONGEST: usize = 300;

/// What is not printable becomes `\x..`; a long line is cut, and its length told.
pub(super) fn visible(line: &[u8]) -> String {
    let shown = line.get(..LONGEST).unwrap_or(line);
    let mut text: String = shown.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"");
    if shown.len() < line.len() {
        text.push_str(&format!("… ({} octets)", line.len()));
    }
    text
}
