//! What a user of a wrong configuration is told.

#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use alloy::primitives::Address;
use metalayer_proto::{
    batch::TransportKey,
    bls::SecretKey,
    ids::ChainId,
    quorum::{EpochTable, Member, Stake},
    topics::Partition,
};

use super::*;
use crate::chain::{Finality, ReadingMode};

fn document(text: &str) -> Document {
    Document::parse(Path::new("daemon.toml"), text).unwrap()
}

#[test]
fn ten_mistakes_are_reported_at_once_each_with_path_and_remedy() {
    let text = r#"
        poll_msec = 100
        name = 7
        listen = "nowhere"
        hub_chain = "eip155:0"
        quorum = 9
        verbose = "yes"
        rpc_urls = []
        [[chains]]
        name = ""
        colour = "red"
        [[chains]]
    "#;
    let document = document(text);
    {
        let root = document.root();
        root.text("name", "a name");
        root.parsed::<std::net::SocketAddr>("listen", "ADDRESS:PORT");
        root.parsed::<ChainId>("hub_chain", "eip155:NUMBER");
        root.integer("quorum", 1..=8);
        root.flag_or("verbose", false);
        root.list::<String>("rpc_urls", "a URL");
        root.millis_or("poll_ms", 1..=1_000, 100);
        for chain in root.sections("chains", "a table [[chains]] for each chain") {
            chain.text("name", "a name");
        }
    }
    let invalid = document.finish(Some(())).unwrap_err();
    let paths: Vec<&str> = invalid.problems.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "name",
            "listen",
            "hub_chain",
            "quorum",
            "verbose",
            "rpc_urls",
            "chains[0].name",
            "chains[0].colour",
            "chains[1].name",
            "poll_msec"
        ]
    );
    assert!(invalid.problems.iter().all(|one| !one.remedy.is_empty()));
    assert_eq!(invalid.problems[9].remedy, "did you mean `poll_ms`?");
    assert_eq!(invalid.problems[3].remedy, "write a whole number from 1 to 8");
    let text = invalid.to_string();
    assert!(text.starts_with("daemon.toml: 10 problems; nothing was started\n"), "{text}");
}

#[test]
fn what_is_right_is_read_and_what_is_absent_has_its_default() {
    let document = document("name = 'harbour'\n[limits]\npoll_ms = 50");
    let read = {
        let root = document.root();
        let limits = root.section("limits", "a table [limits]").unwrap();
        let poll = limits.millis_or("poll_ms", 1..=1_000, 100);
        let other = limits.integer_or("other", 1..=9, 3);
        (root.text("name", "a name"), poll.unwrap().as_millis(), other)
    };
    assert_eq!(read, (Some("harbour"), 50, Some(3)));
    let read = (read.1, read.2);
    assert_eq!(document.finish(Some(read)).unwrap(), (50, Some(3)));
}

#[test]
fn what_is_no_toml_names_its_line_and_does_not_repeat_it() {
    let error = Document::parse(Path::new("daemon.toml"), "a = 1\nkey = s3cret s3cret").unwrap_err();
    assert_eq!(error.problems[0].path, "line 2");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn a_wrong_value_is_not_repeated_since_it_may_be_a_secret() {
    let document = document("url = 's3cret'\ncount = 's3cret'");
    {
        let root = document.root();
        root.parsed::<u64>("url", "a number");
        root.integer("count", 0..=1);
    }
    let error = document.finish(Some(())).unwrap_err();
    assert_eq!(error.problems.len(), 2);
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn a_secret_comes_from_its_file_and_an_exposed_one_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "hush\n").unwrap();
    let read = |mode| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let document = Document::parse(&folder.path().join("daemon.toml"), "token_file = 'token'").unwrap();
        let token = document.root().secret("token_file", "the path of a token", document.folder());
        document.finish(token.map(|token| token.to_string()))
    };
    assert_eq!(read(0o600).unwrap(), "hush");
    let error = read(0o644).unwrap_err();
    assert_eq!(error.problems[0].path, "token_file");
    assert!(error.problems[0].remedy.starts_with("run `chmod 600 "), "{error}");
    assert!(!error.to_string().contains("hush"));
}

