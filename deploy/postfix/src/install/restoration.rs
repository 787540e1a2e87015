//! Back to smtp and lmtp: exactly our changes are undone, whatever else happened to master.cf since.

use crate::install::conversion::{self, CACHE_PARAMETER, CACHE_SERVICE};
use crate::install::edits::Edit;
use crate::install::master_cf::{self, MasterCfError, Service};
use std::collections::{HashMap, HashSet};

/// What takes our changes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restoration {
    /// In order; none where nothing of ours is there.
    pub edits: Vec<Edit>,
    /// Lines of ours that are not as the installation left them: what others changed in them stays.
    pub edited: Vec<String>,
}

/// It cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestorationError {
    /// master.cf.
    #[error(transparent)]
    MasterCf(#[from] MasterCfError),
    /// The files kept beside it.
    #[error("the files that were kept of the installation are damaged: {0}")]
    Kept(MasterCfError),
    /// Somebody wrote our cache's name by hand.
    #[error(
        "line {number}: service {service} was edited and sets {CACHE_PARAMETER}={CACHE_SERVICE} in a way of its own; \
         take that out by hand, then do this again"
    )]
    Edited {
        /// Of the line.
        number: usize,
        /// The service's name.
        service: String,
    },
}

/// For each of our commands, as master.cf has it, the one that it stands for. The cache stands for none.
type Stands<'a> = HashMap<&'a str, Option<&'a str>>;

/// What makes `current` what it would be without that which made `applied` of `before`.
///
/// # Errors
/// [`RestorationError`].
pub fn restore(current: &[u8], before: &[u8], applied: &[u8]) -> Result<Restoration, RestorationError> {
    let kept = |text| master_cf::services(text).map_err(RestorationError::Kept);
    let (old, new) = (kept(before)?, kept(applied)?);
    let untouched: HashSet<&[u8]> = old.iter().map(|service| line(before, service)).collect();
    let mut ours: HashMap<&[u8], Option<&[u8]>> = HashMap::new();
    let mut stands = Stands::new();
    let mut old = old.iter();
    for service in &new {
        let made = line(applied, service);
        let was = if is_cache(service) { None } else { old.next() };
        let text = was.map(|was| line(before, was));
        if text != Some(made) {
            ours.insert(made, text);
            stands.insert(&service.command, was.map(|was| was.command.as_str()));
        }
    }
    let mut restoration = Restoration::default();
    for service in master_cf::services(current)? {
        let now = line(current, &service);
        if let Some(was) = ours.get(now) {
            restoration.edits.push(undone(&service, now, *was));
        } else if let Some(word) = stands.get(service.command.as_str())
            && !untouched.contains(now)
        {
            restoration.take_out(current, &service, *word)?;
        }
    }
    Ok(restoration)
}

/// The same where nothing was kept: what runs programs of our names is taken for ours.
///
/// # Errors
/// [`RestorationError`].
pub fn restore_by_name(current: &[u8]) -> Result<Restoration, RestorationError> {
    let mut restoration = Restoration::default();
    for service in master_cf::services(current)? {
        let (_, name) = service.command.rsplit_once('/').unwrap_or(("", &service.command));
        let named = [("baton-smtp", Some("smtp")), ("baton-lmtp", Some("lmtp")), ("baton-scache", None)];
        if let Some((_, word)) = named.into_iter().find(|(ours, _)| *ours == name) {
            restoration.take_out(current, &service, word)?;
        }
    }
    Ok(restoration)
}

impl Restoration {
    /// Only our words go; the others may be the administrator's.
    fn take_out(
        &mut self,
        current: &[u8],
        service: &Service,
        word: Option<&str>,
    ) -> Result<(), RestorationError> {
        let (number, name) = (service.number, &service.name);
        self.edited.push(format!("line {number}, service {name}"));
        let Some(word) = word else {
            self.edits.push(Edit { range: service.range.clone(), new: Vec::new() });
            return Ok(());
        };
        let mut range = service.command_range.clone();
        let rest = current.get(range.end..service.range.end).unwrap_or_default();
        let option = conversion::option();
        let has_option = rest
            .strip_prefix(option.as_bytes())
            .is_some_and(|after| after.first().is_none_or(u8::is_ascii_whitespace));
        if has_option {
            range.end += option.len();
        }
        // Stock's agents would look for a cache that they cannot talk to.
        let ends_with =
            |argument: &String| argument.replace(' ', "").ends_with(option.trim_start_matches(" -o "));
        if service.arguments.iter().filter(|argument| ends_with(argument)).count() > usize::from(has_option) {
            return Err(RestorationError::Edited { number, service: name.clone() });
        }
        self.edits.push(Edit { range, new: word.as_bytes().to_vec() });
        Ok(())
    }
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
