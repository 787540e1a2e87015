//! What is tried, each in a process of its own.

use crate::raw::call;
use libc::c_long;
use proto::channel::Channel;
use proto::steward::ToSteward;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType};
use scache::confinement::confine;
use scache::log::Log;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Barrier};

/// Connects a TCP socket while it sends.
const FAST_OPEN: SendFlags = SendFlags::from_bits_retain(libc::MSG_FASTOPEN.cast_unsigned());

/// A confined process with a parked socket: its client, its server, and a listener that waits for it elsewhere.
struct Scene {
    client: OwnedFd,
    server: TcpStream,
    elsewhere: TcpListener,
}

impl Scene {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        Self { client: client.into(), server, elsewhere }
    }

    /// Every way to another connection that there is.
    fn try_everything(&self, address: &std::net::SocketAddr) {
        let Self { client, elsewhere, .. } = self;
        refused("disconnect", rustix::net::connect_unspec(client));
        refused("connect", rustix::net::connect(client, address));
        refused("bind", rustix::net::bind(client, address));
        refused("listen", rustix::net::listen(client, 1));
        refused("sendto with MSG_FASTOPEN", rustix::net::sendto(client, b"x", FAST_OPEN, address));
        let to = [std::io::IoSlice::new(b"x")];
        let mut nothing = rustix::net::SendAncillaryBuffer::default();
        let sent = rustix::net::sendmsg_addr(client, address, &to, &mut nothing, FAST_OPEN);
        refused("sendmsg with MSG_FASTOPEN", sent);
        let more = FAST_OPEN | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        refused("among other flags", rustix::net::sendto(client, b"x", more, address));
        let one = 1_i32;
        for (level, option) in [
            (libc::IPPROTO_TCP, libc::TCP_REPAIR),
            (libc::IPPROTO_TCP, libc::TCP_ULP),
            (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
            (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER),
            (libc::SOL_SOCKET, libc::SO_LINGER),
        ] {
            let value = [number(client), level as usize, option as usize, (&raw const one) as usize, 4, 0];
            refused("setsockopt", call(libc::SYS_setsockopt, value));
        }
        for call_of in [libc::SYS_connect, libc::SYS_sendmmsg, libc::SYS_io_uring_setup] {
            refused("by number", call(call_of, [number(client), 0, 0, 0, 0, 0]));
            refused("by the number of x32", call(call_of | X32, [number(client), 0, 0, 0, 0, 0]));
        }
        assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came");
    }
}

/// Added to the numbers of x86_64's second interface.
const X32: c_long = 0x4000_0000;

fn number(of: impl AsFd) -> usize {
    of.as_fd().as_raw_fd() as usize
}

fn refused<T: std::fmt::Debug>(what: &str, result: Result<T, Errno>) {
    assert_eq!(result.err(), Some(Errno::PERM), "{what}");
}

