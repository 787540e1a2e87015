//! The worker's command line: what it speaks for, and where its settings come from.

use maincf::Protocol;
use maincf::value::{DeliveryFlags, Value};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the supervisor decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// The transport's name, for the log and for cache keys.
    pub service: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// What the last hop adds to mail.
    pub flags: DeliveryFlags,
    /// main.cf; none is needed.
    pub config: Option<PathBuf>,
    /// `-o name=value`, in order.
    pub options: Vec<String>,
}

/// The command line is wrong: whoever started the worker has another version of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArgsError {
    /// An option without its value.
    #[error("{0} needs a value")]
    NoValue(String),
    /// An option that does not exist.
    #[error(
        "unknown option {0}; usage: baton-worker --service NAME --protocol smtp|lmtp [--flags DORX] [--config FILE] [-o NAME=VALUE]..."
    )]
    Unknown(String),
    /// A flag that does not exist.
    #[error("unknown delivery flags {0}: any of DORX")]
    Flags(String),
    /// A protocol that does not exist.
    #[error("unknown protocol {0}: smtp or lmtp")]
    Protocol(String),
}

impl Args {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// [`ArgsError`].
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ArgsError> {
        let mut args = Self {
            service: "smtp".into(),
            protocol: Protocol::Smtp,
            flags: DeliveryFlags::default(),
            config: None,
            options: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let name = name.to_string_lossy().into_owned();
            let mut value = || arguments.next().ok_or_else(|| ArgsError::NoValue(name.clone()));
            match name.as_str() {
                "--service" => args.service = value()?.to_string_lossy().into_owned(),
                "--protocol" => args.protocol = protocol(&value()?.to_string_lossy())?,
                "--flags" => args.flags = flags(&value()?.to_string_lossy())?,
                "--config" => args.config = Some(value()?.into()),
                "-o" => args.options.push(value()?.to_string_lossy().into_owned()),
                _ => return Err(ArgsError::Unknown(name)),
            }
        }
        Ok(args)
    }
}

fn flags(letters: &str) -> Result<DeliveryFlags, ArgsError> {
    DeliveryFlags::parse(letters, "").map_err(|_| ArgsError::Flags(letters.to_owned()))
}

fn protocol(name: &str) -> Result<Protocol, ArgsError> {
    match name {
        "smtp" => Ok(Protocol::Smtp),
        "lmtp" => Ok(Protocol::Lmtp),
        other => Err(ArgsError::Protocol(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Args, ArgsError> {
        Args::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn what_the_supervisor_gives_is_understood() {
        let args = parse(&[
            "--service",
            "relay",
            "--protocol",
            "lmtp",
            "--flags",
            "RX",
            "--config",
            "/m",
            "-o",
            "a=b",
            "-o",
            "c=d",
        ]);
        let want = Args {
            service: "relay".into(),
            protocol: Protocol::Lmtp,
            flags: DeliveryFlags { return_path: true, final_delivery: true, ..DeliveryFlags::default() },
            config: Some("/m".into()),
            options: vec!["a=b".into(), "c=d".into()],
        };
        assert_eq!(args, Ok(want));
        assert_eq!(parse(&["--config"]), Err(ArgsError::NoValue("--config".into())));
        assert_eq!(parse(&["--protocol", "nntp"]), Err(ArgsError::Protocol("nntp".into())));
        assert_eq!(parse(&["--flags", "Q"]), Err(ArgsError::Flags("Q".into())));
        assert!(matches!(parse(&["-x"]), Err(ArgsError::Unknown(_))));
    }
}
