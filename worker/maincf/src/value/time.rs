//! Times: a number and a unit, where the unit of the default holds if none is written.

use std::time::Duration;

use super::{Value, ValueError};

/// The longest time: what Postfix can represent, in seconds.
const LONGEST: u64 = i32::MAX as u64;

impl Value for Duration {
    const KIND: &'static str = "time (s, m, h, d, w)";

    fn parse(text: &str, default: &str) -> Result<Self, ValueError> {
        let (number, unit) = split(text);
        if number.is_empty() {
            // The number's own error says whether it is missing or malformed.
            return u64::parse(text, "").map(Self::from_secs);
        }
        let unit = if unit.is_empty() { split(default.trim()).1 } else { unit };
        let seconds: u64 = match unit {
            "" | "s" | "S" => 1,
            "m" | "M" => 60,
            "h" | "H" => 3600,
            "d" | "D" => 86_400,
            "w" | "W" => 604_800,
            other => return Err(ValueError::UnknownUnit(other.into())),
        };
        let number: u64 = number.parse().map_err(|_| ValueError::TimeTooLong)?;
        match number.checked_mul(seconds) {
            Some(total) if total <= LONGEST => Ok(Self::from_secs(total)),
            _ => Err(ValueError::TimeTooLong),
        }
    }
}

/// Leading digits, and what follows them without the space in between.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_takes_the_unit_of_the_default() {
        assert_eq!(Duration::parse("3", "5d"), Ok(Duration::from_secs(3 * 86_400)));
        assert_eq!(Duration::parse("3", "300s"), Ok(Duration::from_secs(3)));
        assert_eq!(Duration::parse("2h", "5d"), Ok(Duration::from_secs(7200)));
        assert_eq!(Duration::parse("1w", "1s"), Ok(Duration::from_secs(604_800)));
    }

    #[test]
    fn bad_times_say_why() {
        assert_eq!(Duration::parse("5x", "1s"), Err(ValueError::UnknownUnit("x".into())));
        assert_eq!(Duration::parse("99999999999d", "1s"), Err(ValueError::TimeTooLong));
        assert_eq!(Duration::parse("99999999999999999999999s", "1s"), Err(ValueError::TimeTooLong));
        assert!(matches!(Duration::parse("", "1s"), Err(ValueError::NotANumber(_))));
        assert!(matches!(Duration::parse("s", "1s"), Err(ValueError::NotANumber(_))));
        assert!(matches!(Duration::parse("-1s", "1s"), Err(ValueError::NotANumber(_))));
    }
}
