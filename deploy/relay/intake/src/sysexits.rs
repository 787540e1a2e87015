//! Exit codes of a sendmail-like command, as sysexits.h numbers them.

/// What the process that called `baton send` learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SysExit {
    /// EX_OK: the message is in the queue.
    Ok = 0,
    /// EX_USAGE: the command line is wrong.
    Usage = 64,
    /// EX_DATAERR: the message or an address in it is wrong.
    DataErr = 65,
    /// EX_NOUSER: nobody to send to by that name.
    NoUser = 67,
    /// EX_UNAVAILABLE: not done here.
    Unavailable = 69,
    /// EX_SOFTWARE: a fault of ours.
    Software = 70,
    /// EX_TEMPFAIL: try again later; the relay is down or full.
    TempFail = 75,
    /// EX_CONFIG: the configuration is wrong.
    Config = 78,
}

impl SysExit {
    /// The number for `exit`.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<SysExit> for std::process::ExitCode {
    fn from(exit: SysExit) -> Self {
        exit.code().into()
    }
}
