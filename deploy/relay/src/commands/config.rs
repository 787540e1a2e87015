//! `baton config`: parameters as postconf(1) shows them.

use super::{Failure, SettingsArguments};
use clap::Args;
use maincf::show::{Form, Which};
use std::io::Write;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  baton config -n                 only what was set
  baton config -d smtp_helo_timeout
  baton config -x relayhost       with every $name replaced
  baton config --manual | less    every parameter, explained")]
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
    /// The reference manual
    #[arg(long, conflicts_with_all = ["defaults", "set", "expand", "names"])]
    manual: bool,
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
        match value.as_str() {
            "" => writeln!(out, "{} =", parameter.name)?,
            value => writeln!(out, "{} = {value}", parameter.name)?,
        }
    }
    // What the relay would refuse or warn about belongs where the operator looks at the configuration.
    for warning in maincf::warnings(&cf) {
        eprintln!("baton: warning: {warning}");
    }
    Ok(())
}
