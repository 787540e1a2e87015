//! The program `baton-postfix-install`: shows, makes and undoes the change of master.cf that puts our programs to work.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    under_postfix::install::run::run(&under_postfix::install::run::Arguments::parse())
}
