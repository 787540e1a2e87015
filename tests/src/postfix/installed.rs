//! Postfix as Debian installs it: at its own places, with Debian's master.cf, chrooted, logging to syslog. In namespaces
//! of its own ([`crate::alone`]), where those places are the test's.

use super::{DAEMONS, Postfix, prepare_queue};
use crate::alone::{own_devices, put};
use crate::daemon::Daemon;
use crate::{Sandbox, programs};
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where Debian has its configuration.
const ETC: &str = "/etc/postfix";
const QUEUE: &str = "/var/spool/postfix";
const DATA: &str = "/var/lib/postfix";
/// Prepares the chroot, and the rest that Debian does before a start.
const PREPARE: &str = "/usr/lib/postfix/configure-instance.sh";
/// How often the log's thread looks whether the test is over.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// Debian's installation before its first start, with a log that the test can read.
#[derive(Debug)]
pub struct Installed {
    log: PathBuf,
    folder: PathBuf,
    _syslog: Syslog,
}

impl Installed {
    /// To be called once inside.
    pub fn new(sandbox: &Sandbox) -> Self {
        let folder = sandbox.folder("debian");
        let (etc, queue, data) = (folder.join("etc"), folder.join("spool"), folder.join("data"));
        let copied = Command::new("cp").args(["-a", ETC]).arg(&etc).status().expect("cp runs");
        assert!(copied.success(), "{ETC} cannot be copied");
        prepare_queue(&queue, &data);
        for name in ["dev", "etc", "lib", "usr"] {
            fs::create_dir_all(queue.join(name)).expect("own folder");
        }
        own_devices(sandbox);
        for (folder, place) in [(&etc, ETC), (&queue, QUEUE), (&data, DATA)] {
            put(folder, place);
        }
        let log = folder.join("mail.log");
        let syslog = Syslog::start(Path::new("/dev/log"), &log);
        Self { log, folder, _syslog: syslog }
    }

    /// Debian's master.cf with these texts replaced, each of which must be there, and lines at the end.
    pub fn services(&self, replaced: &[(&str, &str)], more: &str) -> String {
        let mut text =
            fs::read_to_string(Path::new(ETC).join("master.cf.proto")).expect("Debian's master.cf");
        for (old, new) in replaced {
            assert!(text.contains(old), "{old:?} is not in Debian's master.cf");
            text = text.replace(old, new);
        }
        text + more
    }

    /// Starts it with this configuration and waits until it takes mail.
    pub fn start(&self, main_cf: &str, master_cf: &str) -> Postfix {
        let etc = PathBuf::from(ETC);
        fs::write(etc.join("main.cf"), main_cf).expect("main.cf");
        fs::write(etc.join("master.cf"), master_cf).expect("master.cf");
        let _ = programs::debian("postconf");
        let prepared = Command::new("sh").args([PREPARE, "-"]).output().expect("sh runs");
        assert!(prepared.status.success(), "{prepared:?}");
        let mut command = Command::new(Path::new(DAEMONS).join("master"));
        command.arg("-d").env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let mut daemon = Daemon::from_command(command, &self.folder.join("master.log"));
        let (log, pickup) = (self.log.clone(), Path::new(QUEUE).join("public/pickup"));
        daemon.wait_ready("Postfix's pickup", |_| {
            let started = fs::read_to_string(&log).is_ok_and(|text| text.contains("daemon started"));
            (started && UnixStream::connect(&pickup).is_ok()).then_some(())
        });
        Postfix { daemon, etc, queue: QUEUE.into(), log }
    }
}

/// What rsyslogd does with what comes to `/dev/log`.
#[derive(Debug)]
struct Syslog {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Syslog {
    fn start(socket: &Path, file: &Path) -> Self {
        let received = UnixDatagram::bind(socket).expect("the log's socket");
        fs::set_permissions(socket, Permissions::from_mode(0o666)).expect("own socket");
        received.set_read_timeout(Some(HEARTBEAT)).expect("own socket");
        let mut file = File::options().create(true).append(true).open(file).expect("the log");
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while !ended.load(Ordering::Relaxed) {
                let Ok(length) = received.recv(&mut buffer) else { continue };
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                file.write_all(line(&text).as_bytes()).expect("the log");
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `<22>Nov 26 15:00:00 postfix/smtp[7]: …` with this machine's name in it.
fn line(datagram: &str) -> String {
    let text = datagram.split_once('>').map_or(datagram, |(_, text)| text).trim_end_matches(['\n', '\0']);
    let (time, text) = text.split_at_checked("Nov 26 15:00:00".len()).unwrap_or(("", text));
    format!("{time} debian{text}\n")
}
