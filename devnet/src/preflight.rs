//! What must be there before anything starts: everything that is missing is named at once.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The programs that a run starts.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The attesters' daemon.
    pub attester: PathBuf,
    /// The hub's daemon.
    pub relayer: PathBuf,
    /// This program, for its proxies.
    pub devnet: PathBuf,
}

/// All that is missing, with what to do about each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Missing(Vec<String>);

/// The programs that stand in `beside`.
pub fn programs(beside: &Path) -> Result<Programs, Missing> {
    let mut problems = Vec::new();
    let mut need = |name: &str| {
        let path = beside.join(name);
        if !path.is_file() {
            problems.push(format!("{name} is not in {}: build it with `make build`", beside.display()));
        }
        path
    };
    let programs = Programs { attester: need("attester"), relayer: need("relayer"), devnet: need("devnet") };
    if problems.is_empty() { Ok(programs) } else { Err(Missing(problems)) }
}

impl Missing {
    /// Both, or all that either lacks.
    pub fn both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (one, other) => {
                let problems = one.err().into_iter().chain(other.err()).flat_map(|Self(problems)| problems);
                Err(Self(problems.collect()))
            }
        }
    }
}

/// The EVM node: the project's own, else the one on the search path.
pub fn anvil_program(clone: &Path, search_path: &str) -> Result<PathBuf, Missing> {
    anvil(clone, search_path).ok_or_else(|| {
        let problem = "anvil is neither in contracts/node_modules nor on PATH: install it with `tools/contracts-ready`, or from https://getfoundry.sh";
        Missing(vec![problem.to_owned()])
    })
}

fn anvil(clone: &Path, search_path: &str) -> Option<PathBuf> {
    // The package's own command is a Node script around this binary, which would outlive a killed script.
    let packages = fs::read_dir(clone.join("contracts/node_modules/@foundry-rs")).into_iter().flatten().flatten();
    let own = packages
        .filter(|package| package.file_name().to_string_lossy().starts_with("anvil-"))
        .map(|package| package.path().join("bin/anvil"));
    let on_path = std::env::split_paths(search_path).map(|folder| folder.join("anvil"));
    own.chain(on_path).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn everything_missing_is_named_at_once() {
        let empty = tempfile::tempdir().unwrap();
        let missing = Missing::both(programs(empty.path()), anvil_program(empty.path(), ""));
        let Missing(problems) = missing.unwrap_err();
        for name in ["anvil", "attester", "relayer", "devnet"] {
            assert!(problems.iter().any(|problem| problem.starts_with(name)), "{name} is not named in {problems:?}");
        }
    }

    #[test]
    fn the_projects_own_node_is_preferred() {
        let clone = tempfile::tempdir().unwrap();
        let own = clone.path().join("contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin");
        let other = clone.path().join("bin");
        for folder in [&own, &other] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("anvil"), "").unwrap();
        }
        assert_eq!(anvil_program(clone.path(), other.to_str().unwrap()).unwrap(), own.join("anvil"));
        fs::remove_file(own.join("anvil")).unwrap();
        assert_eq!(anvil_program(clone.path(), other.to_str().unwrap()).unwrap(), other.join("anvil"));
    }
}
