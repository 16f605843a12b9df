//! The binaries that `cargo build --bins` put beside this test.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// The built program `name`.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps");
    let program = folder.join(name);
    assert!(program.exists(), "{} is missing: run `make test-e2e`, which builds it", program.display());
    program
}

/// Runs a program to its end.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name)).args(arguments).output().expect("the program starts")
}

/// What a program said on standard error.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
