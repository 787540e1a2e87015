//! The counters of a TCP socket for which there is no safe call: `TCP_INFO` and `SIOCOUTQ`. Hence the only unsafe code of TLS.
#![expect(
    unsafe_code,
    reason = "getsockopt and ioctl into buffers of this file, of the length that is given along"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Where in `struct tcp_info` of linux/tcp.h: `tcpi_bytes_acked` and `tcpi_bytes_received`, since Linux 4.1, never moved.
const ACKNOWLEDGED: usize = 120;
const RECEIVED: usize = 128;
/// Up to the end of the last of them.
const LENGTH: usize = RECEIVED + 8;

/// Octets since the connection was made.
pub(super) struct TcpInfo {
    pub(super) acknowledged: u64,
    pub(super) received: u64,
}

/// Reads `TCP_INFO`.
pub(super) fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut info = [0_u8; LENGTH];
    let mut length = LENGTH as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` octets, which is the length of `info`; both outlive the call.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let counter = |at: usize| {
        let octets = info.get(at..at + 8).filter(|_| length as usize >= LENGTH)?;
        octets.try_into().ok().map(u64::from_ne_bytes)
    };
    match (counter(ACKNOWLEDGED), counter(RECEIVED)) {
        (Some(acknowledged), Some(received)) => Ok(TcpInfo { acknowledged, received }),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Octets that were written and not acknowledged: `SIOCOUTQ`, which is `TIOCOUTQ`.
pub(super) fn unsent(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut octets: libc::c_int = 0;
    // SAFETY: this request writes one int, to where `octets` is.
    let status = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut octets) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    u64::try_from(octets).map_err(|_| io::ErrorKind::InvalidData.into())
}
