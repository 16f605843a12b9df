//! A configuration file, from its bytes to its typed content.

use std::path::{Path, PathBuf};

use super::{
    problem::{InvalidConfig, Problem, Problems},
    section::Section,
};

/// The longest configuration file that is read, in bytes: an epoch of 1,200 members is a megabyte.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// An opened configuration file.
#[derive(Debug)]
pub struct Document {
    file: PathBuf,
    table: toml::Table,
    problems: Problems,
}

impl Document {
    /// Opens and parses a file.
    pub fn open(file: &Path) -> Result<Self, InvalidConfig> {
        let alone = |problem: String, remedy: &str| InvalidConfig {
            file: file.to_owned(),
            problems: vec![Problem { path: "file".into(), problem, remedy: remedy.into() }],
        };
        let length = std::fs::metadata(file).map(|metadata| metadata.len());
        if length.is_ok_and(|length| length > BYTES_MAX) {
            return Err(alone(format!("longer than {BYTES_MAX} bytes"), "give the path of a configuration file"));
        }
        let text = std::fs::read_to_string(file)
            .map_err(|error| alone(error.to_string(), "check the path and that this user may read it"))?;
        Self::parse(file, &text)
    }

    /// Parses `text` as if it stood in `file`.
    pub fn parse(file: &Path, text: &str) -> Result<Self, InvalidConfig> {
        let table = text.parse().map_err(|error: toml::de::Error| InvalidConfig {
            file: file.to_owned(),
            problems: vec![not_toml(text, &error)],
        })?;
        Ok(Self { file: file.to_owned(), table, problems: Problems::default() })
    }

    /// The top of the document.
    pub fn root(&self) -> Section<'_> {
        Section::new(&self.table, String::new(), self.problems.clone())
    }

    /// The folder that relative paths in the file start from.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Notes a problem that only the whole shows.
    pub fn problem(&self, path: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.problems.add(path, problem, remedy);
    }

    /// The content, if nothing was found wrong. `content` is absent only where something was.
    pub fn finish<T>(self, content: Option<T>) -> Result<T, InvalidConfig> {
        let mut problems = self.problems.take();
        match content {
            Some(content) if problems.is_empty() => Ok(content),
            _ => {
                if problems.is_empty() {
                    let (path, problem) = ("file".into(), "it is incomplete".into());
                    problems.push(Problem { path, problem, remedy: "compare it with the commented example".into() });
                }
                Err(InvalidConfig { file: self.file, problems })
            }
        }
    }
}

/// Where the text stops being TOML. The parser's own words are kept, the line's text is not: it may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> Problem {
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
    Problem {
        path: format!("line {line}"),
        problem: error.message().to_owned(),
        remedy: "write it as TOML (https://toml.io)".into(),
    }
}
