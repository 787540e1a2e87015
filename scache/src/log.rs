//! Log lines in Postfix's shape, to the standard error stream, one write each; or to whoever writes the log instead.

use jiff::{Timestamp, tz::TimeZone};
use proto::clock::Boottime;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::time::Duration;

/// The name in front of the process number.
const TAG: &str = "baton/scache";

/// The longest line, in bytes: well below what a pipe takes in one piece.
const LONGEST: usize = 1000;

/// How many warnings one [`WINDOW`] may bring. A client that misbehaves for fun does not fill a disk.
const WARNINGS: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);

/// Who writes the log in place of this: it gets the text alone, at once, and does not wait.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// What happened.
    pub info: fn(&str),
    /// What should not happen.
    pub warning: fn(&str),
}

/// Writes log lines. Reads the time zone and the host's name when it is made, and no file after that.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Option<Lines>,
    zone: TimeZone,
    host: String,
    pid: u32,
    window_ends: Boottime,
    warnings: u32,
}

impl Log {
    /// For this process.
    #[must_use]
    pub fn new() -> Self {
        let name = rustix::system::uname();
        let host = name.nodename().to_string_lossy();
        let host = host.split('.').next().unwrap_or_default().to_owned();
        Self {
            lines: None,
            zone: TimeZone::system(),
            host,
            pid: std::process::id(),
            window_ends: Boottime::default(),
            warnings: 0,
        }
    }

    /// For a process whose log is somebody else's to write.
    #[must_use]
    pub fn through(lines: Lines) -> Self {
        Self { lines: Some(lines), ..Self::new() }
    }

    /// One line, if whoever reads the log takes it at once: the daemon does not wait for a reader.
    pub fn info(&self, text: &str) {
        if let Some(lines) = self.lines {
            return (lines.info)(text);
        }
        let stderr = rustix::stdio::stderr();
        let ready = &mut [PollFd::new(&stderr, PollFlags::OUT)];
        let at_once = Timespec::default();
        if rustix::event::poll(ready, Some(&at_once)).is_ok_and(|count| count > 0) {
            let line = line(&self.time(Timestamp::now()), &self.host, self.pid, text);
            let _ = rustix::io::write(stderr, line.as_bytes());
        }
    }

    /// One line that somebody outside can provoke: 20 of them in 10 seconds, then a summary.
    pub fn warn(&mut self, text: &str, now: Boottime) {
        if now >= self.window_ends {
            let swallowed = self.warnings.saturating_sub(WARNINGS);
            if swallowed > 0 {
                self.warning(&format!("{swallowed} more warnings were not logged"));
            }
            self.window_ends = now.after(WINDOW);
            self.warnings = 0;
        }
        self.warnings = self.warnings.saturating_add(1);
        if self.warnings <= WARNINGS {
            self.warning(text);
        }
    }

    fn warning(&self, text: &str) {
        match self.lines {
            Some(lines) => (lines.warning)(text),
            None => self.info(&format!("warning: {text}")),
        }
    }

    /// A time as it stands in the log: `Nov 22 13:33:53`, local.
    #[must_use]
    pub fn time(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%b %e %H:%M:%S").to_string()
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

/// The line with its end. Control characters become `?`: a line is a line.
fn line(time: &str, host: &str, pid: u32, text: &str) -> String {
    let mut line = format!("{time} {host} {TAG}[{pid}]: ");
    for char in text.chars() {
        if line.len() + char.len_utf8() >= LONGEST {
            break;
        }
        line.push(if char.is_control() { '?' } else { char });
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_postfix_shape_and_is_one_line() {
        assert_eq!(
            line("Nov  2 03:04:05", "mx", 7, "warning: a\r\nb\u{7f}"),
            "Nov  2 03:04:05 mx baton/scache[7]: warning: a??b?\n"
        );
        let long = line("Nov  2 03:04:05", "mx", 7, &"ü".repeat(2000));
        assert!(long.len() <= LONGEST + 1 && long.ends_with("ü\n"), "{}", long.len());
    }

    #[test]
    fn the_day_is_padded_with_a_blank() {
        let log = Log { zone: TimeZone::UTC, ..Log::new() };
        assert_eq!(log.time("2026-11-02T03:04:05Z".parse().unwrap()), "Nov  2 03:04:05");
    }
}
