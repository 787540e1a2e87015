//! Stops a running process at a chosen system call, and kills it there.
//!
//! ptrace(2) by hand, since strace counts calls per thread and per name; here the n-th call of the whole process is
//! the n-th call. Calls are counted at their entry, before they do anything, from [`Tracer::arm`] on.

mod names;

pub use names::name_of;

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
///
/// Drop it before waiting for the end of a child: while it is traced its end is the tracer's to see, and a wait that
/// was begun before is not woken.
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
            let mut hold = Hold {
                process: pid,
                threads: HashSet::new(),
                resuming: HashSet::new(),
                kill_at,
                pause,
                state: shared,
            };
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
    /// Threads that were inside a call when they were seized: they enter it once more, which is not a new call.
    resuming: HashSet<Pid>,
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
        let tasks =
            std::fs::read_dir(format!("/proc/{}/task", self.process)).map_err(|_| nix::Error::ESRCH)?;
        let threads =
            tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok()).map(Pid::from_raw);
        for thread in threads {
            ptrace::seize(thread, options)?;
            ptrace::interrupt(thread)?;
            waitpid(thread, Some(OURS))?;
            if was_in_call(thread) {
                self.resuming.insert(thread);
            }
            ptrace::syscall(thread, None)?;
            self.threads.insert(thread);
        }
        Ok(())
    }

    fn follow(&mut self) {
        let mut letting_go = false;
        let mut idle = 0_u32;
        while !self.threads.is_empty() {
            match self.next_event() {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == self.process => {
                    return;
                }
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
        let look =
            OURS | WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
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
        if self.resuming.remove(&thread) {
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

/// A call that was interrupted: the kernel enters it again (ERESTARTSYS to ERESTART_RESTARTBLOCK), or the program
/// does (EINTR, which epoll_wait gives).
fn is_interrupted(result: i64) -> bool {
    const EINTR: i64 = -4;
    (-516..=-512).contains(&result) || result == EINTR
}

#[cfg(target_arch = "x86_64")]
fn was_in_call(thread: Pid) -> bool {
    ptrace::getregs(thread).is_ok_and(|registers| is_interrupted(registers.rax.cast_signed()))
}

#[cfg(target_arch = "aarch64")]
fn was_in_call(thread: Pid) -> bool {
    ptrace::getregs(thread).is_ok_and(|registers| is_interrupted(registers.regs[0].cast_signed()))
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
    crate::wait::expect("the death of the process", || {
        crate::process::Process::find(pid).is_none().then_some(())
    });
}
