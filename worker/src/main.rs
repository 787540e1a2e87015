//! The program `baton-worker`: descriptor 0 is the supervisor, descriptor 1 scache, descriptor 2 the log.

use proto::channel::Channel;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::process::ExitCode;
use worker::args::Args;
use worker::cache::Cache;
use worker::context::{self, Context};
use worker::serve;
use worker::supervisor::Supervisor;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn start() -> Result<(), Failure> {
    let args = Args::parse(std::env::args_os().skip(1))?; // what we were asked
    worker::process::harden()?; // what nobody may see
    worker::process::end_by_the_channel_only()?; // who may end us
    worker::memory::keep(); // what costs nothing to have at hand
    let cf = context::read(&args)?; // what the operator set
    let name = cf.expanded("syslog_name")?.unwrap_or_default();
    worker::log::to_stderr(&name, args.service.clone().leak());
    let supervisor = Channel::from(inherited(rustix::stdio::stdin())?); // what we were given
    let cache = inherited(rustix::stdio::stdout())?;
    close_standard_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let (supervisor, keys) = Supervisor::greet(supervisor).await?;
        let context = Context::new(&args, &cf, keys)?; // what needs files: tables
        let mut link = Cache::absent(context.config.cache.protocol_timeout.get());
        if serve::is_channel(&cache) {
            link.connect(Channel::from(cache));
        }
        serve::run(&context, supervisor, link).await; // the work
        context.farewells.last().await;
        Ok(())
    })
}

/// A descriptor under another number, which no program we might start would get.
fn inherited(descriptor: BorrowedFd<'_>) -> std::io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, 3)?)
}

/// The channels live on under other numbers; 0 and 1 must not be written to by accident.
fn close_standard_descriptors() -> std::io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}
