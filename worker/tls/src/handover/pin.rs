//! A connection that can never be exchanged for another one. Unsafe: two socket options for which there is no safe call.
//!
//! Whoever has a descriptor of a TCP socket can end its connection and connect the same socket anew (connect(2) with
//! `AF_UNSPEC`, then with an address). Its cookie stays, and its counters begin again: they can be brought to where they
//! were at any deposit, and the mark of that deposit is right once more. So the socket is given a filter that drops every
//! segment with SYN, and the filter is locked: nobody without `CAP_NET_ADMIN` can take it away, and no new connection is
//! ever made without a segment with SYN from the other side.
#![expect(unsafe_code, reason = "setsockopt from buffers of this file, of the length that is given along")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// In the header of a TCP segment, which is what the filter sees: where the flags are, and which of them is SYN.
const FLAGS: u32 = 13;
const SYN: u32 = 0x02;

/// Makes sure that this connected TCP socket has no connection but its present one. Once in its life.
///
/// # Errors
/// What the system says; `PermissionDenied` if there is a locked filter already.
pub fn pin(socket: BorrowedFd<'_>) -> io::Result<()> {
    let step = |code: u32, otherwise: u8, operand: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: otherwise,
        k: operand,
    };
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, FLAGS),
        step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 1, SYN),
        step(libc::BPF_RET | libc::BPF_K, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, u32::MAX),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    set(socket, libc::SO_ATTACH_FILTER, &program)?;
    set::<libc::c_int>(socket, libc::SO_LOCK_FILTER, &1)
}

fn set<T>(socket: BorrowedFd<'_>, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` octets, which is the size of `value`, and of a program as many steps as it names,
    // which its caller keeps alive.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
