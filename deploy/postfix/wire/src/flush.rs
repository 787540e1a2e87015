//! That mail for a site was deferred, told to flush(8), which knows then what ETRN means.

use crate::attr::List;
use crate::text::Text;

/// A message that waits for a site.
#[derive(Debug, Clone, Copy)]
pub struct Add<'a> {
    /// The recipient's domain.
    pub site: &'a str,
    /// The message.
    pub queue_id: &'a Text,
}

impl Add<'_> {
    /// The list. The answer is a status: 0 done, 3 bad, 4 not served, −1 failed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        List::new().word("request", "add").word("site", self.site).text("queue_id", self.queue_id).end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_addition_has_three_attributes() {
        let queue_id = "ABC".into();
        let want: &[u8] = b"request\0add\0site\0x.example\0queue_id\0ABC\0\0";
        assert_eq!(Add { site: "x.example", queue_id: &queue_id }.encode(), want);
    }
}
