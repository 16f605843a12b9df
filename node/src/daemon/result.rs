//! What a command answers on standard output.

use std::fmt;

use serde::Serialize;

/// A command's result, for people or as JSON.
pub fn render<T: Serialize + fmt::Display>(result: &T, json: bool) -> String {
    if json {
        // Results are plain structures, which serde_json always writes.
        serde_json::to_string_pretty(result).unwrap_or_default()
    } else {
        result.to_string()
    }
}
