//! Keeps secrets out of what a server says: some repeat the command that they did not like.

use zeroize::Zeroizing;

/// Shorter secrets are not looked for: they would be found in every word.
const SHORTEST: usize = 4;

/// What must not be repeated.
#[derive(Default)]
pub(crate) struct Veil(Vec<Zeroizing<String>>);

impl Veil {
    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.0.push(Zeroizing::new(secret.to_owned()));
        }
    }

    /// `text` with `***` in place of every secret.
    pub(crate) fn over(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), "***") } else { text }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_veiled_and_short_ones_are_not_looked_for() {
        let mut veil = Veil::default();
        for secret in ["AHUAcGFzcw==", "pass", "a", ""] {
            veil.hide(secret);
        }
        assert_eq!(
            veil.over("500 what is AUTH PLAIN AHUAcGFzcw== (pass, a)?"),
            "500 what is AUTH PLAIN *** (***, a)?"
        );
    }
}
