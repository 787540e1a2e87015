//! A private instance of Debian's Postfix: the oracle. Its own configuration, queue and log; never the system's.
//!
//! Nothing of it listens on the network unless a test asks for a server. Mail comes in as files in `maildrop`, which pickup(8) takes; that also
//! allows a message to be old when it arrives.

mod alone;
mod installed;
mod lines;
mod queue_file;
mod round;

use crate::daemon::Daemon;
use crate::maincf::MainCf;
use crate::process::Process;
use crate::{programs, sandbox::Sandbox, wait};
pub use alone::{Alone, GENERATION};
pub use installed::Installed;
pub use lines::{complaints, kinds, shape};
use nix::unistd::{Gid, Group, Uid, User};
pub use queue_file::{Letter, Queued, open_recipients};
pub use round::{Post, Round, process};
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What runs besides the SMTP clients.
const SERVICES: &str = "\
postlog   unix-dgram n - n - 1 postlogd
pickup    unix n - n 3600 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 3600 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
scache    unix - - n - 1 scache
";

/// Folders of the queue that belong to Postfix's account alone.
const FOLDERS: [&str; 11] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
    "trace",
];

/// How an instance is started.
#[derive(Debug)]
pub struct Launch {
    folder: PathBuf,
    options: MainCf,
    master: String,
}

impl Launch {
    /// Sets a parameter of main.cf.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.options.set(name, value);
        self
    }

    /// Adds an SMTP client of this name, for which these parameters differ from main.cf.
    #[must_use]
    pub fn transport(mut self, name: &str, options: &[(&str, String)]) -> Self {
        let _ = writeln!(self.master, "{name} unix - - n - - smtp");
        for (parameter, value) in options {
            let _ = writeln!(self.master, "  -o {{ {parameter} = {value} }}");
        }
        self
    }

    /// Adds our delivery agent under this service name, for at most so many processes (`-`, a number).
    #[must_use]
    pub fn agent(mut self, name: &str, limit: &str, arguments: &str) -> Self {
        // master puts the folder of Postfix's daemons before it.
        let program = programs::ours("baton-smtp").display().to_string();
        let _ = writeln!(self.master, "{name} unix - - n - {limit} ../../../..{program} {arguments}");
        self
    }

    /// The same, with the queue's root as its root. `program` is ours, perhaps under another name.
    #[must_use]
    pub fn chrooted(mut self, name: &str, program: &Path, arguments: &str) -> Self {
        let program = program.display();
        let _ = writeln!(self.master, "{name} unix - - y - - ../../../..{program} {arguments}");
        self
    }

    /// Adds our connection cache under this service name.
    #[must_use]
    pub fn cache(mut self, name: &str, arguments: &str) -> Self {
        let program = programs::ours("baton-scache");
        let _ = writeln!(self.master, "{name} unix - - n - 1 ../../../..{} {arguments}", program.display());
        self
    }

    /// Adds an SMTP server at this port of 127.0.0.1, for which these parameters differ from main.cf.
    #[must_use]
    pub fn server(mut self, port: u16, options: &[(&str, String)]) -> Self {
        let _ = writeln!(self.master, "127.0.0.1:{port} inet n - n - - smtpd");
        for (parameter, value) in options {
            let _ = writeln!(self.master, "  -o {{ {parameter} = {value} }}");
        }
        self
    }

    /// Adds a line of master.cf.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        let _ = writeln!(self.master, "{line}");
        self
    }

    /// Starts it and waits until it takes mail.
    pub fn start(self) -> Postfix {
        assert!(Uid::effective().is_root(), "Postfix's master needs root");
        let (etc, queue) = (self.folder.join("etc"), self.folder.join("spool"));
        let log = self.folder.join("mail.log");
        prepare_queue(&queue, &self.folder.join("data"));
        fs::create_dir_all(&etc).expect("own folder");
        fs::write(etc.join("main.cf"), self.options.text()).expect("main.cf");
        fs::write(etc.join("master.cf"), &self.master).expect("master.cf");
        fs::write(etc.join("dynamicmaps.cf"), "").expect("dynamicmaps.cf");
        let daemon = run(&etc, &queue, &log);
        Postfix { daemon, etc, queue, log }
    }
}

/// Starts master, and waits until there is somebody to take mail.
fn run(etc: &Path, queue: &Path, log: &Path) -> Daemon {
    let mut command = Command::new(Path::new(DAEMONS).join("master"));
    // -d: stays in the foreground, in the process group it has.
    command.args(["-d", "-c"]).arg(etc).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("MAIL_CONFIG", etc);
    let starts = || fs::read_to_string(log).unwrap_or_default().matches("daemon started").count();
    let before = starts();
    let mut daemon = Daemon::from_command(command, &etc.with_file_name("master.log"));
    let pickup = queue.join("public/pickup");
    daemon.wait_ready("Postfix's pickup", |_| {
        (starts() > before && UnixStream::connect(&pickup).is_ok()).then_some(())
    });
    daemon
}

/// Where Debian has the daemons.
const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// A running instance. When dropped, it and its daemons are ended.
#[derive(Debug)]
pub struct Postfix {
    daemon: Daemon,
    etc: PathBuf,
    queue: PathBuf,
    log: PathBuf,
}

impl Postfix {
    /// Submits a message by sendmail(1), with these options of it.
    pub fn submit(&self, options: &[&str], sender: &str, recipients: &[&str], content: &str) {
        self.submit_octets(options, sender, recipients, content.as_bytes());
    }

