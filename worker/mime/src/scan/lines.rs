//! Content as text and line ends: LF or CR LF end a line, a CR elsewhere is text.

use crate::header::LineEnd;

/// Who takes them.
pub(super) trait Sink {
    type Error;

    fn text(&mut self, text: &[u8]) -> Result<(), Self::Error>;

    fn end(&mut self, end: LineEnd) -> Result<(), Self::Error>;
}

/// Between two pieces of content.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// The last octet was a CR, which was not passed on.
    cr: bool,
}

impl Lines {
    pub(super) fn feed<S: Sink>(&mut self, content: &[u8], sink: &mut S) -> Result<(), S::Error> {
        let mut rest = content;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.cr) {
                if *first == b'\n' {
                    sink.end(LineEnd::CrLf)?;
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                sink.text(b"\r")?;
            }
            let (text, odd) = rest.split_at(memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len()));
            if !text.is_empty() {
                sink.text(text)?;
            }
            match odd.first() {
                Some(b'\n') => sink.end(LineEnd::Lf)?,
                Some(_) => self.cr = true,
                None => {}
            }
            rest = odd.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        if std::mem::take(&mut self.cr) { sink.text(b"\r") } else { Ok(()) }
    }
}
