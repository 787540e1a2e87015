//! A stand-in for master(8): starts one of our programs as its child, and lets the test be the queue manager, and every daemon.
//!
//! For what a real Postfix of one release cannot show: other releases' words, requests that no queue manager sends.

use crate::daemon::Daemon;
use crate::maincf::MainCf;
use crate::{Sandbox, programs, wait};
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;

/// Octal in the environment; what status messages must have.
pub const GENERATION: (&str, u32) = ("32", 26);

/// Descriptors as master leaves them: 3 and 4 the flow pipe, 5 to master, 6 the listener.
const DESCRIPTORS: &str = "exec \"$0\" \"$@\" 3</dev/null 4</dev/null 5<&0 6<&1 0</dev/null 1>/dev/null";

/// A program that believes that master started it.
#[derive(Debug)]
pub struct Alone {
    daemon: Daemon,
    status: UnixStream,
    queue: PathBuf,
    socket: PathBuf,
    log: UnixDatagram,
    lines: Mutex<Vec<String>>,
}

impl Alone {
    /// `program` under the name `service`, with these options (`name=value`) in its configuration.
    pub fn start(sandbox: &Sandbox, program: &str, service: &str, options: &[(&str, &str)]) -> Self {
        let (etc, queue) = (sandbox.folder("alone/etc"), sandbox.folder("alone/spool"));
        for folder in ["private", "public", "active", "pid"] {
            sandbox.folder(&format!("alone/spool/{folder}"));
        }
        let mut main_cf = MainCf::new();
        main_cf.set("queue_directory", queue.display().to_string()).set("myhostname", "relay.test");
        main_cf.set("smtp_host_lookup", "native");
        for (name, value) in options {
            main_cf.set(name, *value);
        }
        fs::write(etc.join("main.cf"), main_cf.text()).expect("main.cf");
        let log = UnixDatagram::bind(queue.join("public/postlog")).expect("postlog");
        log.set_nonblocking(true).expect("own socket");
        let socket = queue.join("private").join(service);
        let listener = UnixListener::bind(&socket).expect("the service's socket");
        fs::set_permissions(&socket, Permissions::from_mode(0o666)).expect("own socket");
        listener.set_nonblocking(true).expect("own socket");
        let (status, theirs) = UnixStream::pair().expect("a pair");
        let name = sandbox.join("alone").join(program);
        symlink(programs::ours(program), &name).expect("own folder");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", DESCRIPTORS]).arg(&name).args(["-l", "-n", service, "-t", "unix"]);
        command.env_clear().current_dir(&queue).env("MAIL_CONFIG", &etc).env("MAIL_LOGTAG", "postfix");
        command.env("GENERATION", GENERATION.0).env("POSTLOG_SERVICE", queue.join("public/postlog"));
        let daemon = Daemon::with_streams(
            command,
            Stdio::from(OwnedFd::from(theirs)),
            Stdio::from(OwnedFd::from(listener)),
            &sandbox.join("alone/output"),
        );
        Self { daemon, status, queue, socket, log, lines: Mutex::default() }
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// The queue's root.
    pub fn queue(&self) -> &Path {
        &self.queue
    }

    /// A connection to the service.
    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("the service's socket");
        stream.set_read_timeout(Some(wait::PATIENCE)).expect("own socket");
        stream
    }

    /// The next message to master: process, generation, and 0 for busy or 1 for free.
    pub fn state(&mut self) -> (u32, u32, u32) {
        self.status.set_read_timeout(Some(wait::PATIENCE)).expect("own socket");
        let mut message = [0; 12];
        self.status.read_exact(&mut message).expect("a message to master");
        let number = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().expect("four octets"));
        (number(0), number(4), number(8))
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        let mut lines = self.lines.lock().expect("lines");
        let mut line = [0; 4096];
        while let Ok(length) = self.log.recv(&mut line) {
            lines.push(String::from_utf8_lossy(&line[..length]).into_owned());
        }
        lines.clone()
    }

    /// Waits for a line with all of these words.
    pub fn expect_line(&self, words: &[&str]) -> String {
        wait::expect(&format!("a line with {words:?}"), || {
            self.log().into_iter().find(|line| words.iter().all(|word| line.contains(word)))
        })
    }

    /// Master hangs up; waits for the end.
    pub fn hang_up(mut self) -> ExitStatus {
        drop(self.status);
        wait::expect("the end of the process", || self.daemon.ended())
    }

    /// Waits for the end.
    pub fn ended(mut self) -> ExitStatus {
        wait::expect("the end of the process", || self.daemon.ended())
    }
}