    /// The same, of a message that need not be text.
    pub fn submit_octets(&self, options: &[&str], sender: &str, recipients: &[&str], content: &[u8]) {
        let mut command = Command::new(programs::debian("sendmail"));
        command.arg("-C").arg(&self.etc).args(options).args(["-i", "-f", sender, "--"]).args(recipients);
        let mut sendmail =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("sendmail runs");
        let written = sendmail.stdin.take().expect("piped").write_all(content);
        written.expect("sendmail reads");
        assert!(sendmail.wait().expect("own child").success(), "sendmail refused");
    }

    /// Waits for a line of its log that has all of these words, and gives it.
    pub fn expect_line(&self, words: &[&str]) -> String {
        wait::expect(&format!("a line with {words:?} in {}", self.log.display()), || {
            let log = self.log_from(0);
            log.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
        })
    }

    /// Files of a queue, by name.
    pub fn queue_files(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.queue.join(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }

    /// The root of its queue.
    pub fn queue_directory(&self) -> &Path {
        &self.queue
    }

    /// Where its configuration is.
    pub fn configuration(&self) -> &Path {
        &self.etc
    }

    /// `postfix reload`.
    pub fn reload(&self) {
        self.command("postfix", &["reload"]);
    }

    /// `postqueue -f`.
    pub fn flush(&self) {
        self.command("postqueue", &["-f"]);
    }

    /// Runs a command of Postfix's for this instance, and gives what it says.
    pub fn command(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(programs::debian(name));
        let done = command.arg("-c").arg(&self.etc).args(arguments).output().expect("it runs");
        assert!(done.status.success(), "{name} {arguments:?}: {done:?}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Where its queues are.
    pub fn root(&self) -> &Path {
        &self.queue
    }

    /// `postfix stop`, a look at what is there then, and a new start.
    pub fn restart(mut self, look: impl FnOnce(&Self)) -> Self {
        let daemons = self.daemon.descendants();
        self.command("postfix", &["stop"]);
        wait::expect("the end of master", || self.daemon.ended());
        for daemon in daemons {
            assert!(daemon.wait_gone(wait::PATIENCE), "{} outlived master", daemon.name);
        }
        look(&self);
        self.daemon = run(&self.etc, &self.queue, &self.log);
        self
    }

    /// master's process number.
    pub fn master(&self) -> u32 {
        self.daemon.pid()
    }

    /// An instance with everything below the sandbox.
    pub fn in_sandbox(sandbox: &Sandbox) -> Launch {
        let _ = programs::debian("postconf");
        let folder = sandbox.folder("postfix");
        let at = |name: &str| folder.join(name).display().to_string();
        let mut options = MainCf::new();
        options
            .set("compatibility_level", "3.6")
            .set("queue_directory", at("spool"))
            .set("data_directory", at("data"))
            .set("daemon_directory", DAEMONS)
            .set("command_directory", "/usr/sbin")
            .set("mail_owner", "postfix")
            .set("setgid_group", "postdrop")
            .set("maillog_file", at("mail.log"))
            .set("maillog_file_prefixes", sandbox.path().display().to_string())
            .set("inet_interfaces", "loopback-only")
            .set("inet_protocols", "ipv4")
            .set("myhostname", "relay.test")
            .set("mydestination", "")
            .set("local_recipient_maps", "")
            .set("alias_maps", "")
            .set("alias_database", "")
            .set("mynetworks", "127.0.0.0/8");
        Launch { folder, options, master: SERVICES.to_owned() }
    }

    /// Puts these letters into the queue, all at once.
    pub fn inject(&self, letters: &[Letter]) {
        for (number, letter) in letters.iter().enumerate() {
            letter.write(&self.queue.join("maildrop"), number);
        }
        let mut pickup = UnixStream::connect(self.queue.join("public/pickup")).expect("pickup listens");
        pickup.write_all(b"W").expect("pickup listens");
    }

    /// Complete lines of its log from this octet on.
    pub fn log_from(&self, octet: usize) -> String {
        let mut log = Vec::new();
        let read = |log: &mut Vec<u8>| -> std::io::Result<usize> {
            let mut file = File::open(&self.log)?;
            file.seek(SeekFrom::Start(octet as u64))?;
            file.read_to_end(log)
        };
        read(&mut log).expect("its log");
        let end = log.iter().rposition(|&octet| octet == b'\n').map_or(0, |end| end + 1);
        String::from_utf8_lossy(&log[..end]).into_owned()
    }

    /// Messages that wait or are being delivered.
    pub fn queued(&self) -> usize {
        ["maildrop", "incoming", "active", "deferred"].iter().map(|name| files(&self.queue.join(name))).sum()
    }

    /// SIGTERM to master, which ends its daemons; waits for the end.
    pub fn stop(mut self) {
        let master = Process::find(self.daemon.pid()).expect("master runs");
        let daemons = self.daemon.descendants();
        self.daemon.stop(&master, wait::PATIENCE);
        for daemon in daemons {
            assert!(daemon.wait_gone(wait::PATIENCE), "{} outlived master", daemon.name);
        }
    }
}

/// Files in a folder and below.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

fn prepare_queue(queue: &Path, data: &Path) {
    let owner = User::from_name("postfix").expect("accounts").expect("Debian's postfix made its account");
    let drop = Group::from_name("postdrop").expect("groups").expect("Debian's postfix made its group");
    let own = |path: &Path, mode: u32, uid: Uid, gid: Gid| {
        fs::create_dir_all(path).expect("own folder");
        chown(path, Some(uid.as_raw()), Some(gid.as_raw())).expect("root may");
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("own folder");
    };
    let root = Gid::from_raw(0);
    own(data, 0o700, owner.uid, root);
    for folder in FOLDERS {
        own(&queue.join(folder), 0o700, owner.uid, root);
    }
    own(&queue.join("pid"), 0o755, Uid::from_raw(0), root);
    own(&queue.join("public"), 0o710, owner.uid, drop.gid);
    own(&queue.join("maildrop"), 0o1730, owner.uid, drop.gid);
}
