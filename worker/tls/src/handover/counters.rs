//! The counters of a TCP socket for which there is no safe call: `TCP_INFO`. Hence the only unsafe code of TLS.
#![expect(unsafe_code, reason = "getsockopt into a buffer of this file, of the length that is given along")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Where in `struct tcp_info` of linux/tcp.h; nothing there ever moved. The last two came with Linux 4.19.
const RECEIVED: usize = 128;
const UNSENT: usize = 144;
const SENT: usize = 200;
const REPEATED: usize = 208;
/// Up to the end of the last of them.
const LENGTH: usize = REPEATED + 8;

/// Octets since the connection was made, all as they were at one moment.
pub(super) struct TcpInfo {
    /// `tcpi_bytes_received`: what came and was acknowledged, read by a process or not.
    pub(super) received: u64,
    /// `tcpi_notsent_bytes`: what waits to be sent.
    pub(super) unsent: u32,
    /// `tcpi_bytes_sent`: what was sent, counted each time.
    pub(super) sent: u64,
    /// `tcpi_bytes_retrans`: what of it was sent again.
    pub(super) repeated: u64,
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
    if (length as usize) < LENGTH {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let counter =
        |at: usize| info.get(at..at + 8).and_then(|octets| octets.try_into().ok()).map(u64::from_ne_bytes);
    let unsent =
        info.get(UNSENT..UNSENT + 4).and_then(|octets| octets.try_into().ok()).map(u32::from_ne_bytes);
    match (counter(RECEIVED), unsent, counter(SENT), counter(REPEATED)) {
        (Some(received), Some(unsent), Some(sent), Some(repeated)) => {
            Ok(TcpInfo { received, unsent, sent, repeated })
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
