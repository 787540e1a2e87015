//! Concurrency feedback: the amount one delivery adds to or takes from a window, and its main.cf form.

use std::str::FromStr;

use thiserror::Error;

/// What one delivery counts, of `<transport>_destination_concurrency_positive_feedback` and `..._negative_feedback`.
///
/// Text forms: `number`, `number/number`, `number/concurrency`, `number/sqrt_concurrency`; the amount lies in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feedback {
    base: f64,
    divisor: Divisor,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Divisor {
    One,
    Concurrency,
    SqrtConcurrency,
}

/// A feedback value the administrator wrote that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FeedbackError {
    /// Neither a number nor `number/divisor`.
    #[error("\"{0}\" is not a feedback amount: use NUMBER, NUMBER/concurrency or NUMBER/sqrt_concurrency")]
    Syntax(String),
    /// A number, but below 0 or above 1.
    #[error("feedback amount \"{0}\" is outside 0..1")]
    Range(String),
}

impl Feedback {
    /// A whole step per delivery: the default of both parameters.
    pub const ONE: Self = Self { base: 1.0, divisor: Divisor::One };

    /// The same amount at every concurrency.
    pub fn constant(amount: f64) -> Self {
        Self { base: amount, divisor: Divisor::One }
    }

    /// Divided by the concurrency: one amount per window of deliveries.
    pub fn per_concurrency(amount: f64) -> Self {
        Self { base: amount, divisor: Divisor::Concurrency }
    }

    /// Divided by the square root of the concurrency.
    pub fn per_sqrt_concurrency(amount: f64) -> Self {
        Self { base: amount, divisor: Divisor::SqrtConcurrency }
    }

    /// The amount at a window of `concurrency`.
    pub(crate) fn amount(self, concurrency: u32) -> f64 {
        let concurrency = f64::from(concurrency.max(1));
        match self.divisor {
            Divisor::One => self.base,
            Divisor::Concurrency => self.base / concurrency,
            Divisor::SqrtConcurrency => self.base / concurrency.sqrt(),
        }
    }
}

impl FromStr for Feedback {
    type Err = FeedbackError;

    fn from_str(text: &str) -> Result<Self, FeedbackError> {
        let syntax = || FeedbackError::Syntax(text.to_owned());
        let number = |part: &str| part.trim().parse::<f64>().map_err(|_| syntax());
        let (base, divisor) = match text.split_once('/') {
            None => (number(text)?, Divisor::One),
            Some((base, divisor)) => match divisor.trim() {
                "concurrency" => (number(base)?, Divisor::Concurrency),
                "sqrt_concurrency" => (number(base)?, Divisor::SqrtConcurrency),
                other => (number(base)? / number(other)?, Divisor::One),
            },
        };
        if (0.0..=1.0).contains(&base) {
            Ok(Self { base, divisor })
        } else {
            Err(FeedbackError::Range(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_has_its_amount() {
        for (text, at_four) in [
            ("1", 1.0),
            ("0", 0.0),
            ("1/2", 0.5),
            ("0.5", 0.5),
            ("1/concurrency", 0.25),
            (" 1 / sqrt_concurrency ", 0.5),
        ] {
            assert_eq!(text.parse::<Feedback>().unwrap().amount(4), at_four, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_by_name() {
        for text in ["", "one", "1/", "/concurrency", "1/window", "1/2/3"] {
            assert_eq!(text.parse::<Feedback>(), Err(FeedbackError::Syntax(text.to_owned())));
        }
        for text in ["-1", "2", "1/0", "0/0", "nan", "inf", "3/2"] {
            assert_eq!(text.parse::<Feedback>(), Err(FeedbackError::Range(text.to_owned())));
        }
    }
}
