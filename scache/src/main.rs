//! The program `scache`: what it is given, what it gives up, then the work.

use scache::confinement;
use scache::log::Log;
use scache::process::{self, StartError};
use scache::serve::{self, ServeError, Start};
use std::process::ExitCode;

/// EX_USAGE of sysexits(3).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        eprintln!("usage: scache (no arguments; descriptor 0 is the supervisor's channel, 2 the log)");
        return ExitCode::from(USAGE);
    }
    let log = Log::new();
    match start(log.clone())
        .map_err(Failure::Start)
        .and_then(|start| serve::run(start).map_err(Failure::Serve))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log.info(&format!("fatal: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// With a log, which needs files: time zone, host name.
fn start(log: Log) -> Result<Start, StartError> {
    let steward = process::steward()?; //                 1 what we were given
    let stop = process::stop_signal()?; //                2 what may end us
    let nofile = process::raise_descriptor_limit(); //    3 how much we can hold
    process::give_up_privileges()?; //                    4 what we give up
    confinement::confine()?; //                           5 what we cannot do any more
    Ok(Start { steward, stop, nofile, log }) //           6 the work
}

/// Either way, one line in the log.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Start(StartError),
    #[error("{0}")]
    Serve(ServeError),
}
