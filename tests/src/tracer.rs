//! Stops a running process at a chosen system call, and kills it there.
//!
//! ptrace(2) by hand, since strace counts calls per thread and per name; here the n-th call of the whole process is
//! the n-th call. Calls are counted at their entry, before they do anything, from [`Tracer::arm`] on.

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the tracer was told and what it saw.
#[derive(Debug, Default)]
struct State {
    armed: bool,
    over: bool,
    calls: Vec<u64>,
    cut: Option<Cut>,
}

/// Where the process was killed.
#[derive(Debug, Clone)]
pub struct Cut {
    /// Number of the system call, for [`name_of`].
    pub call: u64,
    /// Right before the kill.
    pub at: Instant,
}

/// A traced process. Dropping it lets the process go on by itself.
#[derive(Debug)]
pub struct Tracer {
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Tracer {
    /// Takes hold of a process and its threads. With `kill_at`, the process is killed when it enters the so-many-th
    /// call (the first is 1), after it has been held still for `pause`.
    pub fn attach(pid: u32, kill_at: Option<usize>, pause: Duration) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let (attached, ready) = mpsc::channel();
        // All requests must come from the thread that took hold.
        let thread = std::thread::spawn(move || {
            let pid = Pid::from_raw(i32::try_from(pid).expect("a process number"));
            let mut hold = Hold { process: pid, threads: HashSet::new(), kill_at, pause, state: shared };
            let outcome = hold.take();
            let failed = outcome.is_err();
            let _ = attached.send(outcome);
            if !failed {
                hold.follow();
            }
        });
        let outcome = ready.recv().expect("the tracer's thread");
        outcome.unwrap_or_else(|error| panic!("cannot trace process {pid} ({error}); this needs root"));
        Self { state, thread: Some(thread) }
    }

    /// Counting begins.
    pub fn arm(&self) {
        self.state.lock().expect("tracer").armed = true;
    }

    /// Where it was killed, if it was.
    pub fn cut(&self) -> Option<Cut> {
        self.state.lock().expect("tracer").cut.clone()
    }

    /// Lets go and gives the numbers of the calls that were counted.
    pub fn finish(mut self) -> Vec<u64> {
        self.release();
        std::mem::take(&mut self.state.lock().expect("tracer").calls)
    }

    fn release(&mut self) {
        self.state.lock().expect("tracer").over = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.release();
    }
}

/// The tracer's own side.
struct Hold {
    process: Pid,
    threads: HashSet<Pid>,
    kill_at: Option<usize>,
    pause: Duration,
    state: Arc<Mutex<State>>,
}

/// Only what this thread traces; the test's other children are not ours to wait for.
const OURS: WaitPidFlag = WaitPidFlag::__WALL.union(WaitPidFlag::__WNOTHREAD);

