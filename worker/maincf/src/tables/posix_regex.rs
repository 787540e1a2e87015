//! POSIX regular expressions of the C library: the ones that Postfix's regexp tables are written for.
//!
//! Unsafe code is here because no crate has them in a safe form, and an engine of another make reads and matches some
//! patterns otherwise. It is confined to the calls of regcomp(3), regexec(3), regerror(3) and regfree(3).

use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

use super::RegexError;
use libc::{REG_EXTENDED, REG_ICASE, REG_NEWLINE, REG_NOMATCH, regex_t, regmatch_t};

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
compile_error!("the layout of regex_t below is that of the GNU C library");

/// How a pattern is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `a` matches `A`.
    pub(super) ignores_case: bool,
    /// `^` and `$` match at every line, and `.` no line end.
    pub(super) by_line: bool,
    /// Extended rather than basic expressions.
    pub(super) extended: bool,
}

/// A compiled pattern.
pub(super) struct PosixRegex {
    /// In a box, because POSIX defines nothing for a `regex_t` that was moved.
    compiled: Box<regex_t>,
}

// SAFETY: a `regex_t` has no ties to the thread that made it, and POSIX requires that several threads may search with
// the same one at once: regexec(3) takes it as const, and glibc locks what it caches inside.
#[expect(unsafe_code, reason = "pointers of the C library that it shares between threads itself")]
unsafe impl Send for PosixRegex {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "pointers of the C library that it shares between threads itself")]
unsafe impl Sync for PosixRegex {}

impl fmt::Debug for PosixRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PosixRegex({} groups)", self.groups())
    }
}

/// How `regex_t` begins, up to the one field that POSIX names.
#[repr(C)]
struct Head {
    buffer: *mut c_void,
    allocated: c_ulong,
    used: c_ulong,
    syntax: c_ulong,
    fastmap: *mut c_char,
    translate: *mut c_char,
    re_nsub: usize,
}

const _: () =
    assert!(size_of::<Head>() <= size_of::<regex_t>() && align_of::<Head>() == align_of::<regex_t>());

impl PosixRegex {
    /// Compiles a pattern.
    pub(super) fn compile(pattern: &str, syntax: Syntax) -> Result<Self, RegexError> {
        let pattern = CString::new(pattern).map_err(|error| RegexError(error.to_string()))?;
        let flag = |flag: c_int, set: bool| if set { flag } else { 0 };
        let flags = flag(REG_ICASE, syntax.ignores_case)
            | flag(REG_NEWLINE, syntax.by_line)
            | flag(REG_EXTENDED, syntax.extended);
        compile(&pattern, flags).map(|compiled| Self { compiled })
    }

    /// How many groups the pattern has.
    #[expect(unsafe_code, reason = "libc keeps the field private that POSIX has in public")]
    pub(super) fn groups(&self) -> usize {
        // SAFETY: the box holds a `regex_t` that regcomp(3) filled in, which begins as `Head` says: no larger and
        // aligned alike, as is asserted above. The field is a plain number.
        unsafe { (*ptr::from_ref(&*self.compiled).cast::<Head>()).re_nsub }
    }

    /// Whether the pattern matches somewhere in the text.
    pub(super) fn matches(&self, text: &CStr) -> Result<bool, RegexError> {
        search(&self.compiled, text, &mut [])
    }

    /// Where the pattern and its groups match, in octets, the whole first; `None` for a group that took no part.
    pub(super) fn find(&self, text: &CStr) -> Result<Option<Vec<Option<Range<usize>>>>, RegexError> {
        let mut found = vec![regmatch_t { rm_so: -1, rm_eo: -1 }; self.groups() + 1];
        if !search(&self.compiled, text, &mut found)? {
            return Ok(None);
        }
        let range =
            |found: &regmatch_t| Some(usize::try_from(found.rm_so).ok()?..usize::try_from(found.rm_eo).ok()?);
        Ok(Some(found.iter().map(range).collect()))
    }
}

#[expect(unsafe_code, reason = "regcomp(3)")]
fn compile(pattern: &CStr, flags: c_int) -> Result<Box<regex_t>, RegexError> {
    let mut compiled: Box<MaybeUninit<regex_t>> = Box::new(MaybeUninit::zeroed());
    // SAFETY: the place is ours, large enough and not yet compiled into; the pattern ends in a NUL.
    let status = unsafe { libc::regcomp(compiled.as_mut_ptr(), pattern.as_ptr(), flags) };
    if status != 0 {
        // glibc has freed what it took when it fails, and POSIX forbids regfree(3) then.
        return Err(message(status));
    }
    // SAFETY: regcomp(3) has filled it in. It stays at its place in the box.
    Ok(unsafe { compiled.assume_init() })
}