#[test]
fn a_file_that_is_not_there_is_a_problem_like_any_other() {
    let error = Document::open(Path::new("/nowhere/daemon.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/daemon.toml"), "{error}");
    assert_eq!(error.problems.len(), 1);
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let codes = [
        (ExitCause::Done, 0),
        (ExitCause::Other, 1),
        (ExitCause::Usage, 2),
        (ExitCause::Config, 3),
        (ExitCause::ChainUnreachable, 4),
        (ExitCause::Storage, 5),
        (ExitCause::PortInUse, 6),
        (ExitCause::Key, 7),
        (ExitCause::Unknown, 8),
        (ExitCause::WrongState, 9),
    ];
    assert!(codes.iter().all(|(cause, code)| cause.code() == *code));
}

// ── The network's file ───────────────────────────────────────────────────────────────────────────────────────────

fn chain(id: u64, finality: Finality) -> ChainEntry {
    ChainEntry {
        name: format!("chain \"{id}\""),
        id: ChainId::new(id).unwrap(),
        partition: Partition(u32::try_from(id).unwrap() - 901),
        gateway: Address::repeat_byte(1),
        attester_set: Address::repeat_byte(2),
        hub_agent: Address::repeat_byte(3),
        era: Address::repeat_byte(4),
        deployment_block: 7,
        finality,
        reading: ReadingMode::BloomReceipts,
    }
}

fn epoch(number: u64) -> EpochEntry {
    let member = |seed: u8| Member {
        key: SecretKey::from_seed(&[seed; 32]).public_key(),
        stake: Stake::new(1_000_000_000_000_000_000_000_000 + u128::from(seed)).unwrap(),
    };
    let table = EpochTable::new(number, (1..=4).map(member).collect()).unwrap();
    let members = (1..).zip(table.members()).map(|(byte, member)| MemberEntry {
        operator: Address::repeat_byte(byte),
        transport_key: TransportKey([byte; 32]),
        member: *member,
    });
    EpochEntry { members: members.collect(), table: Arc::new(table), activates_at: 100, expires_at: 200 }
}

fn network() -> NetworkFile {
    NetworkFile {
        name: "harbour".into(),
        hub_chain: ChainId::new(901).unwrap(),
        hub_registry: Address::repeat_byte(9),
        chains: vec![chain(901, Finality::Finalized), chain(902, Finality::Safe), chain(903, Finality::Blocks(64))],
        epochs: vec![epoch(1), epoch(2)],
    }
}

fn problems_of(text: &str) -> Vec<Problem> {
    NetworkFile::read(document(text)).unwrap_err().problems
}

#[test]
fn a_network_survives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harbour.toml");
    network().save(&file).unwrap();
    let read = NetworkFile::load(&file).unwrap();
    assert_eq!(read, network());
    assert_eq!(read.epoch_book().network(), network().id());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_network_file_is_checked_as_a_whole() {
    let good = network().to_toml();
    for (from, to, path) in [
        ("hub_chain = 901", "hub_chain = 999", "network.hub_chain"),
        ("partition = 1", "partition = 0", "chains[1].partition"),
        ("id = 902", "id = 901", "chains[1].id"),
        ("finality = \"safe\"", "finality = \"soon\"", "chains[1].finality"),
        ("{ blocks = 64 }", "{ blocks = 0 }", "chains[2].finality.blocks"),
        ("{ blocks = 64 }", "{ block = 64 }", "chains[2].finality.blocks"),
        ("reading = \"bloom-receipts\"", "reading = \"trust\"", "chains[0].reading"),
        ("number = 2", "number = 1", "epochs[1].table_hash"),
        ("expires_at = 200", "expires_at = 100", "epochs[0].expires_at"),
        ("stake = \"1000000000000000000000001\"", "stake = \"0\"", "epochs[0].members"),
        ("deployment_block", "deployed", "chains[0].deployment_block"),
    ] {
        assert!(good.contains(from), "{from}");
        let problems = problems_of(&good.replacen(from, to, 1));
        assert!(problems[0].path.starts_with(path), "{from} -> {to}: {problems:?}");
    }
}

#[test]
fn members_out_of_order_or_with_another_hash_are_refused() {
    let mut swapped = network();
    swapped.epochs[0].members.swap(0, 1);
    let problems = problems_of(&swapped.to_toml());
    assert_eq!(problems[0].path, "epochs[0].members");

    let hash = epoch(1).table.hash().to_string();
    let problems = problems_of(&network().to_toml().replace(&hash, &hash.replace('a', "b")));
    assert_eq!(problems[0].path, "epochs[0].table_hash");
}
