//! What was set but does not act: refused where ignoring it would weaken security, else warned about once.

use std::collections::HashSet;
use std::fmt;

use crate::deployment::{self, Deployment};
use crate::expand;
use crate::foreign;
use crate::known::{self, Neglect};
use crate::main_cf::{MainCf, Origin, Setting};
use crate::nearest::{nearest, nearest_within};
use crate::param::Today;
use crate::params;
use crate::reader::{ParamError, Reason};

/// Something that the administrator should know; each name at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The parameter is known and does nothing yet.
    NotActedOn {
        /// As set.
        name: String,
        /// Who set it.
        origin: Origin,
        /// What happens instead, where there is more to say.
        instead: Option<&'static str>,
    },
    /// No program of Baton or Postfix has a parameter of this name.
    Unknown {
        /// As set.
        name: String,
        /// Who set it.
        origin: Origin,
        /// A name that may have been meant.
        nearest: Option<String>,
    },
    /// Settings of programs that Baton does not replace; all in one.
    Foreign {
        /// Sorted.
        names: Vec<String>,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActedOn { name, origin, instead } => {
                write!(f, "{origin}: {name} is set but not acted on yet")?;
                instead.map_or(Ok(()), |instead| write!(f, ": {instead}"))
            }
            Self::Unknown { name, origin, nearest } => {
                write!(f, "{origin}: unknown parameter {name}")?;
                nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Self::Foreign { names } => {
                let plural = if names.len() == 1 { "setting belongs" } else { "settings belong" };
                write!(f, "{} {plural} to programs that Baton does not replace: ", names.len())?;
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// What is set but does not act, in the order of the names; the summary of foreign names comes last.
pub fn warnings(cf: &MainCf) -> Vec<Warning> {
    let used = used(cf);
    let mut warnings = Vec::new();
    let mut foreign = Vec::new();
    for (name, setting) in cf.settings() {
        match standing(cf, name, setting) {
            Standing::Acts | Standing::Refused(_) => {}
            Standing::Ignored(instead) => {
                let (name, origin) = (name.to_owned(), setting.origin.clone());
                warnings.push(Warning::NotActedOn { name, origin, instead });
            }
            Standing::Foreign => foreign.push(name.to_owned()),
            Standing::Unknown if used.contains(name) => {}
            Standing::Unknown => {
                let (name, origin) = (name.to_owned(), setting.origin.clone());
                let nearest = nearest_name(&name);
                warnings.push(Warning::Unknown { name, origin, nearest });
            }
        }
    }
    // Under Postfix those programs are there and read the same file.
    if !foreign.is_empty() && cf.deployment() == Deployment::Standalone {
        warnings.push(Warning::Foreign { names: foreign });
    }
    warnings
}

/// Names that are set, mean nothing to anybody, and are referred to by no other value.
pub(crate) fn unused(cf: &MainCf) -> HashSet<&str> {
    let used = used(cf);
    let unknown =
        cf.settings().filter(|(name, setting)| matches!(standing(cf, name, setting), Standing::Unknown));
    unknown.map(|(name, _)| name).filter(|name| !used.contains(name)).collect()
}

/// Names that values refer to.
fn used(cf: &MainCf) -> HashSet<&str> {
    cf.settings().flat_map(|(_, setting)| expand::references(&setting.text)).collect()
}

/// Settings that must not be ignored and cannot be honoured.
pub(crate) fn refused(cf: &MainCf) -> Vec<ParamError> {
    let refused = cf.settings().filter_map(|(name, setting)| match known_standing(cf, name, setting)? {
        Standing::Refused(why) => Some(ParamError {
            name: name.into(),
            origin: setting.origin.clone(),
            text: setting.text.clone(),
            reason: Reason::Refused(why),
        }),
        _ => None,
    });
    refused.chain(logins_without_passwords(cf)).collect()
}

/// `*_sasl_auth_enable` where there is nothing to log in with.
fn logins_without_passwords(cf: &MainCf) -> impl Iterator<Item = ParamError> {
    let expanded = |name: String| cf.expanded(&name).ok().flatten().unwrap_or_default();
    let settings = cf.settings().filter_map(move |(name, setting)| {
        let prefix =
            name.strip_suffix("sasl_auth_enable").filter(|prefix| matches!(*prefix, "smtp_" | "lmtp_"))?;
        let enabled = expanded(name.to_owned()).trim().eq_ignore_ascii_case("yes");
        (enabled && expanded(format!("{prefix}sasl_password_maps")).trim().is_empty())
            .then_some((name, setting))
    });
    settings.map(|(name, setting)| ParamError {
        name: name.into(),
        origin: setting.origin.clone(),
        text: setting.text.clone(),
        reason: Reason::Refused(
            "there is nothing to log in with; name a table in sasl_password_maps of the same prefix",
        ),
    })
}

/// The name that a mistyped one is closest to, among all that exist.
pub(crate) fn nearest_name(name: &str) -> Option<String> {
    nearest(name, params::names().chain(known::names())).map(str::to_owned)
}

/// What becomes of one setting.
enum Standing {
    Acts,
    Ignored(Option<&'static str>),
    Refused(&'static str),
    Foreign,
    Unknown,
}

fn standing(cf: &MainCf, name: &str, setting: &Setting) -> Standing {
    known_standing(cf, name, setting).unwrap_or_else(|| strange_standing(cf, name, setting))
}

/// `None`: we know no such name. Who is not ours may then be told at leisure.
fn known_standing(cf: &MainCf, name: &str, setting: &Setting) -> Option<Standing> {
    if cf.deployment() == Deployment::Standalone {
        return own_standing(cf, name, setting);
    }
    if known::is_queue_manager_s(name) || foreign::is_cleanup_s(name) {
        return Some(Standing::Foreign);
    }
    let standing = own_standing(cf, name, setting)?;
    Some(match standing {
        Standing::Ignored(instead) if deployment::matters_to_mail(name) => {
            Standing::Refused(instead.unwrap_or(NOT_BUILT))
        }
        standing => standing,
    })
}

fn own_standing(cf: &MainCf, name: &str, setting: &Setting) -> Option<Standing> {
    if let Some(found) = params::find(name) {
        return Some(of_row(cf, name, setting, found.row.today));
    }
    let known = known::find(name)?;
    let default = known.default.unwrap_or_default();
    Some(match known.neglect {
        Neglect::Obsolete | Neglect::Reference => Standing::Acts,
        Neglect::Elsewhere => Standing::Foreign,
        Neglect::Warn | Neglect::Refuse if same_value(cf, name, &setting.text, default) => Standing::Acts,
        Neglect::Warn => Standing::Ignored(None),
        Neglect::Refuse => Standing::Refused(NOT_BUILT),
    })
}

/// Of another program, or of nobody.
fn strange_standing(cf: &MainCf, name: &str, setting: &Setting) -> Standing {
    if foreign::changes_routes(name) {
        let matters = cf.deployment() == Deployment::Standalone && !setting.text.is_empty();
        return if matters { Standing::Ignored(None) } else { Standing::Foreign };
    }
    if foreign::is_foreign(name) && !is_misspelt_row(name) { Standing::Foreign } else { Standing::Unknown }
}

/// Whether a name is so close to one of ours that it can only be meant for it: the prefixes of other
/// programs cover much. `smtpd_` and `smtp_` are as close, and not the same.
fn is_misspelt_row(name: &str) -> bool {
    let own = first_word(name);
    nearest_within(2, name, params::names().filter(|row| first_word(row) == own)).is_some()
}

fn first_word(name: &str) -> &str {
    name.split_once('_').map_or(name, |(word, _)| word)
}

/// Why a known parameter without a row is refused.
const NOT_BUILT: &str =
    "this version does not act on it, and mail would be less protected than asked for; remove the setting";

fn of_row(cf: &MainCf, name: &str, setting: &Setting, today: Today) -> Standing {
    let default = cf.default_text(name).unwrap_or_default();
    match today {
        Today::Act => Standing::Acts,
        // A value that does not expand is an error of its own.
        Today::ByValue(judge) => match cf.expand_in(&setting.text, Some(name)) {
            Ok(value) => match judge(value.trim()) {
                Today::Warn(instead) => Standing::Ignored(Some(instead)),
                Today::Refuse(why) => Standing::Refused(why),
                Today::Act | Today::ByValue(_) => Standing::Acts,
            },
            Err(_) => Standing::Acts,
        },
        Today::Warn(_) | Today::Refuse(_) if same_value(cf, name, &setting.text, &default) => Standing::Acts,
        Today::Warn(instead) => Standing::Ignored(Some(instead)),
        Today::Refuse(why) => Standing::Refused(why),
    }
}

/// Whether both expand to the same text; not so when one of them does not expand.
fn same_value(cf: &MainCf, name: &str, set: &str, default: &str) -> bool {
    let expanded = |text| cf.expand_in(text, Some(name)).ok();
    set == default
        || expanded(set).zip(expanded(default)).is_some_and(|(set, default)| set.trim() == default.trim())
}

#[cfg(test)]
mod tests;
