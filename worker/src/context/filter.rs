//! The tables of `smtp_dns_reply_filter`.

use super::ContextError;
use super::tables::Asked;
use maincf::tables::{Opener, TableList};
use route::dns::RecordFilter;

/// Opened once; tables that cannot be opened cannot answer, so that nothing is used that they were to hide.
#[derive(Debug)]
pub(super) struct ReplyFilter(Asked);

impl ReplyFilter {
    pub(super) fn open(list: &TableList, opener: &dyn Opener) -> Result<Self, ContextError> {
        Asked::open("smtp_dns_reply_filter", list, opener).map(Self)
    }
}

impl RecordFilter for ReplyFilter {
    fn action(&self, record: &str) -> Result<Option<String>, String> {
        self.0.lookup(record).map_err(|error| error.to_string())
    }
}
