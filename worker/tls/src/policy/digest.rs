//! SHA-256 over fields that cannot run into each other.

use sha2::{Digest as _, Sha256};

/// Fields, each with its length before it.
pub(crate) struct Fields(Sha256);

impl Fields {
    /// `purpose` keeps digests of different things apart.
    pub(crate) fn new(purpose: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.text(purpose);
        fields
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.0.update((octets.len() as u64).to_be_bytes());
        self.0.update(octets);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.octets(text.as_bytes())
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.octets(&number.to_be_bytes())
    }

    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.number(u64::from(flag))
    }

    /// `None` and `Some("")` differ.
    pub(crate) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        self.flag(text.is_some()).text(text.unwrap_or_default())
    }

    /// A list, with its length.
    pub(crate) fn each<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut add: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.number(items.len() as u64);
        items.for_each(|item| add(self, item));
        self
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let digest = |texts: &[&str]| {
            let mut fields = Fields::new("test");
            texts.iter().for_each(|text| {
                fields.text(text);
            });
            fields.finish()
        };
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
        assert_ne!(Fields::new("one").finish(), Fields::new("two").finish());
    }

    #[test]
    fn absent_is_not_empty() {
        let digest = |text: Option<&str>| {
            let mut fields = Fields::new("test");
            fields.optional(text);
            fields.finish()
        };
        assert_ne!(digest(None), digest(Some("")));
    }
}
