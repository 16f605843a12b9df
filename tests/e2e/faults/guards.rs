//! Guards that two processes want, that are an old copy, or that are gone: the key signs nothing until its operator says what it has
//! signed.

use std::{
    path::Path,
    process::{Command, Output},
};

use devnet::network::{Daemon, restart};

use crate::{
    binaries::complaint,
    network::{World, eventually, told},
};

/// Exit codes: store or bus, and key or guard.
const STORAGE: i32 = 5;
const KEY: i32 = 7;

fn run(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = Command::new(&daemon.program);
    command.args(arguments).arg("--config").arg(&daemon.config).output().expect("it is run")
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp").success());
}

impl World {
    /// Sends until an attester has signed something since it was started.
    async fn signs(&mut self, attester: &Daemon) {
        for _ in 0..10 {
            let sent = self.send_everywhere().await;
            self.all_delivered(&sent).await;
            let signed = "metalayer_attestations_posted_total{";
            if told(attester, "metrics").await.lines().any(|line| line.starts_with(signed) && !line.ends_with(" 0")) {
                return;
            }
        }
        panic!("{} signs nothing", attester.name);
    }

    async fn starts(&mut self, daemon: &Daemon) {
        restart(&[daemon], &mut self.processes, &self.console).await.expect("it starts again");
    }

    /// The operator says that nobody else uses the key; from then on it signs.
    async fn is_brought_back(&mut self, attester: &Daemon) {
        let imported = run(attester, &["guard", "import-floor"]);
        assert!(imported.status.success(), "{}", complaint(&imported));
        self.starts(attester).await;
        self.signs(attester).await;
    }

    /// A second process with the same guard is refused, and the first goes on.
    pub(crate) async fn guard_is_opened_twice(&mut self, attester: &Daemon) {
        let second = run(attester, &["run"]);
        assert_eq!(second.status.code(), Some(STORAGE), "{}", complaint(&second));
        assert!(
            complaint(&second).contains("is open in another process; stop that one first"),
            "{}",
            complaint(&second)
        );
        self.signs(attester).await;
    }

    /// An old copy of the guard's records is noticed before anything is signed with it.
    pub(crate) async fn guard_is_an_old_copy(&mut self, attester: &Daemon) {
        let data = attester.config.with_file_name("data");
        let old = attester.config.with_file_name("old");
        self.processes.kill(&attester.name).await.expect("it is killed");
        copy(&data, &old);
        self.starts(attester).await;
        self.signs(attester).await;
        self.processes.kill(&attester.name).await.expect("it is killed");
        std::fs::remove_dir_all(&data).expect("the records are gone");
        std::fs::rename(&old, &data).expect("an old copy is put in their place");

        self.starts(attester).await;
        let sent = self.send_everywhere().await;
        self.all_delivered(&sent).await;
        eventually("the old copy is noticed", async || {
            let verbose = told(attester, "readyz?verbose").await;
            let noticed =
                verbose.contains("attest: parked, guard_refuses") && verbose.contains("attester guard import-floor");
            if noticed { Ok(()) } else { Err(verbose) }
        })
        .await;
        self.processes.kill(&attester.name).await.expect("it is killed");
        self.is_brought_back(attester).await;
    }

    /// Without the guard's records nothing starts.
    pub(crate) async fn guard_is_gone(&mut self, attester: &Daemon) {
        self.processes.kill(&attester.name).await.expect("it is killed");
        std::fs::remove_dir_all(attester.config.with_file_name("data")).expect("the records are gone");
        let refused = run(attester, &["run"]);
        assert_eq!(refused.status.code(), Some(KEY), "{}", complaint(&refused));
        assert!(complaint(&refused).contains("attester guard import-floor"), "{}", complaint(&refused));
        self.is_brought_back(attester).await;
    }
}
