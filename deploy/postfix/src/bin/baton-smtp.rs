//! The program `baton-smtp`: smtp(8) and, where its name has "lmtp" in it, lmtp(8), started by Postfix's master(8).

use std::process::ExitCode;
use std::time::Duration;

/// As Postfix's daemons after a fatal error: a program that cannot start must not be started in a tight loop.
const BEFORE_FAILURE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let ended = under_postfix::start::start().map_err(|error| error.to_string());
    let ended =
        ended.and_then(|(contract, mut agent)| contract.run(&mut agent).map_err(|error| error.to_string()));
    let program = std::env::args_os().next().unwrap_or_default();
    let process = under_postfix::start::process(&program.to_string_lossy());
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            under_postfix::log::fatal(process, &error);
            std::thread::sleep(BEFORE_FAILURE);
            ExitCode::FAILURE
        }
    }
}
