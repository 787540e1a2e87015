//! What the buffers of one message took stays for those of the next.

/// How much memory that nothing uses a process keeps: all that a delivery of a large message needs.
const KEPT: i32 = 4 * 1024 * 1024;

/// glibc would give what is above 128 KB back to the system after each message and have it filled with zeros anew for the
/// next: of 1 MB of mail a tenth of the CPU went there.
#[expect(unsafe_code, reason = "mallopt(3): two numbers, no pointer")]
pub fn keep() {
    // SAFETY: it changes two numbers of the allocator, which it locks for that.
    let _refused = unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT)
    };
}
