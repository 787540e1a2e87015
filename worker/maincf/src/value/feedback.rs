//! Concurrency feedback: how much one delivery's outcome moves a destination's concurrency.

use super::{Value, ValueError};

/// A step as a function of the current concurrency, so that few or many deliveries make one whole step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Feedback {
    /// The same at every concurrency.
    Constant(f64),
    /// Divided by the concurrency: one whole step per window of deliveries.
    PerConcurrency(f64),
    /// Divided by the square root of the concurrency.
    PerSqrtConcurrency(f64),
}

impl Feedback {
    /// The step at this concurrency; a concurrency below 1 counts as 1.
    pub fn at(self, concurrency: u32) -> f64 {
        let concurrency = f64::from(concurrency.max(1));
        match self {
            Self::Constant(step) => step,
            Self::PerConcurrency(step) => step / concurrency,
            Self::PerSqrtConcurrency(step) => step / concurrency.sqrt(),
        }
    }
}

impl Value for Feedback {
    const KIND: &'static str = "number 0-1, /concurrency or /sqrt_concurrency";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let (number, divisor) = match text.split_once('/') {
            Some((number, divisor)) => (number.trim(), Some(divisor.trim())),
            None => (text.trim(), None),
        };
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let step: f64 = match number.parse() {
            Ok(step) if plain && (0.0..=1.0).contains(&step) => step,
            _ => return Err(ValueError::NotFeedback),
        };
        match divisor {
            None => Ok(Self::Constant(step)),
            Some("concurrency") => Ok(Self::PerConcurrency(step)),
            Some("sqrt_concurrency") => Ok(Self::PerSqrtConcurrency(step)),
            Some(_) => Err(ValueError::NotFeedback),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms() {
        assert_eq!(Feedback::parse("1", ""), Ok(Feedback::Constant(1.0)));
        assert_eq!(Feedback::parse("0.5 / concurrency", ""), Ok(Feedback::PerConcurrency(0.5)));
        assert_eq!(Feedback::parse("1/sqrt_concurrency", "").unwrap().at(16), 0.25);
        assert_eq!(Feedback::PerConcurrency(1.0).at(0), 1.0);
    }

    #[test]
    fn other_forms_are_errors() {
        for text in ["", "2", "-1", "inf", "1e0", "1/", "1/square", "1/concurrency/2"] {
            assert_eq!(Feedback::parse(text, ""), Err(ValueError::NotFeedback), "{text:?}");
        }
    }
}
