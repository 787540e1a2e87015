//! System calls by their numbers, as somebody makes them who has taken the process over.
#![expect(unsafe_code, reason = "whatever number: that it is refused is what the tests are about")]

use libc::c_long;
use rustix::io::Errno;

/// Any call. What it is given is either not looked at, since the call is refused, or outlives it.
pub(crate) fn call(number: c_long, arguments: [usize; 6]) -> Result<c_long, Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: as above. A call that is not refused, against what is expected, ends the test at once.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap())
    } else {
        Ok(result)
    }
}

/// getpid(2) as a 32-bit program asks for it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn call_of_another_machine() {
    // SAFETY: no argument, no memory, and rax is the only register that it changes.
    unsafe { std::arch::asm!("int 0x80", inlateout("rax") 20_u64 => _, options(nostack)) }
}
