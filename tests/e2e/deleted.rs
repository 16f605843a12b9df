//! Data directories that are deleted while messages are sent: it costs time, and for an attester its operator's word.

use std::{fs, process::Command};

use devnet::{
    audit::Course,
    network::{Daemon, restart},
};

use crate::network::World;

impl World {
    /// Kills a daemon and deletes all that it has.
    pub(crate) async fn loses_all(&mut self, daemon: &Daemon) {
        self.processes.kill(&daemon.name).await.expect("it is killed");
        let data = daemon.config.parent().expect("a folder").join("data");
        fs::remove_dir_all(data).expect("its data directory is deleted");
    }

    pub(crate) async fn begins_again(&mut self, daemon: &Daemon) {
        restart(&[daemon], &mut self.processes, &self.console).await.expect("it starts again");
    }
}

fn signed(metrics: &str) -> bool {
    let counter = "metalayer_commitments_signed_total{origin=";
    metrics.lines().any(|line| line.starts_with(counter) && !line.ends_with(" 0"))
}

#[tokio::test]
async fn a_deleted_data_directory_costs_time_and_never_value() {
    let mut world = World::start().await;
    let before = world.send_everywhere().await;
    world.all_delivered(&before).await;

    let relayer = world.relayer().clone();
    world.loses_all(&relayer).await;
    let meanwhile = world.send_everywhere().await;
    world.begins_again(&relayer).await;
    world.all_delivered(&meanwhile).await;

    let attester = world.network.daemons.iter().find(|daemon| daemon.is_attester).expect("an attester").clone();
    world.loses_all(&attester).await;
    // Without its guard it does not even start; then the operator tells that nobody else uses the key.
    let floor = |program: &Daemon| {
        let mut command = Command::new(&program.program);
        command.args(["guard", "import-floor", "--config"]).arg(&program.config);
        command.output().expect("the attester's command runs")
    };
    let started = Command::new(&attester.program).args(["run", "--config"]).arg(&attester.config).output();
    assert_eq!(started.expect("it is run").status.code(), Some(7));
    let imported = floor(&attester);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let told = String::from_utf8_lossy(&imported.stdout).into_owned();
    assert!(!told.contains("warning"), "the hub and the collector answer: {told}");
    world.begins_again(&attester).await;
    let after = world.send_everywhere().await;
    world.all_delivered(&after).await;
    let metrics = reqwest::get(format!("http://{}/metrics", attester.telemetry)).await.expect("it answers");
    assert!(signed(&metrics.text().await.expect("text")), "it signs again");

    let history = world.observer.seen().expect("the chains are watched").history;
    assert!(Course::of_all(&history).values().all(|course| course.delivered.len() <= 1), "none is delivered twice");
    world.processes.stop().await;
}
