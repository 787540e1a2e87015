//! The command `baton`; under the name `sendmail` it is `baton send`.

use clap::Parser;
use relay::commands::{Arguments, execute, sendmail};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    if Path::new(&called).file_name().is_some_and(|name| name == "sendmail") {
        return sendmail(arguments.collect());
    }
    execute(Arguments::parse())
}
