//! Which kinds of trouble the postmaster hears of (`notify_classes`).

use super::list::words;
use super::{Value, ValueError};

/// Those that this program tells of. The others are known and have no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyClasses {
    /// Mail that goes back to its sender.
    pub bounce: bool,
    /// Mail without sender that cannot be delivered.
    pub double_bounce: bool,
    /// What was asked for by name and is not told.
    pub untold: Vec<&'static str>,
}

const KNOWN: &[&str] = &["bounce", "2bounce", "data", "delay", "policy", "protocol", "resource", "software"];

impl Value for NotifyClasses {
    const KIND: &'static str = "list of: bounce 2bounce data delay policy protocol resource software";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut classes = Self::default();
        for word in words(text)? {
            let lower = word.to_ascii_lowercase();
            match KNOWN.iter().find(|known| **known == lower) {
                Some(&"bounce") => classes.bounce = true,
                Some(&"2bounce") => classes.double_bounce = true,
                // The default: they are for programs that run out of memory or have defects.
                Some(&("resource" | "software")) => {}
                Some(other) => classes.untold.push(other),
                None => return Err(ValueError::NotOneOf { word: word.into(), allowed: KNOWN }),
            }
        }
        Ok(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_or_named_as_untold() {
        let classes = NotifyClasses::parse("Bounce, 2bounce protocol resource", "").unwrap();
        assert!(classes.bounce && classes.double_bounce);
        assert_eq!(classes.untold, ["protocol"]);
        assert_eq!(NotifyClasses::parse("", ""), Ok(NotifyClasses::default()));
        assert!(NotifyClasses::parse("bounces", "").is_err());
    }
}
