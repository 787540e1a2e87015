//! The command `baton`.

use clap::Parser;
use relay::commands::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    relay::commands::execute(Arguments::parse())
}
