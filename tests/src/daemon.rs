//! Programs in the foreground under a test's eye: log in a file, ended by number.

use crate::process::Process;
use crate::wait;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A started program. When dropped, it and everything it started is ended.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
    /// Descendants seen before it was killed, which would otherwise be nobody's.
    orphans: Vec<Process>,
}

impl Daemon {
    /// Starts `program`; standard output and error go to `log`, after what is there already.
    pub fn start<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>, log: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(args);
        Self::from_command(command, log)
    }

    /// Starts a prepared command in the same way. It gets a process group of its own.
    pub fn from_command(command: Command, log: &Path) -> Self {
        let stdout = File::options().create(true).append(true).open(log).expect("log file");
        Self::with_streams(command, Stdio::null(), stdout.into(), log)
    }

    /// The same, with these for its standard input and output; only errors go to `log`.
    pub fn with_streams(mut command: Command, stdin: Stdio, stdout: Stdio, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("log file");
        command.stdin(stdin).stdout(stdout).stderr(file).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        Self { child, log: log.to_owned(), orphans: Vec::new() }
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it and its children wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The exit status, if it ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        // Asking the system about a child that a thread of ours traces would take the tracer's events away.
        if Process::find(self.pid()).is_some() {
            return None;
        }
        self.child.try_wait().expect("own child")
    }

    /// Waits for a line that holds `text` and gives it; ends the test, with the log, if the program ends first.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        self.wait_ready(&format!("a log line with {text:?}"), |daemon| {
            daemon.log().lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// Waits until `probe` gives a value; ends the test, with the log, if the program ends first.
    pub fn wait_ready<T>(&mut self, what: &str, mut probe: impl FnMut(&Self) -> Option<T>) -> T {
        let found = wait::until(wait::PATIENCE, || match probe(self) {
            Some(value) => Some(Ok(value)),
            None => self.ended().map(Err),
        });
        match found {
            Some(Ok(value)) => value,
            Some(Err(status)) => panic!("ended ({status}) before {what}; its log:\n{}", self.log()),
            None => panic!("no {what} in {:?}; its log:\n{}", wait::PATIENCE, self.log()),
        }
    }

    /// The processes it started that run now.
    pub fn descendants(&self) -> Vec<Process> {
        Process::find(self.pid()).map(|process| process.descendants()).unwrap_or_default()
    }

    /// SIGKILL to the program alone; its children live on, and are ended when this value goes.
    pub fn kill(&mut self) {
        self.orphans.extend(self.descendants());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM to `whom` (itself, or the program that it wraps), then waits for its own end; ends the test when that
    /// does not come within `limit`.
    pub fn stop(&mut self, whom: &Process, limit: Duration) -> ExitStatus {
        self.orphans.extend(self.descendants());
        whom.signal(Signal::TERM);
        match wait::until(limit, || self.ended()) {
            Some(status) => status,
            None => panic!("still runs {limit:?} after SIGTERM; its log:\n{}", self.log()),
        }
    }

    /// Children of a killed program that still run.
    pub fn orphans(&self) -> Vec<Process> {
        self.orphans.iter().filter(|process| process.is_alive()).cloned().collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        for orphan in &self.orphans {
            orphan.signal(Signal::KILL);
        }
    }
}
