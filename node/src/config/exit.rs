//! Why a daemon ended, as its exit code.

use std::process::ExitCode;

/// The cause of an exit. The codes are a contract with users: supervisors and runbooks tell by them what to do.
///
/// | code | cause | a restart helps |
/// | --- | --- | --- |
/// | 0 | asked to stop, or the command did its work | |
/// | 1 | anything else: a bug, mostly | perhaps |
/// | 2 | the command line is wrong | no |
/// | 3 | the configuration is wrong | no |
/// | 4 | a chain that is needed cannot be reached | later |
/// | 5 | store or bus: locked, full, corrupt, another network's | after repair |
/// | 6 | a port is in use | no |
/// | 7 | a key or the guard: missing, exposed, or it refuses to sign | no |
/// | 8 | what was asked about is not known | perhaps |
/// | 9 | what was asked for cannot be done as things stand | perhaps |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ExitCause {
    /// Asked to stop, or done.
    Done = 0,
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is wrong.
    Config = 3,
    /// A chain that is needed cannot be reached.
    ChainUnreachable = 4,
    /// Store or bus.
    Storage = 5,
    /// A port is in use.
    PortInUse = 6,
    /// A key or the guard.
    Key = 7,
    /// What was asked about is not known.
    Unknown = 8,
    /// What was asked for cannot be done as things stand.
    WrongState = 9,
}

impl ExitCause {
    /// What every daemon's `--help` says of them, and of where its words go.
    pub const HELP: &'static str = "\
Exit codes: 0 asked to stop, or done; 2 wrong command line; 3 wrong configuration; 4 a chain that is needed cannot be reached;
5 store unusable; 6 port in use; 7 key or guard unusable; 8 not known; 9 not possible as things stand;
1 anything else.

Logs go to standard error, results to standard output. RUST_LOG sets what is logged (default: info).";

    /// The code that the process ends with.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitCause> for ExitCode {
    fn from(cause: ExitCause) -> Self {
        Self::from(cause.code())
    }
}
