//! Names of system calls, as far as our programs make them.

/// The name, or the number where nobody has written it down.
pub fn name_of(call: u64) -> String {
    let known = NAMES.iter().find(|(number, _)| *number == call);
    known.map_or_else(|| format!("call {call}"), |(_, name)| (*name).to_owned())
}

/// Linux on x86-64.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const NAMES: &[(u64, &str)] = &[
    (0, "read"), (1, "write"), (2, "open"), (3, "close"), (4, "stat"),
    (5, "fstat"), (7, "poll"), (8, "lseek"), (9, "mmap"), (10, "mprotect"),
    (11, "munmap"), (12, "brk"), (13, "rt_sigaction"), (14, "rt_sigprocmask"), (16, "ioctl"),
    (17, "pread64"), (18, "pwrite64"), (19, "readv"), (20, "writev"), (24, "sched_yield"),
    (25, "mremap"), (28, "madvise"), (32, "dup"), (33, "dup2"), (35, "nanosleep"),
    (39, "getpid"), (41, "socket"), (42, "connect"), (43, "accept"), (44, "sendto"),
    (45, "recvfrom"), (46, "sendmsg"), (47, "recvmsg"), (48, "shutdown"), (49, "bind"),
    (50, "listen"), (51, "getsockname"), (52, "getpeername"), (53, "socketpair"), (54, "setsockopt"),
    (55, "getsockopt"), (56, "clone"), (57, "fork"), (58, "vfork"), (59, "execve"),
    (60, "exit"), (61, "wait4"), (62, "kill"), (72, "fcntl"), (73, "flock"),
    (74, "fsync"), (75, "fdatasync"), (76, "truncate"), (77, "ftruncate"), (78, "getdents"),
    (79, "getcwd"), (80, "chdir"), (82, "rename"), (83, "mkdir"), (84, "rmdir"),
    (86, "link"), (87, "unlink"), (89, "readlink"), (90, "chmod"), (91, "fchmod"),
    (96, "gettimeofday"), (99, "sysinfo"), (102, "getuid"), (104, "getgid"), (107, "geteuid"), (108, "getegid"), (131, "sigaltstack"), (137, "statfs"),
    (157, "prctl"), (158, "arch_prctl"), (186, "gettid"), (202, "futex"), (203, "sched_setaffinity"),
    (204, "sched_getaffinity"), (217, "getdents64"), (218, "set_tid_address"), (219, "restart_syscall"), (228, "clock_gettime"),
    (230, "clock_nanosleep"), (231, "exit_group"), (232, "epoll_wait"), (233, "epoll_ctl"), (234, "tgkill"),
    (247, "waitid"), (257, "openat"), (258, "mkdirat"), (262, "newfstatat"), (263, "unlinkat"),
    (264, "renameat"), (265, "linkat"), (267, "readlinkat"), (268, "fchmodat"), (269, "faccessat"),
    (271, "ppoll"), (273, "set_robust_list"), (281, "epoll_pwait"), (282, "signalfd"), (283, "timerfd_create"),
    (285, "fallocate"), (286, "timerfd_settime"), (288, "accept4"), (289, "signalfd4"), (290, "eventfd2"),
    (291, "epoll_create1"), (292, "dup3"), (293, "pipe2"), (299, "recvmmsg"), (302, "prlimit64"),
    (306, "syncfs"), (307, "sendmmsg"), (316, "renameat2"), (318, "getrandom"), (332, "statx"),
    (334, "rseq"), (424, "pidfd_send_signal"), (434, "pidfd_open"), (435, "clone3"), (436, "close_range"),
    (437, "openat2"), (439, "faccessat2"), (441, "epoll_pwait2"),
];

/// Elsewhere numbers have to do.
#[cfg(not(target_arch = "x86_64"))]
const NAMES: &[(u64, &str)] = &[];
