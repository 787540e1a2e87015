//! Runs `postmap -s` and takes what it prints.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long postmap may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked after.
const AGAIN: Duration = Duration::from_millis(2);
/// How much it may print, in octets.
const MOST_OCTETS: u64 = 256 << 20;
/// How old our main.cf looks.
const LONG_AGO: Duration = Duration::from_secs(3600);
/// How much of a complaint is kept.
const COMPLAINT: u64 = 4096;

/// All keys and values of `type:/file`.
pub(super) fn dump(postmap: &Path, table: &str) -> Result<Vec<u8>, String> {
    run(postmap, table).map_err(|error| format!("{} -s: {error}", postmap.display()))
}

fn run(postmap: &Path, table: &str) -> io::Result<Vec<u8>> {
    let mut command = Command::new(postmap);
    // Where nothing can be written the system's has to do.
    let folder = Configuration::new().ok();
    if let Some(Configuration(folder)) = &folder {
        command.arg("-c").arg(folder);
    }
    command.args(["-s", table]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (status, printed, complaint) = thread::scope(|scope| {
        let printed = scope.spawn(|| read(out, MOST_OCTETS + 1));
        let complaint = scope.spawn(|| {
            let mut err = err;
            let complaint = read(err.as_mut(), COMPLAINT)?;
            // What is too much is read too: a pipe that nobody reads would end the program.
            err.map_or(Ok(0), |mut err| io::copy(&mut err, &mut io::sink()))?;
            Ok(complaint)
        });
        let status = wait(&mut child);
        (status, joined(printed.join()), joined(complaint.join()))
    });
    let (status, printed, complaint) = (status?, printed?, complaint?);
    if !status.success() {
        let complaint = String::from_utf8_lossy(&complaint);
        return Err(io::Error::other(complaint.trim().replace('\n', "; ")));
    }
    if u64::try_from(printed.len()).is_ok_and(|length| length <= MOST_OCTETS) {
        Ok(printed)
    } else {
        Err(io::Error::other(format!("more than {MOST_OCTETS} octets")))
    }
}

fn read(from: Option<impl Read>, most: u64) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    if let Some(from) = from {
        from.take(most).read_to_end(&mut octets)?;
    }
    Ok(octets)
}

fn joined(result: thread::Result<io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    result.unwrap_or_else(|_| Err(io::Error::other("a thread that reads has died")))
}

/// Waits for the end, and brings it about when that takes too long: another process may have the table locked.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if started.elapsed() >= PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("not done after {} s", PATIENCE.as_secs())));
        }
        thread::sleep(AGAIN);
    }
}

/// A folder with a main.cf: postmap refuses to run without one, and what stands in the system's does not matter here.
struct Configuration(PathBuf);

impl Configuration {
    fn new() -> io::Result<Self> {
        let name = RandomState::new().hash_one(std::process::id());
        let folder = std::env::temp_dir().join(format!("baton-postmap-{name:016x}"));
        // Fails if it is there, so that nobody else's is used.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let folder = Self(folder);
        let mut file = File::create(folder.0.join("main.cf"))?;
        file.write_all(b"compatibility_level = 3.6\n")?;
        // Postfix waits for a second and more before it reads one that may still be in the making.
        file.set_modified(SystemTime::now() - LONG_AGO)?;
        Ok(folder)
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        _ = fs::remove_file(self.0.join("main.cf"));
        _ = fs::remove_dir(&self.0);
    }
}
