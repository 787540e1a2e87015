//! `baton config`: parameters as postconf(1) shows them.

use super::{Failure, SettingsArguments};
use clap::Args;
use maincf::show::{Form, Which};
use std::io::Write;

#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  baton config -n                 only what was set
  baton config -d smtp_helo_timeout
  baton config -x relayhost       with every $name replaced
  baton config -xh mail_owner     the value alone, for scripts
  baton config --manual | less    every parameter, explained"
)]
pub(super) struct ConfigArguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Defaults instead of what is in force
    #[arg(short)]
    defaults: bool,
    /// Only what was set
    #[arg(short = 'n', conflicts_with = "defaults")]
    set: bool,
    /// Replace every $name by its value
    #[arg(short = 'x')]
    expand: bool,
    /// Values without names
    #[arg(short = 'h', conflicts_with = "names_only")]
    values_only: bool,
    /// Names without values
    #[arg(short = 'H')]
    names_only: bool,
    /// Fold long lines, as main.cf has them
    #[arg(short = 'f')]
    fold: bool,
    /// The reference manual
    #[arg(long, conflicts_with_all = ["defaults", "set", "expand", "names"])]
    manual: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Parameters; all if none is named
    names: Vec<String>,
}

pub(super) fn show(arguments: &ConfigArguments) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if arguments.manual {
        out.write_all(maincf::manual::manual(maincf::manual::Format::Plain).as_bytes())?;
        return Ok(());
    }
    let cf = arguments.settings.source().read().map_err(Failure::configuration)?;
    let which = match (arguments.defaults, arguments.set) {
        (true, _) => Which::Defaults,
        (_, true) => Which::Set,
        _ => Which::InForce,
    };
    let form = if arguments.expand { Form::Expanded } else { Form::AsWritten };
    let shown = maincf::show::show(&cf, &arguments.names, which, form).map_err(Failure::configuration)?;
    for parameter in shown {
        let value = parameter.value.map_err(Failure::configuration)?;
        let line = match (arguments.values_only, arguments.names_only, value.as_str()) {
            (true, ..) => value,
            (_, true, _) => parameter.name,
            (.., "") => format!("{} =", parameter.name),
            (.., value) => format!("{} = {value}", parameter.name),
        };
        writeln!(out, "{}", if arguments.fold { folded(&line) } else { line })?;
    }
    // What the relay would refuse or warn about belongs where the operator looks at the configuration.
    for warning in maincf::warnings(&cf) {
        eprintln!("baton: warning: {warning}");
    }
    Ok(())
}

/// The longest line; postconf goes on in the next one, which begins with four blanks.
const WIDTH: usize = 80;

/// As main.cf would have it.
fn folded(line: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        let (gap, start) = match width {
            0 => ("", 0),
            _ if width + 1 + length <= WIDTH => (" ", width + 1),
            _ => ("\n    ", 4),
        };
        text.push_str(gap);
        text.push_str(word);
        width = start + length;
    }
    text
}
