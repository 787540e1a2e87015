//! Back to smtp and lmtp: exactly our changes are undone, whatever else happened to master.cf since.

use crate::install::conversion::CACHE_SERVICE;
use crate::install::edits::Edit;
use crate::install::master_cf::{self, MasterCfError, Service};
use std::collections::{HashMap, HashSet};

/// It cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestorationError {
    /// master.cf.
    #[error(transparent)]
    MasterCf(#[from] MasterCfError),
    /// The files kept beside it.
    #[error("the files that were kept of the installation are damaged: {0}")]
    Kept(MasterCfError),
    /// Somebody changed a line of ours.
    #[error(
        "line {number}: the line of service {service} runs our program and was edited since the installation"
    )]
    Edited {
        /// Of the line.
        number: usize,
        /// The service's name.
        service: String,
    },
}

/// The edits of `current` that take out what made `applied` of `before`; none where nothing of ours is there.
///
/// # Errors
/// [`RestorationError`].
pub fn restore(current: &[u8], before: &[u8], applied: &[u8]) -> Result<Vec<Edit>, RestorationError> {
    let kept = |text| master_cf::services(text).map_err(RestorationError::Kept);
    let (old, new) = (kept(before)?, kept(applied)?);
    let untouched: HashSet<&[u8]> = old.iter().map(|service| line(before, service)).collect();
    let mut ours: HashMap<&[u8], Option<&[u8]>> = HashMap::new();
    let mut commands: HashSet<&str> = HashSet::new();
    let mut old = old.iter();
    for service in &new {
        let made = line(applied, service);
        let was = if is_cache(service) { None } else { old.next().map(|old| line(before, old)) };
        if was != Some(made) {
            ours.insert(made, was);
            commands.insert(&service.command);
        }
    }
    let mut edits = Vec::new();
    for service in master_cf::services(current)? {
        let now = line(current, &service);
        if let Some(was) = ours.get(now) {
            edits.push(undone(&service, now, *was));
        } else if commands.contains(service.command.as_str()) && !untouched.contains(now) {
            return Err(RestorationError::Edited { number: service.number, service: service.name });
        }
    }
    Ok(edits)
}

/// The line that installation adds. It refuses a file that has a service of this name.
fn is_cache(service: &Service) -> bool {
    service.name == CACHE_SERVICE && service.kind == "unix"
}

/// A service's octets without the last line end, which the last line of a file may lack.
fn line<'a>(text: &'a [u8], service: &Service) -> &'a [u8] {
    let octets = text.get(service.range.clone()).unwrap_or_default();
    octets.strip_suffix(b"\n").unwrap_or(octets)
}

fn undone(service: &Service, now: &[u8], was: Option<&[u8]>) -> Edit {
    let start = service.range.start;
    match was {
        Some(was) => Edit { range: start..start + now.len(), new: was.to_vec() },
        None => Edit { range: service.range.clone(), new: Vec::new() },
    }
}