impl Hold {
    /// Seizes every thread and stops it once, so that its next calls are seen.
    fn take(&mut self) -> nix::Result<()> {
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process)).map_err(|_| nix::Error::ESRCH)?;
        let threads = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok()).map(Pid::from_raw);
        for thread in threads {
            ptrace::seize(thread, options)?;
            ptrace::interrupt(thread)?;
            self.threads.insert(thread);
        }
        Ok(())
    }

    fn follow(&mut self) {
        let mut letting_go = false;
        let mut idle = 0_u32;
        while !self.threads.is_empty() {
            match self.next_event() {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == self.process => return,
                Ok(WaitStatus::StillAlive) => {
                    idle += 1;
                    if idle > 200 {
                        crate::wait::pass(Duration::from_micros(50));
                    } else {
                        std::thread::yield_now();
                    }
                }
                Ok(status) => {
                    idle = 0;
                    self.on_stop(status, letting_go);
                }
                Err(_) => return,
            }
            if !letting_go && self.state.lock().expect("tracer").over {
                letting_go = true;
                for &thread in &self.threads {
                    let _ = ptrace::interrupt(thread);
                }
            }
        }
    }

    /// The next thing that happened to any thread, if anything did. The end of the process itself is looked at and
    /// left for its parent to collect.
    fn next_event(&self) -> nix::Result<WaitStatus> {
        let look = OURS | WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        let seen = waitid(Id::All, look)?;
        let over = matches!(seen, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
        match seen.pid() {
            Some(pid) if pid == self.process && over => Ok(seen),
            Some(pid) => waitpid(pid, Some(OURS | WaitPidFlag::WNOHANG)),
            None => Ok(seen),
        }
    }

    fn on_stop(&mut self, status: WaitStatus, letting_go: bool) {
        let (thread, signal) = match status {
            WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, ..) => {
                self.threads.remove(&thread);
                return;
            }
            WaitStatus::PtraceSyscall(thread) => {
                if !letting_go {
                    self.on_call(thread);
                }
                (thread, None)
            }
            // Also the stop that the interruption asked for, and a new thread's first.
            WaitStatus::PtraceEvent(thread, ..) => (thread, None),
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            _ => return,
        };
        self.threads.insert(thread);
        if letting_go {
            let _ = ptrace::detach(thread, signal);
            self.threads.remove(&thread);
        } else {
            let _ = ptrace::syscall(thread, signal);
        }
    }

    fn on_call(&mut self, thread: Pid) {
        const ENTRY: u8 = 1;
        if ptrace::syscall_info(thread).map(|info| info.op) != Ok(ENTRY) {
            return;
        }
        let call = call_number(thread);
        let reached = {
            let mut state = self.state.lock().expect("tracer");
            if !state.armed || state.cut.is_some() {
                return;
            }
            state.calls.push(call);
            state.calls.len()
        };
        if self.kill_at == Some(reached) {
            crate::wait::pass(self.pause);
            let at = Instant::now();
            let _ = kill(self.process, Signal::SIGKILL);
            self.state.lock().expect("tracer").cut = Some(Cut { call, at });
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn call_number(thread: Pid) -> u64 {
    ptrace::getregs(thread).map_or(u64::MAX, |registers| registers.orig_rax)
}

#[cfg(target_arch = "aarch64")]
fn call_number(thread: Pid) -> u64 {
    ptrace::getregs(thread).map_or(u64::MAX, |registers| registers.regs[8])
}

/// Waits until the process is gone without collecting it; that is its parent's business.
pub fn wait_dead(pid: u32) {
    crate::wait::expect("the death of the process", || crate::process::Process::find(pid).is_none().then_some(()));
}

/// The name of a system call, as far as our programs make it.
#[cfg(target_arch = "x86_64")]
pub fn name_of(call: u64) -> String {
    const NAMES: &[(u64, &str)] = &[
        (0, "read"), (1, "write"), (2, "open"), (3, "close"), (4, "stat"), (5, "fstat"), (7, "poll"), (8, "lseek"),
        (9, "mmap"), (10, "mprotect"), (11, "munmap"), (12, "brk"), (13, "rt_sigaction"), (14, "rt_sigprocmask"),
        (16, "ioctl"), (17, "pread64"), (18, "pwrite64"), (19, "readv"), (20, "writev"), (24, "sched_yield"),
        (25, "mremap"), (28, "madvise"), (32, "dup"), (33, "dup2"), (35, "nanosleep"), (39, "getpid"), (41, "socket"),
        (42, "connect"), (43, "accept"), (44, "sendto"), (45, "recvfrom"), (46, "sendmsg"), (47, "recvmsg"),
        (48, "shutdown"), (49, "bind"), (50, "listen"), (51, "getsockname"), (52, "getpeername"), (53, "socketpair"),
        (54, "setsockopt"), (55, "getsockopt"), (56, "clone"), (57, "fork"), (58, "vfork"), (59, "execve"),
        (60, "exit"), (61, "wait4"), (62, "kill"), (72, "fcntl"), (73, "flock"), (74, "fsync"), (75, "fdatasync"),
        (76, "truncate"), (77, "ftruncate"), (78, "getdents"), (79, "getcwd"), (80, "chdir"), (82, "rename"),
        (83, "mkdir"), (84, "rmdir"), (86, "link"), (87, "unlink"), (89, "readlink"), (90, "chmod"), (91, "fchmod"),
        (96, "gettimeofday"), (99, "sysinfo"), (102, "getuid"), (131, "sigaltstack"), (137, "statfs"), (157, "prctl"),
        (158, "arch_prctl"), (186, "gettid"), (202, "futex"), (203, "sched_setaffinity"), (204, "sched_getaffinity"),
        (217, "getdents64"), (218, "set_tid_address"), (219, "restart_syscall"), (228, "clock_gettime"),
        (230, "clock_nanosleep"), (231, "exit_group"), (232, "epoll_wait"), (233, "epoll_ctl"), (234, "tgkill"),
        (247, "waitid"), (257, "openat"), (258, "mkdirat"), (262, "newfstatat"), (263, "unlinkat"), (264, "renameat"),
        (265, "linkat"), (267, "readlinkat"), (268, "fchmodat"), (269, "faccessat"), (271, "ppoll"),
        (273, "set_robust_list"), (281, "epoll_pwait"), (282, "signalfd"), (283, "timerfd_create"), (285, "fallocate"),
        (286, "timerfd_settime"), (288, "accept4"), (289, "signalfd4"), (290, "eventfd2"), (291, "epoll_create1"),
        (292, "dup3"), (293, "pipe2"), (299, "recvmmsg"), (302, "prlimit64"), (306, "syncfs"), (307, "sendmmsg"),
        (316, "renameat2"), (318, "getrandom"), (332, "statx"), (334, "rseq"), (424, "pidfd_send_signal"),
        (434, "pidfd_open"), (435, "clone3"), (436, "close_range"), (437, "openat2"), (439, "faccessat2"),
        (441, "epoll_pwait2"),
    ];
    let known = NAMES.iter().find(|(number, _)| *number == call);
    known.map_or_else(|| format!("call {call}"), |(_, name)| (*name).to_owned())
}

/// The number, where nobody has written down the names.
#[cfg(not(target_arch = "x86_64"))]
pub fn name_of(call: u64) -> String {
    format!("call {call}")
}
