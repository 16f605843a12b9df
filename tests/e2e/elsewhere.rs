//! A folder outside of any clone: what is started there is nobody else's, so that `stop` ends no other test's demo.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::binaries::program;

/// A folder for one test's runs.
pub(crate) struct Elsewhere(TempDir);

impl Elsewhere {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// `devnet` with these arguments, with the project's node on its search path.
    pub(crate) fn devnet(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("devnet"));
        command.args(arguments).current_dir(self.0.path()).env("PATH", search_path());
        command
    }

    /// Processes that work in any of this folder's runs.
    pub(crate) fn running(&self) -> Vec<PathBuf> {
        let here = self.0.path().canonicalize().expect("the temporary folder");
        let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
        processes.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&here))).collect()
    }

    /// The folders of this folder's runs.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let runs = fs::read_dir(self.0.path().join(".run"));
        runs.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }
}

/// The project's own node.
pub(crate) fn anvil() -> PathBuf {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/node_modules/@foundry-rs");
    let packages = fs::read_dir(packages).expect("run tools/contracts-ready").flatten();
    let mut programs = packages.map(|package| package.path().join("bin/anvil"));
    programs.find(|program| program.is_file()).expect("anvil is among the packages")
}

fn search_path() -> String {
    let inherited = std::env::var("PATH").unwrap_or_default();
    format!("{}:{inherited}", anvil().parent().expect("it is in a folder").display())
}
