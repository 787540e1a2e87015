//! The relay under test: started in a sandbox, asked, killed, started again.

use crate::daemon::Daemon;
use crate::maincf::MainCf;
use crate::process::Process;
use crate::sandbox::Sandbox;
use crate::{programs, wait};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
use rustix::process::Signal;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// How a relay is started. It can be started again and again on the same queue.
#[derive(Debug, Clone)]
pub struct Launch {
    folder: PathBuf,
    /// What stands before the options.
    text: String,
    options: MainCf,
    held: bool,
    libexec: Option<PathBuf>,
    wrapper: Vec<String>,
}

impl Launch {
    /// Sets a parameter of main.cf.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.options.set(name, value);
        self
    }

    /// Starts with delivery paused, until `baton queue resume`.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// Takes `scache` and `baton-worker` from this folder (`BATON_LIBEXEC`).
    #[must_use]
    pub fn libexec(mut self, folder: &Path) -> Self {
        self.libexec = Some(folder.to_owned());
        self
    }

    /// Runs the relay under this command (strace, say).
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts the relay and waits until it takes mail and answers commands.
    pub fn start(self) -> Relay {
        fs::write(self.config(), self.text.clone() + &self.options.text()).expect("main.cf");
        let run = self.folder.join("run");
        for old in ["intake.address", "control"] {
            let _ = fs::remove_file(run.join(old));
        }
        let baton = programs::ours("baton");
        let mut words = self.wrapper.iter().map(PathBuf::from).chain([baton]);
        let mut command = Command::new(words.next().expect("the program"));
        command.args(words).arg("relay").arg("--config").arg(self.config());
        if self.held {
            command.arg("--held");
        }
        if let Some(folder) = &self.libexec {
            command.env("BATON_LIBEXEC", folder);
        }
        let mut daemon = Daemon::from_command(command, &self.folder.join("relay.log"));
        let intake = daemon.wait_ready("readiness", |_| {
            let address = fs::read_to_string(run.join("intake.address")).ok()?.trim().parse().ok()?;
            answers(&run.join("control")).then_some(address)
        });
        Relay { daemon, intake, launch: self }
    }

    fn config(&self) -> PathBuf {
        self.folder.join("main.cf")
    }
}

/// Something accepts on this SEQPACKET socket.
fn answers(path: &Path) -> bool {
    let attempt = || {
        let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)
    };
    attempt().is_ok()
}

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    daemon: Daemon,
    intake: SocketAddr,
    launch: Launch,
}

impl Relay {
    /// A relay with everything below the sandbox and its listener on a free port of 127.0.0.1.
    pub fn in_sandbox(sandbox: &Sandbox) -> Launch {
        Self::of_file(sandbox, String::new()).option("myhostname", "relay.test")
    }

    /// The same with this main.cf, of which only the folders and the listener are set anew.
    pub fn of_file(sandbox: &Sandbox, text: String) -> Launch {
        let mut options = MainCf::new();
        options
            .set("queue_directory", sandbox.join("spool").display().to_string())
            .set("baton_run_directory", sandbox.folder("run").display().to_string())
            .set("baton_intake_listen", "127.0.0.1:0");
        let folder = sandbox.path().to_owned();
        Launch { folder, text, options, held: false, libexec: None, wrapper: Vec::new() }
    }

    /// Where it takes mail.
    pub fn intake(&self) -> SocketAddr {
        self.intake
    }

    /// How it was started, to start it again.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// The relay's own process, also when it runs under a wrapper.
    pub fn supervisor(&self) -> Process {
        let ours = || Process::find(self.daemon.pid()).filter(|_| self.launch.wrapper.is_empty());
        wait::expect("the relay's process", || ours().or_else(|| self.processes("baton").into_iter().next()))
    }

    /// Everything it and its processes logged since the sandbox was made.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Its descendants with this name.
    pub fn processes(&self, name: &str) -> Vec<Process> {
        self.daemon.descendants().into_iter().filter(|process| process.name == name).collect()
    }

    /// Runs `baton` with these words, for this relay.
    pub fn try_command(&self, words: &[&str]) -> Output {
        let mut command = Command::new(programs::ours("baton"));
        command.args(words).arg("--config").arg(self.launch.config()).output().expect("baton runs")
    }

    /// Runs `baton` with these words and gives its output; ends the test when it fails.
    pub fn command(&self, words: &[&str]) -> String {
        let output = self.try_command(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "baton {words:?}: {}\n{text}{complaint}\nlog:\n{}",
            output.status,
            self.log()
        );
        text
    }

    /// Lets delivery go on.
    pub fn resume(&self) {
        self.command(&["queue", "resume"]);
    }

    /// Holds delivery back.
    pub fn pause(&self) {
        self.command(&["queue", "pause"]);
    }

    /// Messages in the queue, counted in its folder, so that it can be asked of a dead relay too.
    pub fn queued(&self) -> usize {
        queued(&self.launch.folder.join("spool"))
    }

    /// Waits until the queue is empty; ends the test when it is not within `limit`.
    pub fn expect_empty(&mut self, limit: Duration) {
        assert!(
            self.wait_empty(limit),
            "{} messages left after {limit:?}; log:\n{}",
            self.queued(),
            self.log()
        );
    }

    /// Waits until the queue is empty; says whether it was within `limit`.
    pub fn wait_empty(&mut self, limit: Duration) -> bool {
        wait::until(limit, || {
            assert!(self.daemon.ended().is_none(), "the relay ended; its log:\n{}", self.log());
            // Twice: while the folders are counted a notice may come into one that was counted, and its message go from another.
            (self.queued() == 0 && self.queued() == 0).then_some(())
        })
        .is_some()
    }

    /// SIGKILL to the relay's own process; scache and the workers live on for as long as they want to.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// SIGTERM; waits for the end and asks for success.
    pub fn stop(&mut self) {
        let supervisor = self.supervisor();
        let status = self.daemon.stop(&supervisor, wait::PATIENCE);
        assert!(status.success(), "stopped with {status}; log:\n{}", self.log());
    }

    /// SIGHUP.
    pub fn reload(&self) {
        self.supervisor().signal(Signal::HUP);
    }

    /// Processes of a killed relay that still run.
    pub fn orphans(&self) -> Vec<Process> {
        self.daemon.orphans()
    }
}

/// Messages in a spool: files in the folders of `queue`.
pub fn queued(spool: &Path) -> usize {
    let folders = fs::read_dir(spool.join("queue")).into_iter().flatten().flatten();
    folders.map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten().count()).sum()
}
