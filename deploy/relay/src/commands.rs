//! The command line of `baton`, and what each command does.

mod config;
mod explain;
mod queue;
mod send;
mod sessions;
mod statistics;

use crate::control::{Client, ClientError};
use crate::demo;
use crate::run::{self, Beginning};
use crate::settings::Source;
use clap::{Args, Parser, Subcommand};
use maincf::RelayConfig;
use std::path::PathBuf;
use std::process::ExitCode;

/// Outbound mail delivery whose live sessions are handed from one delivery process to the next.
#[derive(Debug, Parser)]
#[command(
    name = "baton",
    version,
    max_term_width = 100,
    after_help = "\
First steps:
  baton demo                            see it work: no configuration, no root, a temporary folder
  baton relay -o relayhost=[mx.example] deliver everything through one host
  baton send -f me@example you@example  hand a message in, as with sendmail
  baton queue list                      what is waiting, and why
  baton explain you@example             where mail would go, how, and why
Parameters are Postfix's, by name and meaning; `baton config -n` shows what you changed."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay in the foreground: take mail in, deliver it, keep what cannot be delivered yet
    #[command(after_help = "\
Signals:
  SIGHUP            reads the configuration again and opens maillog_file again; parked sessions stay.
                    To rotate the log: move the file away, make a new one that mail_owner may write, send SIGHUP.
  SIGTERM, SIGINT   ends when the deliveries that are under way are finished; a second one ends it at once,
                    and workers finish by themselves. No mail is lost by either, nor by SIGKILL.")]
    Relay {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Take mail in, but deliver nothing until `baton queue resume`
        #[arg(long)]
        held: bool,
    },
    /// Hand a message in on standard input, with sendmail's options (`-f -t -i -bs`)
    ///
    /// Installed under the name `sendmail` (a link to `baton`), it takes sendmail's command line as it is.
    #[command(disable_help_flag = true, after_help = send::HELP)]
    Send {
        /// Options and recipients, as sendmail takes them
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Look at the queue of the running relay, or change it
    Queue {
        #[command(subcommand)]
        action: queue::Action,
    },
    /// Tell what would become of mail to an address or a next hop, without sending any
    #[command(after_help = explain::HELP)]
    Explain(explain::ExplainArguments),
    /// Show the sessions that lie parked in the connection cache
    Sessions {
        #[command(flatten)]
        settings: SettingsArguments,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show what the running relay has counted
    Statistics {
        #[command(flatten)]
        settings: SettingsArguments,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show parameters: all, those that were set (`-n`), defaults (`-d`), or the named ones
    Config(config::ConfigArguments),
    /// Deliver 1000 messages through real processes and sockets in a temporary folder, and show what happened
    Demo(demo::DemoArguments),
}

/// Where the settings come from.
#[derive(Debug, Args, Clone, Default)]
pub struct SettingsArguments {
    /// main.cf to read, or its folder [default: BATON_CONFIG, then /etc/baton/main.cf if it exists]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set a parameter over the file's value; may be given several times
    #[arg(short, value_name = "NAME=VALUE")]
    option: Vec<String>,
}

impl SettingsArguments {
    /// As the relay reads it.
    #[must_use]
    pub fn source(&self) -> Source {
        let path = self.config.clone().or_else(|| std::env::var_os("BATON_CONFIG").map(PathBuf::from));
        // postconf takes the folder.
        let path = path.map(|path| if path.is_dir() { path.join("main.cf") } else { path });
        Source { path, options: self.option.clone() }
    }

    /// Connects to the running relay of these settings.
    fn client(&self) -> Result<Client, Failure> {
        let cf = self.source().read().map_err(Failure::configuration)?;
        let config = RelayConfig::load(&cf).map_err(Failure::configuration)?;
        Ok(Client::connect(&config.paths.run_directory)?)
    }
}

/// A command failed: what to say, and with which exit code (sysexits).
#[derive(Debug)]
pub struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    fn new(code: intake::SysExit, text: impl std::fmt::Display) -> Self {
        Self { text: text.to_string(), code: code.code() }
    }

    fn configuration(error: impl std::fmt::Display) -> Self {
        Self::new(intake::SysExit::Config, error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match error {
            ClientError::NotRunning(..) | ClientError::Broken(_) => intake::SysExit::TempFail,
            ClientError::Refused(_) => intake::SysExit::DataErr,
            ClientError::Version(_) | ClientError::Unexpected => intake::SysExit::Software,
        };
        Self::new(code, error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(intake::SysExit::TempFail, error)
    }
}

/// Does what was asked; the result is the exit code.
#[must_use]
pub fn execute(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Relay { settings, held } => relay(&settings, held),
        Command::Send { arguments } => send::send(arguments),
        Command::Queue { action } => queue::execute(action),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Sessions { settings, json } => sessions::show(&settings, json),
        Command::Statistics { settings, json } => statistics::show(&settings, json),
        Command::Config(arguments) => config::show(&arguments),
        Command::Demo(arguments) => demo::run(&arguments).map_err(Failure::configuration),
    };
    exit(result)
}

/// Does what the program `sendmail` is asked with these arguments.
#[must_use]
pub fn sendmail(arguments: Vec<std::ffi::OsString>) -> ExitCode {
    exit(send::sendmail(arguments))
}

fn exit(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { text, code }) => {
            if !text.is_empty() {
                eprintln!("baton: {text}");
            }
            ExitCode::from(code)
        }
    }
}

fn relay(settings: &SettingsArguments, held: bool) -> Result<(), Failure> {
    let beginning = if held { Beginning::Held } else { Beginning::Delivering };
    run::run(&settings.source(), beginning).map_err(Failure::configuration)
}
