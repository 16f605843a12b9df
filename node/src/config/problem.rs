//! What is wrong with a configuration.

use std::{cell::RefCell, fmt, path::PathBuf, rc::Rc};

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `chains[2].rpc`.
    pub path: String,
    /// What is wrong. Never the value of a secret.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.problem, self.remedy)
    }
}

/// Everything that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConfig {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the order of reading; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{}: {count} {noun}; nothing was started", self.file.display())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for InvalidConfig {}

/// The problems found so far, shared by all sections of a document.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems(Rc<RefCell<Vec<Problem>>>);

impl Problems {
    pub(super) fn add(&self, path: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.0.borrow_mut().push(Problem { path: path.into(), problem: problem.into(), remedy: remedy.into() });
    }

    pub(super) fn take(&self) -> Vec<Problem> {
        self.0.take()
    }
}
