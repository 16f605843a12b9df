//! Standard error, for people: lines, and one line of progress that a terminal overwrites.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often progress is written where it cannot be overwritten.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// What people see while something runs.
#[derive(Debug)]
pub struct Console {
    terminal: bool,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    /// Whether the last line is one of progress, to be overwritten.
    open: bool,
    plain_at: Option<Instant>,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// On this process's standard error.
    pub fn new() -> Self {
        Self { terminal: stderr().is_terminal(), shown: Mutex::default() }
    }

    /// Writes a line that stays.
    pub fn say(&self, line: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if std::mem::take(&mut shown.open) { "\r\x1b[2K" } else { "" };
        // Nobody to tell if standard error is closed.
        let _ = writeln!(stderr(), "{clear}{line}");
    }

    /// Shows how far something is.
    pub fn progress(&self, line: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.terminal {
            let _ = write!(stderr(), "\r\x1b[2K{line}");
            let _ = stderr().flush();
            shown.open = true;
        } else if shown.plain_at.is_none_or(|at| at.elapsed() >= PLAIN_EVERY) {
            shown.plain_at = Some(Instant::now());
            drop(shown);
            self.say(line);
        }
    }
}