#[test]
#[ignore = "confines its process"]
fn another_connection() {
    let scene = Scene::set();
    let address = scene.elsewhere.local_addr().unwrap();
    confine().unwrap();
    scene.try_everything(&address);
    // To send to an address is not refused, since the log needs it; a connection takes no notice.
    rustix::net::sendto(&scene.client, b"MAIL", SendFlags::NOSIGNAL, &address).unwrap();
    let mut heard = [0; 9];
    assert_eq!(rustix::io::read(&scene.server, &mut heard).unwrap(), 4);
    assert!(heard.starts_with(b"MAIL"), "by the server that it was parked with");
    // The same when the connection is over, on either side's word.
    rustix::net::shutdown(&scene.client, Shutdown::Both).unwrap();
    scene.try_everything(&address);
    assert_eq!(rustix::io::read(&scene.server, &mut heard).unwrap(), 0);
    assert_eq!(rustix::io::write(&scene.server, b"reset").unwrap(), 5);
    while rustix::net::send(&scene.client, b"x", SendFlags::NOSIGNAL) != Err(Errno::PIPE) {}
    scene.try_everything(&address);
    assert!(rustix::net::sendto(&scene.client, b"x", SendFlags::NOSIGNAL, &address).is_err());
    assert_eq!(scene.elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came");
}

/// What may be called, some of it only with certain arguments.
const LISTED: &[c_long] = &[
    libc::SYS_accept4,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_futex,
    libc::SYS_geteuid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_ioctl,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setitimer,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_socketpair,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_alarm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// uretprobe and uprobe of x86_64: the kernel's own, which no filter is asked about; whoever else calls them is killed.
const PROBES: std::ops::RangeInclusive<c_long> = 335..=336;

#[test]
#[ignore = "confines its process"]
fn everything_else() {
    let (channel, _) = Channel::pair().unwrap();
    confine().unwrap();
    let unlisted = |number: &c_long| !LISTED.contains(number) && !PROBES.contains(number);
    for number in (0..1024).filter(unlisted) {
        refused(&format!("call {number}"), call(number, [0; 6]));
    }
    for number in X32..X32 + 1024 {
        refused(&format!("call {number:#x}"), call(number, [0; 6]));
    }
    let (readable, executable) = (libc::PROT_READ as usize, (libc::PROT_READ | libc::PROT_EXEC) as usize);
    let memory = |protection| {
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
        call(libc::SYS_mmap, [0, 4096, protection, flags, usize::MAX, 0])
    };
    refused("code", memory(executable));
    let page = memory(readable).unwrap() as usize;
    refused("code, later", call(libc::SYS_mprotect, [page, 4096, executable, 0, 0, 0]));
    refused("a terminal's input", call(libc::SYS_ioctl, [0, libc::TIOCSTI as usize, page, 0, 0, 0]));
    refused("a signal", call(libc::SYS_tgkill, [1, 1, 0, 0, 0, 0]));
    let copy = [number(&channel), libc::F_DUPFD as usize, 0, 0, 0, 0];
    refused("a copy of a descriptor", call(libc::SYS_fcntl, copy));
    refused("a program", std::process::Command::new("/bin/true").status().map_err(errno));
    refused("a file", std::fs::File::open("/dev/null").map_err(errno));
    refused("a thread", std::thread::Builder::new().spawn(|| ()).map_err(errno));
    refused("a socket", rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None));
    for kind in [SocketType::STREAM, SocketType::DGRAM] {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        refused("another pair", rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None));
    }
    refused("an option", sockopt::socket_timeout(&channel, Timeout::Recv));
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap()
}

#[test]
#[ignore = "confines its process"]
fn the_daily_work() {
    let log = Log::new();
    confine().unwrap();
    let mut memory: Vec<Vec<u8>> = (0..100).map(|size| vec![1; size * 10_000]).collect();
    memory.iter_mut().for_each(|piece| piece.resize(piece.len() * 3 + 1, 2));
    drop(memory);
    let ((mut ours, mut theirs), (_, passed)) = (Channel::pair().unwrap(), Channel::pair().unwrap());
    ours.send(&ToSteward::Client, &[passed.as_fd()]).unwrap();
    let (message, descriptors) = theirs.receive::<ToSteward>().unwrap();
    assert_eq!(message, ToSteward::Client);
    let came = descriptors.only().unwrap();
    assert_eq!(sockopt::socket_type(&came).unwrap(), SocketType::SEQPACKET);
    sockopt::socket_peercred(&came).unwrap();
    rustix::io::ioctl_fionbio(&came, true).unwrap();
    assert_eq!(rustix::net::recv(&came, &mut [0; 1][..], RecvFlags::empty()).err(), Some(Errno::PERM));
    log.info("a line");
    assert_eq!(waited(came.as_fd()), 1);
    assert!(std::panic::catch_unwind(|| panic!("on purpose")).is_err());
}

/// How many of one are ready, without waiting.
fn waited(on: BorrowedFd<'_>) -> usize {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    poll(&mut [PollFd::from_borrowed_fd(on, PollFlags::OUT)], Some(&Timespec::default())).unwrap()
}

#[test]
#[ignore = "confines its process"]
fn another_thread() {
    let meeting = Arc::new(Barrier::new(2));
    let theirs = Arc::clone(&meeting);
    let thread = std::thread::spawn(move || {
        theirs.wait();
        theirs.wait();
        std::fs::File::open("/dev/null").map_err(errno)
    });
    meeting.wait();
    confine().unwrap();
    meeting.wait();
    refused("a file", thread.join().unwrap());
}

#[test]
#[ignore = "ends its process"]
fn abort() {
    confine().unwrap();
    std::process::abort();
}

#[test]
#[ignore = "ends its process"]
#[cfg(target_arch = "x86_64")]
fn another_machine() {
    confine().unwrap();
    crate::raw::call_of_another_machine();
}
