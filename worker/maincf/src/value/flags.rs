//! What a transport's last hop adds to mail: `flags=DORX` of Postfix's master.cf.

use super::{Value, ValueError};

/// Each letter is one duty of whoever delivers to a mail store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFlags {
    /// `D`: a Delivered-To header, and mail that has this one already is looping.
    pub delivered_to: bool,
    /// `O`: an X-Original-To header.
    pub original_to: bool,
    /// `R`: a Return-Path header.
    pub return_path: bool,
    /// `X`: success means that the message was delivered, not that it was passed on.
    pub final_delivery: bool,
}

impl DeliveryFlags {
    /// Whether what is added differs by recipient, so that each needs a delivery of its own.
    #[must_use]
    pub const fn by_recipient(self) -> bool {
        self.delivered_to || self.original_to
    }

    /// The letters, as they are parsed.
    #[must_use]
    pub fn letters(self) -> String {
        let Self { delivered_to, original_to, return_path, final_delivery } = self;
        let all = [(delivered_to, 'D'), (original_to, 'O'), (return_path, 'R'), (final_delivery, 'X')];
        all.into_iter().filter_map(|(set, letter)| set.then_some(letter)).collect()
    }
}

impl Value for DeliveryFlags {
    const KIND: &'static str = "any of the letters D, O, R, X";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut flags = Self::default();
        for letter in text.chars() {
            match letter {
                'D' => flags.delivered_to = true,
                'O' => flags.original_to = true,
                'R' => flags.return_path = true,
                'X' => flags.final_delivery = true,
                _ => {
                    let allowed = &["D", "O", "R", "X"];
                    return Err(ValueError::NotOneOf { word: letter.into(), allowed });
                }
            }
        }
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_any_order_and_no_others() {
        let all = DeliveryFlags::parse("XROD", "").unwrap();
        assert_eq!((all.letters().as_str(), all.by_recipient()), ("DORX", true));
        assert_eq!(DeliveryFlags::parse("", ""), Ok(DeliveryFlags::default()));
        assert!(!DeliveryFlags::parse("RX", "").unwrap().by_recipient());
        for text in ["d", "DZ", "D O"] {
            assert!(DeliveryFlags::parse(text, "").is_err(), "{text}");
        }
    }
}
