//! What founders and rollups' teams do by the relayer's commands, on real nodes.

#![allow(clippy::unwrap_used)]

use std::{fmt::Write, path::PathBuf};

use alloy::signers::local::PrivateKeySigner;
use metalayer_node::{
    chain::Finality,
    config::{NetworkFile, create_secret_file},
    daemon::DaemonError,
    signer::AttesterSigner,
};
use metalayer_proto::{bls::PossessionProof, ids::NetworkId};
use relayer::commands::{deploy, route};
use serde_json::{Value, json};

use super::*;
use crate::{node::Blocks, preflight::anvil_program};

/// Two nodes, and a folder with the files of who deploys a network on them.
struct Founders {
    processes: Processes,
    folder: tempfile::TempDir,
    nodes: Vec<Node>,
    deployer: PrivateKeySigner,
}

impl Founders {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = Processes::new(RunDir::create(folder.path(), "test").unwrap());
        let anvil = anvil_program(&crate::run_dir::clone_root(), &std::env::var("PATH").unwrap()).unwrap();
        let deployer = Node::rich().unwrap();
        let mut nodes = Vec::new();
        for (name, id) in [("hub", 900), ("harbour", 901)] {
            let chain = ChainId::new(id).unwrap();
            let node = Node::start(&mut processes, &anvil, name, chain, Blocks::AtOnce, &[]).await.unwrap();
            nodes.push(node);
        }
        create_secret_file(&folder.path().join("deployer.key"), &deployer.to_bytes().0).unwrap();
        Self { processes, folder, nodes, deployer }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    fn deploy_file(&self) -> PathBuf {
        let account = self.deployer.address();
        let mut text = format!(
            "name = \"test\"\nhub_chain = \"eip155:900\"\nnetwork_file = \"networks/test.toml\"\nkey_file = \"deployer.key\"\n\
             [epoch]\nlasts_days = 30\noverlap_s = 10\n[inbound]\ncapacity_era = \"1000\"\nwindow_s = 60\n\
             [roles]\nera_holder = \"{account}\"\nroute_admin = \"{account}\"\nguardian = \"{account}\"\n\
             council = [\"{account}\"]\nunfreeze_delay_s = 60\nadmin = \"{account}\"\nregistrar = \"{account}\"\n\
             governor = \"{account}\"\nstaker = \"{account}\"\n"
        );
        for (partition, (node, finality)) in self.nodes.iter().zip(["\"finalized\"", "{ blocks = 3 }"]).enumerate() {
            let Node { name, chain, url, .. } = node;
            write!(text, "[[chains]]\nname = \"{name}\"\nid = \"{chain}\"\npartition = {}\n", partition + 5).unwrap();
            writeln!(text, "finality = {finality}\nrpc = [\"{url}\"]").unwrap();
        }
        let network = NetworkId::planned("test", self.nodes[0].chain);
        for Attester { signer, operator, stake } in members::draw() {
            let operator = operator.address();
            let possession = PossessionProof::new(signer.secret_key(), network, operator).to_bytes();
            let (key, transport) = (signer.public_key(), signer.transport_key());
            write!(
                text,
                "[[members]]\noperator = \"{operator}\"\nbls_key = \"{key}\"\ntransport_key = \"{transport}\"\n"
            )
            .unwrap();
            writeln!(text, "stake = \"{stake}\"\npossession = \"{}\"", alloy::primitives::Bytes::from(possession))
                .unwrap();
        }
        self.file("deploy.toml", &text)
    }

    fn routes_file(&self, gas_max: u32) -> PathBuf {
        let text = format!(
            "network_file = \"networks/test.toml\"\n[[chains]]\nid = \"eip155:901\"\nrpc = [\"{}\"]\n\
             [[routes]]\nfrom = \"eip155:901\"\nto = \"eip155:900\"\nkinds = [\"generic\"]\npayload_bytes_max = 100\n\
             gas_max = {gas_max}\nvalue_max_era = \"1\"\nfee_base_era = \"0.5\"\nfee_per_byte_era = \"0\"\nfee_per_gas_era = \"0\"\n",
            self.nodes[1].url
        );
        self.file("routes.toml", &text)
    }
}

fn told<T: serde::Serialize>(result: &T) -> Value {
    serde_json::to_value(result).unwrap()
}

#[tokio::test]
async fn a_network_and_its_routes_stand_by_two_commands() {
    let founders = Founders::new().await;
    let file = founders.deploy_file();
    let rehearsed = told(&deploy::deploy(&file, true).await.unwrap());
    let deployed = told(&deploy::deploy(&file, false).await.unwrap());
    assert_eq!((&rehearsed["network"], &rehearsed["chains"]), (&deployed["network"], &deployed["chains"]));

    let network = NetworkFile::load(&founders.folder.path().join("networks/test.toml")).unwrap();
    assert_eq!(told(&network.id()), deployed["network"]);
    let known: Vec<_> = network.chains.iter().map(|chain| (chain.partition.0, chain.finality)).collect();
    assert_eq!(known, [(5, Finality::Finalized), (6, Finality::Blocks(3))]);
    assert_eq!(network.epochs[0].members.len(), 7);

    let key = founders.folder.path().join("deployer.key");
    let routes = founders.routes_file(7);
    let change = async |key: Option<&PathBuf>| {
        let changes = route::register(&routes, key.map(PathBuf::as_path)).await.unwrap();
        told(&changes)["routes"][0].clone()
    };
    let dry = change(None).await;
    assert_eq!((&dry["change"], &dry["transaction"]), (&json!("opened"), &Value::Null));
    let opened = change(Some(&key)).await;
    assert!(opened["change"] == "opened" && opened["transaction"].is_string(), "{opened}");
    let again = change(Some(&key)).await;
    assert_eq!((&again["change"], &again["transaction"]), (&json!("unchanged"), &Value::Null));
    founders.routes_file(8);
    let changed = change(Some(&key)).await;
    assert_eq!((&changed["change"], &changed["before"]["gas_max"]), (&json!("changed"), &json!(7)));

    let listed = told(&route::list(&routes).await.unwrap());
    let terms = &listed["routes"][0]["terms"];
    assert_eq!((&terms["gas_max"], &terms["fee_base"]), (&json!(8), &json!("500000000000000000")));
    founders.processes.stop().await;
}

#[tokio::test]
async fn a_key_without_the_role_and_a_dead_node_are_told_apart() {
    let founders = Founders::new().await;
    deploy::deploy(&founders.deploy_file(), false).await.unwrap();
    let routes = founders.routes_file(7);
    let other = founders.folder.path().join("other.key");
    create_secret_file(&other, &PrivateKeySigner::random().to_bytes().0).unwrap();
    let refused = route::register(&routes, Some(&other)).await.unwrap_err();
    assert!(matches!(&refused, DaemonError::Start(problem) if problem.contains("alone may set routes")), "{refused}");
    founders.processes.stop().await;
    let silent = route::list(&routes).await.unwrap_err();
    assert!(matches!(silent, DaemonError::Unreachable(_)), "{silent}");
}
