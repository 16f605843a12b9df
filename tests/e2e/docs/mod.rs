//! The documents against the code: what daemons can say is explained, and what the documents tell to type is taken.

mod code;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use code::Said;

/// The pages for users.
const PAGES: [&str; 3] = ["README.md", "docs/operators.md", "docs/rollup-teams.md"];

#[test]
fn every_reason_is_explained() {
    let said = Said::read(&root());
    assert!(said.reasons.len() > 80, "{} reasons are found: the search for them is broken", said.reasons.len());
    let explained = first_cells(&page("docs/operators.md"));
    let missing: Vec<_> = said.reasons.difference(&explained).collect();
    assert!(missing.is_empty(), "docs/operators.md explains no reason called {missing:?}");
}

#[test]
fn every_exit_code_is_explained() {
    let text = page("docs/operators.md");
    let codes = Said::read(&root()).exit_codes;
    assert!(codes.len() >= 10, "{codes:?}: the search for them is broken");
    for code in codes {
        let row = format!("| {code} |");
        assert!(text.lines().any(|line| line.starts_with(&row)), "docs/operators.md has no row for exit code {code}");
    }
}

#[test]
fn every_error_of_the_contracts_is_explained() {
    let explained = first_cells(&page("docs/rollup-teams.md"));
    for contract in ["IGateway", "IEraBridge"] {
        let source = page(&format!("contracts/src/interfaces/{contract}.sol"));
        let errors = source.lines().filter_map(|line| line.trim().strip_prefix("error ")?.split('(').next());
        let missing: Vec<_> = errors.filter(|error| !explained.contains(*error)).collect();
        assert!(missing.is_empty(), "docs/rollup-teams.md explains no error {missing:?} of {contract}");
    }
}

#[test]
fn the_example_is_the_contract_that_is_tested() {
    let source = page("contracts/test/docs/Greeter.sol");
    let example = source.split_once("\nimport").expect("it imports something").1;
    assert!(page("docs/rollup-teams.md").contains(example), "docs/rollup-teams.md has another Greeter");
}

#[test]
fn the_metrics_that_are_listed_are_those_that_are_declared() {
    let declared: BTreeSet<_> = Said::read(&root()).metrics.iter().map(|name| format!("metalayer_{name}")).collect();
    let text = page("docs/metrics.md");
    let missing: Vec<_> = declared.iter().filter(|name| !text.contains(&format!("`{name}"))).collect();
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
    let listed: BTreeSet<_> = first_cells(&text).into_iter().filter(|word| word.starts_with("metalayer_")).collect();
    let unknown: Vec<_> = listed.difference(&declared).collect();
    assert!(unknown.is_empty(), "docs/metrics.md lists {unknown:?}, which nothing declares");
}

#[test]
fn every_command_in_the_documents_is_taken() {
    let mut commands = 0;
    for name in PAGES {
        for line in commands_of(&page(name)) {
            let words = line.split_whitespace().map(|word| word.trim_matches('"'));
            let problem = match line.split_whitespace().next() {
                Some("attester") => attester::cli::Cli::try_parse_from(words).err(),
                Some("relayer") => relayer::cli::Cli::try_parse_from(words).err(),
                Some("devnet") => devnet::cli::Cli::try_parse_from(words).err(),
                _ => continue,
            };
            commands += 1;
            assert!(problem.is_none_or(|problem| !problem.use_stderr()), "{name}: `{line}` is no command");
        }
    }
    assert!(commands > 20, "{commands} commands are found: the search for them is broken");
}

/// The commands of a page: lines that are indented by four or fenced, without comments; an id is written `ID`.
fn commands_of(text: &str) -> Vec<String> {
    let any_id = format!("0x{}", "0".repeat(64));
    let is_code = |line: &&str| line.starts_with("    ");
    let lines = text.lines().filter(is_code).map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.map(|line| line.replace(" ID", &format!(" {any_id}"))).collect()
}

/// The words in backquotes that stand in the first cells of tables.
fn first_cells(text: &str) -> BTreeSet<String> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(|word| word.split('{').next().unwrap_or_default().to_owned())
        .collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("the page is there")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}
