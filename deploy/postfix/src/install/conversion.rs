//! From smtp and lmtp to our programs: which places of master.cf change, and what master will start then.

use crate::command_line::CommandLine;
use crate::install::edits::Edit;
use crate::install::master_cf::{self, MasterCfError, Service};
use std::ffi::OsString;
use std::path::{Component, Path};

/// The service that our cache has.
pub const CACHE_SERVICE: &str = "bscache";
/// Its parameter.
pub const CACHE_PARAMETER: &str = "connection_cache_service_name";

/// Our programs as master.cf has to name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// `baton-smtp`
    pub smtp: String,
    /// The same program under a name that makes it lmtp.
    pub lmtp: String,
    /// `baton-scache`, where it is installed.
    pub cache: Option<String>,
}

/// A line that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// Of the line.
    pub number: usize,
    /// The service's name.
    pub service: String,
    /// What master will call our program with.
    pub arguments: Vec<String>,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversion {
    /// In order; empty where nothing runs smtp or lmtp.
    pub edits: Vec<Edit>,
    /// The lines.
    pub converted: Vec<Converted>,
    /// Lines that run a program of one of these names from elsewhere: perhaps somebody's own.
    pub foreign: Vec<String>,
}

/// It cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// The file.
    #[error(transparent)]
    MasterCf(#[from] MasterCfError),
    /// Our name is taken.
    #[error(
        "line {0}: there is a service {CACHE_SERVICE} that this program did not make; remove or rename it"
    )]
    Taken(usize),
    /// The administrator's choice of a cache would win over ours.
    #[error(
        "line {0}: -o {CACHE_PARAMETER} is set by hand; remove it, our programs cannot talk to another cache"
    )]
    Cache(usize),
    /// The trial would be of nothing.
    #[error("no service {0} runs smtp or lmtp")]
    Nobody(String),
}

/// Why master.cf cannot name a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: master.cf cannot name it; its path must be absolute, UTF-8, and without white space")]
pub struct Unnameable(String);

/// How a line of master.cf names a program: master puts `daemon_directory` and a slash before it, whatever it is. Both
/// paths are without symbolic links (but for the program's own name), since `..` follows what is, not what is written.
///
/// # Errors
/// [`Unnameable`].
pub fn command(program: &Path, daemon_directory: &Path) -> Result<String, Unnameable> {
    let unnameable = || Unnameable(program.display().to_string());
    let path = program.to_str().filter(|path| path.starts_with('/')).ok_or_else(unnameable)?;
    if path.contains(|letter: char| letter.is_ascii_whitespace() || letter.is_ascii_control()) {
        return Err(unnameable());
    }
    let depth = daemon_directory.components().filter(|part| matches!(part, Component::Normal(_))).count();
    let up = vec![".."; depth.max(1)].join("/");
    Ok(format!("{up}{path}"))
}

/// What follows our command where we have a cache.
#[must_use]
pub fn option() -> String {
    format!(" -o {CACHE_PARAMETER}={CACHE_SERVICE}")
}

/// All that must change so that nothing runs smtp or lmtp; with names in `only`, so that these services do not.
///
/// # Errors
/// [`ConversionError`].
pub fn convert(text: &[u8], commands: &Commands, only: &[String]) -> Result<Conversion, ConversionError> {
    let services = master_cf::services(text)?;
    let stock = |service: &&Service| matches!(service.command.as_str(), "smtp" | "lmtp");
    if let Some(nobody) =
        only.iter().find(|&name| !services.iter().filter(stock).any(|service| service.name == *name))
    {
        return Err(ConversionError::Nobody(nobody.clone()));
    }
    let ours = |service: &&Service| stock(service) && (only.is_empty() || only.contains(&service.name));
    let mut conversion = Conversion::default();
    for service in services.iter().filter(ours) {
        let command = if service.command == "lmtp" { &commands.lmtp } else { &commands.smtp };
        // Options come before the words that may follow them.
        let new = match &commands.cache {
            Some(_) => format!("{command}{}", option()),
            None => command.clone(),
        };
        let arguments = arguments(service, command);
        if sets_cache(&arguments) {
            return Err(ConversionError::Cache(service.number));
        }
        let (number, name) = (service.number, service.name.clone());
        conversion.converted.push(Converted { number, service: name, arguments });
        conversion.edits.push(Edit { range: service.command_range.clone(), new: new.into_bytes() });
    }
    conversion.foreign = services.iter().filter_map(foreign).collect();
    if !conversion.edits.is_empty() {
        let taken = services.iter().find(|service| service.name == CACHE_SERVICE && service.kind == "unix");
        if let Some(taken) = taken {
            return Err(ConversionError::Taken(taken.number));
        }
        conversion.edits.extend(commands.cache.as_deref().and_then(|cache| cache_line(&services, cache)));
        conversion.edits.sort_by_key(|edit| edit.range.start);
    }
    Ok(conversion)
}

fn foreign(service: &Service) -> Option<String> {
    let (_, name) = service.command.rsplit_once('/')?;
    let Service { number, name: service, command, .. } = service;
    matches!(name, "smtp" | "lmtp")
        .then(|| format!("line {number}: service {service} runs {command}, and goes on to"))
}

/// Before the stock cache's line, else before the first line that changes: a line that is added at the end would have to
/// complete the one before it, where that has no line end.
fn cache_line(services: &[Service], cache: &str) -> Option<Edit> {
    let stock = services.iter().find(|service| service.command == "scache");
    let place = stock.or_else(|| services.iter().find(|s| matches!(s.command.as_str(), "smtp" | "lmtp")))?;
    let start = place.range.start;
    let new = format!("{CACHE_SERVICE}   unix  -       -       n       -       1       {cache}\n");
    Some(Edit { range: start..start, new: new.into_bytes() })
}

/// Whether they set our parameter already. Arguments that our program does not understand are found elsewhere.
fn sets_cache(arguments: &[String]) -> bool {
    let line = CommandLine::parse(arguments.iter().map(OsString::from));
    let options = line.map(|line| line.options).unwrap_or_default();
    let name = |option: &String| option.split('=').next().map(|name| name.trim().to_owned());
    options.iter().filter_map(name).any(|name| name == CACHE_PARAMETER)
}

/// As master makes them up.
fn arguments(service: &Service, command: &str) -> Vec<String> {
    let mut arguments = vec![command.to_owned()];
    match service.limit.as_str() {
        "1" => arguments.push("-l".into()),
        "0" => arguments.push("-z".into()),
        _ => {}
    }
    arguments.extend(["-n", &service.name, "-t", &service.kind].map(str::to_owned));
    let flags = [("-u", service.unprivileged), ("-c", service.chroot)];
    arguments.extend(flags.into_iter().filter(|flag| flag.1).map(|flag| flag.0.to_owned()));
    arguments.extend(service.arguments.iter().cloned());
    arguments
}
