//! Tables that proxymap(8) opens for others: what a client asks, and what it is told.

use crate::attr::{AttrError, Fields, List};
use crate::greeting::Release;
use crate::text::Text;

/// How tables are used here: locked while they are read, keys folded where the type does so, keys in UTF-8.
const REQUEST: i32 = 0x40 | 0x4000 | 0x8_0000;
/// What of [`REQUEST`] makes another instance of a table, by releases that are told this at the opening: nothing.
const INSTANCE: i32 = 0;
/// The table compares keys with patterns.
const PATTERN: i32 = 0x20;

/// A question about one table, `type:name` without `proxy:`.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Whose dialect.
    pub release: Release,
    /// Which table.
    pub table: &'a str,
}

/// What is known of a table, from the server's last word on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableFlags(i32);

impl TableFlags {
    /// Whether keys are compared with patterns, so that parts of them mean nothing.
    #[must_use]
    pub const fn is_pattern(self) -> bool {
        self.0 & PATTERN != 0
    }
}

/// The server's refusal or trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It could not look; later it may.
    #[error("lookup error")]
    Retry,
    /// It does not understand the request.
    #[error("invalid request")]
    Bad,
    /// `proxy_read_maps` does not have the table.
    #[error("the table is not in proxy_read_maps")]
    NotApproved,
    /// The table is not as it should be.
    #[error("configuration error")]
    Configuration,
    /// A number that nobody knows.
    #[error("unknown status {0}")]
    Unknown(i32),
}

/// An answer of whatever kind.
pub type Answer<T> = Result<T, Trouble>;

impl Asked<'_> {
    /// Asks for the table to be opened. The answer is for [`Asked::opened`].
    #[must_use]
    pub fn open(self) -> Vec<u8> {
        let list = List::new().word("request", "open").word("table", self.table);
        if self.release.repeats_table_flags() {
            list.int("instance_flags", REQUEST).end()
        } else {
            list.int("flags", INSTANCE).end()
        }
    }

    /// What the table is like.
    ///
    /// # Errors
    /// This is no answer.
    pub fn opened(self, mut answer: Fields) -> Result<Answer<TableFlags>, AttrError> {
        let status = answer.int("status")?;
        let flags = TableFlags(answer.int("flags")?);
        answer.end()?;
        Ok(trouble(status).and_then(|found| found.map_or(Err(Trouble::Unknown(status)), |()| Ok(flags))))
    }

    /// Asks for a key's value. The answer is for [`Asked::found`].
    #[must_use]
    pub fn lookup(self, flags: TableFlags, key: &str) -> Vec<u8> {
        let list = List::new().word("request", "lookup").word("table", self.table);
        let list = if self.release.repeats_table_flags() {
            list.int("instance_flags", REQUEST).int("flags", flags.0)
        } else {
            list.int("flags", INSTANCE | REQUEST)
        };
        list.word("key", key).end()
    }

    /// The value, if the table has the key, and what the table is like now.
    ///
    /// # Errors
    /// This is no answer.
    pub fn found(
        self,
        before: TableFlags,
        mut answer: Fields,
    ) -> Result<(Answer<Option<Text>>, TableFlags), AttrError> {
        let status = answer.int("status")?;
        let repeats = self.release.repeats_table_flags();
        let flags = if repeats { TableFlags(answer.int("flags")?) } else { before };
        let value = answer.text("value")?;
        answer.end()?;
        Ok((trouble(status).map(|found| found.map(|()| value)), flags))
    }
}

/// `None`: there is no such key.
fn trouble(status: i32) -> Answer<Option<()>> {
    match status {
        0 => Ok(Some(())),
        1 => Ok(None),
        2 => Err(Trouble::Retry),
        3 => Err(Trouble::Bad),
        4 => Err(Trouble::NotApproved),
        5 => Err(Trouble::Configuration),
        other => Err(Trouble::Unknown(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attr::Incoming;

    fn asked(version: &str) -> Asked<'static> {
        Asked { release: Release::of_version(version).unwrap(), table: "hash:/t" }
    }

    fn list(text: &str) -> Fields {
        let mut incoming = Incoming::default();
        incoming.feed(text.replace('|', "\0").as_bytes());
        incoming.next_list().unwrap().unwrap()
    }

    fn shown(octets: Vec<u8>) -> String {
        String::from_utf8(octets).unwrap().replace('\0', "|")
    }

    #[test]
    fn questions_are_those_of_the_release() {
        let (old, new) = (asked("3.10.2"), asked("3.11.0"));
        assert_eq!(shown(old.open()), "request|open|table|hash:/t|flags|0||");
        assert_eq!(shown(new.open()), "request|open|table|hash:/t|instance_flags|540736||");
        let flags = TableFlags(0x51);
        let want = "request|lookup|table|hash:/t|flags|540736|key|k||";
        assert_eq!(shown(old.lookup(flags, "k")), want);
        let want = "request|lookup|table|hash:/t|instance_flags|540736|flags|81|key|k||";
        assert_eq!(shown(new.lookup(flags, "k")), want);
    }

    #[test]
    fn answers_are_a_value_none_or_trouble() {
        let (old, new) = (asked("3.7.11"), asked("3.12-20260821"));
        let flags = old.opened(list("status|0|flags|32||")).unwrap().unwrap();
        assert!(flags.is_pattern());
        assert!(!new.opened(list("status|0|flags|16||")).unwrap().unwrap().is_pattern());
        assert_eq!(old.opened(list("status|4|flags|0||")), Ok(Err(Trouble::NotApproved)));
        assert_eq!(old.opened(list("status|1|flags|0||")), Ok(Err(Trouble::Unknown(1))));
        let value = |text| old.found(flags, list(text)).map(|(answer, _)| answer);
        assert_eq!(value("status|0|value|v||"), Ok(Ok(Some("v".into()))));
        assert_eq!(value("status|1|value|||"), Ok(Ok(None)));
        assert_eq!(value("status|2|value|||"), Ok(Err(Trouble::Retry)));
        assert_eq!(value("status|5|value|||"), Ok(Err(Trouble::Configuration)));
        assert_eq!(
            new.found(flags, list("status|0|flags|16|value|v||")),
            Ok((Ok(Some("v".into())), TableFlags(16)))
        );
        assert!(new.found(flags, list("status|0|value|v||")).is_err());
        assert!(value("status|0||").is_err());
    }
}
