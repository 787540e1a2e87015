//! Reads rows into typed values and collects every error, so that one start shows them all.

use std::fmt;

use crate::expand::ExpandError;
use crate::main_cf::{MainCf, Origin};
use crate::param::{Param, Scope};
use crate::value::{Value, ValueError};

/// One parameter that cannot be used, and who set it to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamError {
    /// The name as the administrator writes it.
    pub name: String,
    /// Who set it.
    pub origin: Origin,
    /// As written.
    pub text: String,
    /// Why it cannot be used.
    pub reason: Reason,
}

/// Why a parameter cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The expanded value is not of the parameter's type.
    #[error("bad value {expanded:?} ({kind}): {error}")]
    Value {
        /// The value after expansion.
        expanded: String,
        /// The type in words.
        kind: &'static str,
        /// What is wrong.
        error: ValueError,
    },
    /// The value could not be expanded.
    #[error("{0}")]
    Expand(#[from] ExpandError),
    /// This version does not do what is asked for, and going on without it would weaken security.
    #[error("refused: {0}")]
    Refused(&'static str),
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, origin, text, reason } = self;
        write!(f, "{origin}: {name} = {text}: {reason}")
    }
}

impl std::error::Error for ParamError {}

/// Everything that is wrong with a configuration; never empty. Displays one error per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ParamError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Reads rows for one scope.
pub(crate) struct Reader<'a> {
    cf: &'a MainCf,
    scope: Scope<'a>,
    errors: Vec<ParamError>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(cf: &'a MainCf, scope: Scope<'a>) -> Self {
        Self { cf, scope, errors: Vec::new() }
    }

    /// Reads a group in another scope; its errors are collected with the others.
    pub(crate) fn within<T>(
        &mut self,
        scope: Scope<'_>,
        load: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut inner = Reader { cf: self.cf, scope, errors: Vec::new() };
        let value = load(&mut inner);
        self.errors.append(&mut inner.errors);
        value
    }

    /// The typed value of a row; `None` after noting an error.
    pub(crate) fn value<T: Value>(&mut self, row: &Param) -> Option<T> {
        let default = row.default(self.scope);
        let Some(name) = row.name(self.scope) else {
            // The protocol has no such parameter: the row's default is the behaviour.
            return self.note(row.key, &default, &default);
        };
        let cf = self.cf;
        let default = cf.special_default(&name).unwrap_or(default);
        self.note(&name, cf.given(&name).unwrap_or(&default), &default)
    }

    fn note<T: Value>(&mut self, name: &str, text: &str, default: &str) -> Option<T> {
        match self.parsed(name, text, default) {
            Ok(value) => Some(value),
            Err(reason) => {
                let origin = self.cf.setting(name).map_or(Origin::Default, |set| set.origin.clone());
                self.errors.push(ParamError { name: name.into(), origin, text: text.into(), reason });
                None
            }
        }
    }

    fn parsed<T: Value>(&self, name: &str, text: &str, default: &str) -> Result<T, Reason> {
        let expanded = self.cf.expand_in(text, Some(name))?;
        let expanded = expanded.trim();
        let default = self.cf.expand_in(default, Some(name))?;
        T::parse(expanded, &default).map_err(|error| Reason::Value {
            expanded: expanded.into(),
            kind: T::KIND,
            error,
        })
    }

    /// The value, or everything that was wrong.
    pub(crate) fn finish<T>(mut self, value: Option<T>, refused: Vec<ParamError>) -> Result<T, ConfigErrors> {
        self.errors.extend(refused);
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.errors)),
        }
    }
}
