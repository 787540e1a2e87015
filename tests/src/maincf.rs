//! main.cf files for tests.

use std::fmt::Write as _;

/// Parameters in the order they were set; a later value of the same name replaces the earlier one.
#[derive(Debug, Clone, Default)]
pub struct MainCf(Vec<(String, String)>);

impl MainCf {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        assert!(!value.contains('\n'), "a line break in {name}");
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some(row) => row.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name} = {value}");
            text
        })
    }
}
