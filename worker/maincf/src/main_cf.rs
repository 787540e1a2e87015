//! main.cf after reading: what was set, where, and what stands in for the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::deployment::Deployment;
use crate::expand::{self, ExpandError};
use crate::known;
use crate::params;
use crate::parse::{self, SyntaxError};

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, counted from 1.
    File {
        /// As it was given to [`MainCf::read`] or [`MainCf::parse`].
        path: Arc<Path>,
        /// Where the logical line begins.
        line: u32,
    },
    /// `-o name=value`.
    Option,
    /// Nobody: the built-in default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Option => f.write_str("-o"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Unexpanded text and who set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As written, continuation joined, not expanded.
    pub text: String,
    /// Who set it.
    pub origin: Origin,
}

/// A configuration that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not main.cf syntax.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where the logical line begins.
        line: u32,
        /// What is wrong with it.
        reason: SyntaxError,
    },
    /// A `-o` option is not `name=value`.
    #[error("-o {text:?}: {reason}")]
    Option {
        /// The option's argument.
        text: String,
        /// What is wrong with it.
        reason: SyntaxError,
    },
}

/// All settings of one configuration, later ones in place of earlier ones.
#[derive(Clone, Debug)]
pub struct MainCf {
    settings: BTreeMap<String, Setting>,
    /// Names that the process itself knows: `process_name`, `service_name`, `process_id`.
    own: BTreeMap<&'static str, String>,
    deployment: Deployment,
    system_hostname: String,
}

impl MainCf {
    /// No configuration file: every parameter has its default for the standalone relay.
    pub fn none() -> Self {
        let system_hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            settings: BTreeMap::new(),
            own: BTreeMap::new(),
            deployment: Deployment::Standalone,
            system_hostname,
        }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let bytes = std::fs::read(path).map_err(|source| ReadError::Io { path: path.into(), source })?;
        Self::parse_bytes(&bytes, path)
    }

    /// Parses text; `path` is only for error messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ReadError> {
        Self::parse_bytes(text.as_bytes(), path)
    }

    fn parse_bytes(bytes: &[u8], path: &Path) -> Result<Self, ReadError> {
        let syntax = |line, reason| ReadError::Syntax { path: path.into(), line, reason };
        let mut cf = Self::none();
        let shared: Arc<Path> = path.into();
        for line in parse::logical_lines(bytes).map_err(|(line, reason)| syntax(line, reason))? {
            if !line.is_utf8 {
                return Err(syntax(line.number, SyntaxError::NotUtf8));
            }
            let (name, value) =
                parse::name_value(&line.text).map_err(|reason| syntax(line.number, reason))?;
            let origin = Origin::File { path: Arc::clone(&shared), line: line.number };
            cf.settings.insert(name.into(), Setting { text: value.into(), origin });
        }
        Ok(cf)
    }

    /// Applies the argument of `-o`: `name=value`, or the same in braces.
    pub fn set_option(&mut self, option: &str) -> Result<(), ReadError> {
        let text = option.trim();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let (name, value) =
            parse::name_value(inner).map_err(|reason| ReadError::Option { text: option.into(), reason })?;
        self.settings.insert(name.into(), Setting { text: value.into(), origin: Origin::Option });
        Ok(())
    }

    /// Chooses whose defaults hold; the standalone relay's where this is not called.
    #[must_use]
    pub fn for_deployment(mut self, deployment: Deployment) -> Self {
        self.deployment = deployment;
        self
    }

    /// Sets `process_name`, `service_name` and `process_id`, which no file can.
    #[must_use]
    pub fn in_process(mut self, process_name: &str, service_name: &str) -> Self {
        self.own.insert("process_id", std::process::id().to_string());
        self.own.insert("process_name", process_name.into());
        self.own.insert("service_name", service_name.into());
        self
    }

    /// Replaces the system's host name, which `myhostname` comes from when it is not set.
    #[must_use]
    pub fn with_system_hostname(mut self, name: &str) -> Self {
        self.system_hostname = name.into();
        self
    }

    /// The same as if nothing had been set: no default depends on another setting.
    #[must_use]
    pub(crate) fn without_settings(&self) -> Self {
        Self { settings: BTreeMap::new(), ..self.clone() }
    }

    /// Whose defaults hold.
    pub fn deployment(&self) -> Deployment {
        self.deployment
    }

    /// What was set, by name.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.settings.iter().map(|(name, setting)| (name.as_str(), setting))
    }

    /// What was set for this name, unexpanded.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }

    /// Unexpanded text of a name: what the process knows, else what was set, else the default.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.given(name).map(Cow::Borrowed).or_else(|| self.default_text(name))
    }

    /// The same without the default.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        let own = self.own.get(name).map(AsRef::as_ref);
        own.or_else(|| self.settings.get(name).map(|setting| setting.text.as_str()))
    }

    /// The unexpanded default in this deployment; `None` for names that are not known at all.
    pub fn default_text(&self, name: &str) -> Option<Cow<'_, str>> {
        let general = || params::find(name).map(|found| found.default()).or_else(|| known::default(name));
        self.special_default(name).or_else(general)
    }

    /// A default that depends on this machine or deployment, where a name has one.
    pub(crate) fn special_default(&self, name: &str) -> Option<Cow<'static, str>> {
        match name {
            "myhostname" => Some(Cow::Owned(self.default_hostname())),
            "mydomain" => Some(Cow::Owned(self.default_domain())),
            "mail_version" => Some(Cow::Borrowed(env!("CARGO_PKG_VERSION"))),
            name => self.deployment.default(name).map(Cow::Borrowed),
        }
    }

    /// The value of a name with everything in it expanded.
    pub fn expanded(&self, name: &str) -> Result<Option<String>, ExpandError> {
        match self.text(name) {
            Some(text) => self.expand_in(&text, Some(name)).map(Some),
            None => Ok(None),
        }
    }

    /// Expands a text.
    pub fn expand(&self, text: &str) -> Result<String, ExpandError> {
        self.expand_in(text, None)
    }

    /// Expands the text of `name`, so that a reference back to it is a loop.
    pub(crate) fn expand_in(&self, text: &str, name: Option<&str>) -> Result<String, ExpandError> {
        expand::expand(text, name, &|name| self.text(name))
    }

    /// The system's name; where it has no domain, `mydomain` or `localdomain` is added.
    fn default_hostname(&self) -> String {
        let name = &self.system_hostname;
        if name.contains('.') {
            return name.clone();
        }
        let set = self.settings.get("mydomain");
        // `mydomain = $myhostname` has no answer but the built-in one.
        let domain = set.and_then(|set| self.expand_in(&set.text, Some("myhostname")).ok());
        format!("{name}.{}", domain.as_deref().unwrap_or("localdomain"))
    }

    /// `myhostname` without its first label, or `localdomain`.
    fn default_domain(&self) -> String {
        let hostname = match self.settings.get("myhostname") {
            Some(setting) => self.expand_in(&setting.text, Some("mydomain")).unwrap_or_default(),
            None => self.default_hostname(),
        };
        match hostname.split_once('.') {
            Some((_, domain)) if !domain.is_empty() => domain.into(),
            _ => "localdomain".into(),
        }
    }
}
