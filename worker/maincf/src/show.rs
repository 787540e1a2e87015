//! What `baton config` prints: every parameter, what was set, or what is built in.

use crate::expand::ExpandError;
use crate::known;
use crate::main_cf::{MainCf, Origin};
use crate::param::Param;
use crate::params;
use crate::review::{nearest_name, unused};

/// Whose values are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// In force: what was set, else the default.
    InForce,
    /// Built in, whatever was set (`-d`).
    Defaults,
    /// Only what was set (`-n`).
    Set,
}

/// How values are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With `$name` as it stands.
    AsWritten,
    /// With every `$name` replaced.
    Expanded,
}

/// One line of output.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The main.cf name.
    pub name: String,
    /// The value, or why it cannot be expanded.
    pub value: Result<String, ExpandError>,
    /// Who set it.
    pub origin: Origin,
    /// `None` for names without a row: user-defined, other programs', or not built yet.
    pub row: Option<&'static Param>,
}

/// A name that cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// Nothing has this name.
    #[error("unknown parameter {name}{}", nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near}?")))]
    Unknown {
        /// As asked.
        name: String,
        /// A name that may have been meant.
        nearest: Option<String>,
    },
    /// Postfix has it, this version of Baton does not.
    #[error("{name} is not set, and this version has no such parameter yet")]
    NotBuilt {
        /// As asked.
        name: String,
    },
}

/// The parameters of these names, in their order, or all of them, sorted by name. As in postconf, names that are set but mean nothing are
/// among those that are asked for only, and blanks and line ends within a value are one blank.
///
/// Errors: one of the names does not exist.
pub fn show(cf: &MainCf, names: &[String], which: Which, form: Form) -> Result<Vec<Shown>, ShowError> {
    names.iter().try_for_each(|name| must_exist(cf, name))?;
    let bare = (which == Which::Defaults).then(|| cf.without_settings());
    let cf = bare.as_ref().unwrap_or(cf);
    if !names.is_empty() {
        return Ok(names.iter().filter_map(|name| shown(cf, name.clone(), which, form)).collect());
    }
    let mut wanted: Vec<String> = if which == Which::Defaults {
        params::names().map(Into::into).collect()
    } else {
        let unused = unused(cf);
        let set = cf.settings().map(|(name, _)| name).filter(|name| !unused.contains(name));
        set.map(str::to_owned).chain(params::names().map(Into::into)).collect()
    };
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted.into_iter().filter_map(|name| shown(cf, name, which, form)).collect())
}

fn must_exist(cf: &MainCf, name: &str) -> Result<(), ShowError> {
    if params::find(name).is_some() || cf.setting(name).is_some() {
        Ok(())
    } else if known::find(name).is_some() {
        Err(ShowError::NotBuilt { name: name.into() })
    } else {
        Err(ShowError::Unknown { name: name.into(), nearest: nearest_name(name) })
    }
}

fn shown(cf: &MainCf, name: String, which: Which, form: Form) -> Option<Shown> {
    let (text, origin) = match (cf.setting(&name), which) {
        (Some(set), _) => (set.text.clone(), set.origin.clone()),
        (None, Which::Set) => return None,
        (None, _) => (cf.default_text(&name)?.into_owned(), Origin::Default),
    };
    let value = match form {
        Form::AsWritten => Ok(text),
        Form::Expanded => cf.expand_in(&text, Some(&name)),
    };
    let value = value.map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    let row = params::find(&name).map(|found| found.row);
    Some(Shown { name, value, origin, row })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn lines(names: &[&str], which: Which, form: Form) -> Vec<String> {
        let text = "relayhost = [$mydomain]\nlocal_thing = 1\nmyhostname = a.example\nsmtp_tlsrpt_socket_name = /x  /y\n  \
             /$local_thing\nfor_nothing = 1\n";
        let cf = MainCf::parse(text, Path::new("/m")).unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let shown = show(&cf, &names, which, form).unwrap();
        shown
            .into_iter()
            .map(|line| format!("{} = {} ({})", line.name, line.value.unwrap(), line.origin))
            .collect()
    }

    #[test]
    fn only_what_is_set() {
        assert_eq!(
            lines(&[], Which::Set, Form::AsWritten),
            [
                "local_thing = 1 (/m:2)",
                "myhostname = a.example (/m:3)",
                "relayhost = [$mydomain] (/m:1)",
                "smtp_tlsrpt_socket_name = /x /y /$local_thing (/m:4)",
            ]
        );
    }

    #[test]
    fn by_name_in_force_default_and_expanded() {
        let names = ["relayhost", "lmtp_connect_timeout", "smtp_destination_recipient_limit"];
        assert_eq!(
            lines(&names, Which::InForce, Form::Expanded),
            [
                "relayhost = [example] (/m:1)",
                "lmtp_connect_timeout = 0s (default)",
                "smtp_destination_recipient_limit = 50 (default)",
            ]
        );
        assert_eq!(lines(&["relayhost"], Which::Defaults, Form::AsWritten), ["relayhost =  (default)"]);
    }

    #[test]
    fn all_has_every_row_and_every_setting() {
        let all = lines(&[], Which::InForce, Form::Expanded);
        assert_eq!(all.len(), params::names().len() + 2);
        assert_eq!(lines(&[], Which::Defaults, Form::AsWritten).len(), params::names().len());
    }

    #[test]
    fn names_that_do_not_exist_are_errors() {
        let cf = MainCf::none();
        let error = |name: &str| show(&cf, &[name.to_owned()], Which::InForce, Form::AsWritten).unwrap_err();
        assert_eq!(error("relayhots").to_string(), "unknown parameter relayhots; did you mean relayhost?");
        assert_eq!(
            error("smtp_tlsrpt_socket_name"),
            ShowError::NotBuilt { name: "smtp_tlsrpt_socket_name".into() }
        );
    }
}