#[expect(unsafe_code, reason = "regexec(3)")]
fn search(compiled: &regex_t, text: &CStr, found: &mut [regmatch_t]) -> Result<bool, RegexError> {
    // SAFETY: `compiled` comes from `compile`, the text ends in a NUL, and no more matches are written than there is
    // room for: with a length of zero the pointer is not followed.
    let status = unsafe { libc::regexec(compiled, text.as_ptr(), found.len(), found.as_mut_ptr(), 0) };
    match status {
        0 => Ok(true),
        REG_NOMATCH => Ok(false),
        other => Err(message(other)),
    }
}

#[expect(unsafe_code, reason = "regerror(3)")]
fn message(status: c_int) -> RegexError {
    let mut text = [0_u8; 128];
    // SAFETY: no more is written than the length says; glibc does not look at the pattern and takes a null for it.
    unsafe { libc::regerror(status, ptr::null(), text.as_mut_ptr().cast(), text.len()) };
    let text = CStr::from_bytes_until_nul(&text).unwrap_or(c"unknown error");
    RegexError(text.to_string_lossy().into_owned())
}

impl Drop for PosixRegex {
    #[expect(unsafe_code, reason = "regfree(3)")]
    fn drop(&mut self) {
        // SAFETY: regcomp(3) has filled it in, and it is freed here only and not used again.
        unsafe { libc::regfree(&raw mut *self.compiled) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENDED: Syntax = Syntax { ignores_case: false, by_line: false, extended: true };

    fn found(pattern: &str, text: &CStr) -> Option<Vec<Option<Range<usize>>>> {
        PosixRegex::compile(pattern, EXTENDED).unwrap().find(text).unwrap()
    }

    #[test]
    fn groups_are_counted_and_found() {
        for (pattern, groups) in [("", 0), ("a", 0), ("(a)", 1), ("(a(b))|(c)", 3), ("[(]\\(", 0)] {
            assert_eq!(PosixRegex::compile(pattern, EXTENDED).unwrap().groups(), groups, "{pattern}");
        }
        assert_eq!(found("(b)|(c)", c"abc"), Some(vec![Some(1..2), Some(1..2), None]));
        assert_eq!(found("d", c"abc"), None);
        assert_eq!(found("()", c""), Some(vec![Some(0..0), Some(0..0)]));
    }

    #[test]
    fn the_syntax_is_as_asked() {
        let matches = |pattern: &str, syntax, text: &CStr| {
            PosixRegex::compile(pattern, syntax).unwrap().matches(text).unwrap()
        };
        assert!(!matches("a", EXTENDED, c"A"));
        assert!(matches("a", Syntax { ignores_case: true, ..EXTENDED }, c"A"));
        assert!(!matches("^b", EXTENDED, c"a\nb"));
        assert!(matches("^b", Syntax { by_line: true, ..EXTENDED }, c"a\nb"));
        assert!(!matches("(a)", Syntax { extended: false, ..EXTENDED }, c"a"));
        assert!(matches("\\(a\\)\\1", Syntax { extended: false, ..EXTENDED }, c"aa"));
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said() {
        for pattern in ["(", "[a", "a\\", "[[:nothing:]]", "a{2,1}", "*\0"] {
            let error = PosixRegex::compile(pattern, EXTENDED).unwrap_err();
            assert!(error.to_string().len() > 5, "{pattern}: {error}");
        }
    }

    #[test]
    fn one_pattern_serves_many_threads() {
        let regex = PosixRegex::compile("^(a|b)*(c)$", EXTENDED).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        assert_eq!(regex.find(c"ababc").unwrap().unwrap()[2], Some(4..5));
                        assert!(!regex.matches(c"ababd").unwrap());
                    }
                });
            }
        });
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_compiles_or_is_refused_and_finds_within_the_text(
            pattern in "[ab.()*+?|^$\\[\\]\\\\-]{0,24}", text in "[ab]{0,24}"
        ) {
            let Ok(regex) = PosixRegex::compile(&pattern, EXTENDED) else { return Ok(()) };
            let key = CString::new(text.as_str()).unwrap();
            let found = regex.find(&key).unwrap();
            proptest::prop_assert_eq!(found.is_some(), regex.matches(&key).unwrap());
            for range in found.into_iter().flatten().flatten() {
                proptest::prop_assert!(text.get(range).is_some());
            }
        }
    }
}
