//! What a command answers, and how a program ends.

use std::{fmt, process::ExitCode};

use serde::Serialize;

use super::DaemonError;
use crate::config::ExitCause;

/// A command's result, for people or as JSON.
pub fn render<T: Serialize + fmt::Display>(result: &T, json: bool) -> String {
    if json {
        // Results are plain structures, which serde_json always writes.
        serde_json::to_string_pretty(result).unwrap_or_default()
    } else {
        result.to_string()
    }
}

/// Ends `program`: the result, if there is one, goes to standard output, what is wrong to standard error.
pub fn ended(program: &str, result: Result<Option<String>, DaemonError>) -> ExitCode {
    match result {
        Ok(result) => {
            #[allow(clippy::print_stdout, reason = "the command's result")]
            result.into_iter().for_each(|result| println!("{result}"));
            ExitCause::Done.into()
        }
        Err(error) => {
            #[allow(clippy::print_stderr, reason = "the program's last words")]
            {
                eprintln!("{program}: {error}");
            }
            error.cause().into()
        }
    }
}
