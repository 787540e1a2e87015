//! Whether our program would start on every line, asked of the program's own start.

use crate::command_line::{CommandLine, CommandLineError};
use crate::install::conversion::Converted;
use crate::start::{self, StartError};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// What is to be said of the lines, each text once, with the services that it is about.
#[derive(Debug, Default)]
pub struct Review {
    /// For these the program would not start.
    pub refused: Notes,
    /// These would not act.
    pub warnings: Notes,
}

/// Texts and services.
pub type Notes = BTreeMap<String, Vec<String>>;

/// A line on which our program would not start.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Line(#[from] CommandLineError),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Reads main.cf and opens tables as the program does. The current folder must be the queue's root.
#[must_use]
pub fn review(converted: &[Converted], configuration: &Path) -> Review {
    let mut review = Review::default();
    for line in converted {
        let service = format!("{} (line {})", line.service, line.number);
        let arguments = line.arguments.iter().map(OsString::from);
        let rehearsed = CommandLine::parse(arguments)
            .map_err(Refusal::from)
            .and_then(|parsed| Ok(start::rehearse(&parsed, configuration)?));
        match rehearsed {
            Ok(warnings) => {
                for warning in warnings {
                    review.warnings.entry(warning.to_string()).or_default().push(service.clone());
                }
            }
            // One error a line.
            Err(refusal) => {
                for text in refusal.to_string().lines() {
                    review.refused.entry(text.to_owned()).or_default().push(service.clone());
                }
            }
        }
    }
    review
}
