//! What must be there before anything starts: everything that is missing is named at once.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The programs that a run starts.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The EVM node.
    pub anvil: PathBuf,
    /// The attesters' daemon.
    pub attester: PathBuf,
    /// The hub's daemon.
    pub relayer: PathBuf,
}

/// All that is missing, with what to do about each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Missing(Vec<String>);

/// The programs of a demo run from `clone`, with daemons that stand in `beside`.
pub fn programs(clone: &Path, beside: &Path, search_path: &str) -> Result<Programs, Missing> {
    let mut problems = Vec::new();
    let mut need = |found: Option<PathBuf>, problem: &dyn Fn() -> String| {
        found.unwrap_or_else(|| {
            problems.push(problem());
            PathBuf::new()
        })
    };
    let daemon = |name: &str| Some(beside.join(name)).filter(|path| path.is_file());
    let not_built = |name: &str| format!("{name} is not in {}: build it with `make build`", beside.display());
    let anvil = need(anvil(clone, search_path), &anvil_missing);
    let attester = need(daemon("attester"), &|| not_built("attester"));
    let relayer = need(daemon("relayer"), &|| not_built("relayer"));
    if problems.is_empty() { Ok(Programs { anvil, attester, relayer }) } else { Err(Missing(problems)) }
}

/// The EVM node: the project's own, else the one on the search path.
pub fn anvil_program(clone: &Path, search_path: &str) -> Result<PathBuf, Missing> {
    anvil(clone, search_path).ok_or_else(|| Missing(vec![anvil_missing()]))
}

fn anvil_missing() -> String {
    "anvil is neither in contracts/node_modules nor on PATH: install it with `tools/contracts-ready`, or from https://getfoundry.sh"
        .to_owned()
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
        let Missing(problems) = programs(empty.path(), empty.path(), "").unwrap_err();
        for name in ["anvil", "attester", "relayer"] {
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
