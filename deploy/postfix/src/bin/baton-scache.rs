//! The program `baton-scache`: keeps connections between deliveries for the agents of a Postfix, started by its master(8).

use std::process::ExitCode;
use std::time::Duration;

/// As Postfix's daemons after a fatal error: a program that cannot start must not be started in a tight loop.
const BEFORE_FAILURE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let ended = under_postfix::cache_daemon::start().map_err(|error| error.to_string());
    match ended.and_then(|daemon| daemon.run().map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            under_postfix::log::fatal(under_postfix::cache_daemon::PROCESS, &error);
            std::thread::sleep(BEFORE_FAILURE);
            ExitCode::FAILURE
        }
    }
}
