//! A second relayer that has nothing begins at the first one's newest proofs and takes over; the first, which lost all it had, comes back from it.

use std::{fs, net::TcpListener, path::Path};

use alloy::signers::local::PrivateKeySigner;
use devnet::{
    audit::Course,
    network::{Daemon, restart},
};
use metalayer_node::config::create_secret_file;

use crate::network::World;

/// How many chains there are.
const ORIGINS: usize = 3;
/// Gas for some hundred messages.
const EXECUTOR_GAS: u64 = 100_000_000;

/// The lines of a configuration whose first word is `key`, with what the test says behind it.
fn rewrite(config: &Path, key: &str, mut value: impl FnMut(&str) -> String) {
    let text = fs::read_to_string(config).expect("a configuration");
    let line = |line: &str| match line.strip_prefix(key).and_then(|rest| rest.strip_prefix(" = ")) {
        Some(old) => format!("{key} = {}\n", value(old)),
        None => format!("{line}\n"),
    };
    let text: String = text.lines().map(line).collect();
    fs::write(config, text).expect("a configuration");
}

/// Has a relayer ask another's collector where to begin.
fn ask(relayer: &Daemon, peer: &str) {
    let text = fs::read_to_string(&relayer.config).expect("a configuration");
    let text = text.replacen("[collector]\n", &format!("[collector]\npeers = [\"{peer}\"]\n"), 1);
    fs::write(&relayer.config, text).expect("a configuration");
}

/// That all origins began at the proofs of another relayer, and none at its deployment.
async fn began_at_proofs(relayer: &Daemon) {
    let metrics = reqwest::get(format!("http://{}/metrics", relayer.telemetry)).await.expect("it answers");
    let metrics = metrics.text().await.expect("text");
    let begun: Vec<_> = metrics.lines().filter(|line| line.starts_with("metalayer_origins_begun_total{")).collect();
    assert_eq!(begun, [format!("metalayer_origins_begun_total{{at=\"proof\"}} {ORIGINS}")]);
}

impl World {
    /// Another relayer with an account of its own, and where its collector will listen.
    async fn second_relayer(&mut self, first: &Daemon) -> (Daemon, String) {
        let folder = first.config.parent().expect("a folder").with_file_name("relayer-2");
        fs::create_dir(&folder).expect("a folder");
        let config = folder.join("relayer.toml");
        fs::copy(&first.config, &config).expect("a configuration");
        let executor = PrivateKeySigner::random();
        create_secret_file(&folder.join("executor.key"), &executor.to_bytes().0).expect("a key");
        create_secret_file(&folder.join("admin.token"), &[7; 32]).expect("a token");
        for treasurer in &mut self.network.treasurers {
            let paid = treasurer.pay_for_gas(executor.address(), EXECUTOR_GAS).await.expect("it has coin");
            treasurer.included(&paid).await.expect("the account has gas money");
        }
        let free = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
        let [collector, admin, telemetry] = free.map(|port| port.local_addr().expect("an address"));
        let mut listen = [collector, admin, telemetry].into_iter();
        rewrite(&config, "listen", |_| format!("\"{}\"", listen.next().expect("three of them")));
        let daemon = Daemon { name: "relayer-2".to_owned(), config, telemetry, ..first.clone() };
        (daemon, format!("http://{collector}"))
    }

    /// Starts all attesters again, which post to both relayers from now on.
    async fn attest_to_both(&mut self, collectors: &[String; 2]) {
        let attesters: Vec<_> = self.network.daemons.iter().filter(|daemon| daemon.is_attester).cloned().collect();
        for attester in &attesters {
            rewrite(&attester.config, "collectors", |_| format!("{collectors:?}"));
            self.processes.kill(&attester.name).await.expect("it is killed");
        }
        let all: Vec<_> = attesters.iter().collect();
        restart(&all, &mut self.processes, &self.console).await.expect("they start again");
    }
}

#[tokio::test]
async fn a_second_relayer_takes_over_and_the_first_comes_back_from_it() {
    let mut world = World::start().await;
    let before = world.send_everywhere().await;
    world.all_delivered(&before).await;

    let (first, first_collector) = (world.relayer().clone(), format!("http://{}", world.network.collector));
    let (second, second_collector) = world.second_relayer(&first).await;
    ask(&second, &first_collector);
    world.begins_again(&second).await;
    began_at_proofs(&second).await;
    world.attest_to_both(&[first_collector, second_collector.clone()]).await;
    let meanwhile = world.send_everywhere().await;
    world.loses_all(&first).await;
    world.all_delivered(&meanwhile).await;

    let waiting = world.send_everywhere().await;
    ask(&first, &second_collector);
    world.begins_again(&first).await;
    began_at_proofs(&first).await;
    world.all_delivered(&waiting).await;
    world.loses_all(&second).await;
    let after = world.send_everywhere().await;
    world.all_delivered(&after).await;

    let history = world.observer.seen().expect("the chains are watched").history;
    assert!(Course::of_all(&history).values().all(|course| course.delivered.len() <= 1), "none is delivered twice");
    world.processes.stop().await;
}
