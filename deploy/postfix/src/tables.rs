//! Tables as an agent opens them: what is wrong with one makes mail wait that needs it, and nothing else.

use crate::proxymap::Proxymap;
use maincf::tables::{BadRules, IndexFile, OpenError, Opener, Table, TableSpec, Unavailable};
use std::cell::RefCell;
use std::sync::Arc;

/// Of one process, which ends when a file of its tables is a new one.
#[derive(Debug)]
pub struct AgentTables {
    proxymap: Arc<Proxymap>,
    files: RefCell<Vec<(String, Arc<IndexFile>)>>,
}

impl AgentTables {
    /// `proxy:` goes to this service.
    #[must_use]
    pub fn new(proxymap: Proxymap) -> Self {
        Self { proxymap: Arc::new(proxymap), files: RefCell::default() }
    }

    /// All that was opened.
    #[must_use]
    pub fn watch(self) -> Watch {
        Watch(self.files.into_inner())
    }
}

impl Opener for AgentTables {
    fn proxied(&self, spec: &TableSpec) -> Option<Result<Box<dyn Table>, OpenError>> {
        Some(self.proxymap.open(spec))
    }

    fn missing(&self, spec: &TableSpec, error: OpenError) -> Result<Box<dyn Table>, OpenError> {
        match error {
            // Nobody will mend these while the process runs, and the operator is to hear which it is.
            OpenError::NotServed(_) | OpenError::NotBuilt(_) => Err(error),
            error => {
                tracing::error!("{spec} is unavailable. {error}");
                Ok(Box::new(Unavailable::new(spec, error)))
            }
        }
    }

    fn bad_rules(&self) -> BadRules {
        BadRules::LeftOut
    }

    fn opened(&self, spec: &TableSpec, file: &Arc<IndexFile>) {
        self.files.borrow_mut().push((spec.to_string(), Arc::clone(file)));
    }
}

/// Files of opened tables.
#[derive(Debug, Default)]
pub struct Watch(Vec<(String, Arc<IndexFile>)>);

impl Watch {
    /// The first table whose file is not what was opened.
    #[must_use]
    pub fn changed(&self) -> Option<&str> {
        self.0.iter().find(|(_, file)| file.has_changed()).map(|(table, _)| table.as_str())
    }
}

/// Nobody asks these tables: it is only looked whether they could be opened. What proxymap opens is its business.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsed;

impl Opener for Rehearsed {
    fn proxied(&self, spec: &TableSpec) -> Option<Result<Box<dyn Table>, OpenError>> {
        Some(Ok(Box::new(Unavailable::new(spec, "nobody asks"))))
    }
}
