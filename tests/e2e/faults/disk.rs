//! Disks that are full or read-only: whose they are ends with the cause, and goes on where it was once there is room again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use devnet::network::{Daemon, restart};

use crate::network::{PATIENCE, World, log_of};

/// Exit code: store or bus.
const STORAGE: i32 = 5;

/// A daemon's data directory on a disk that can be made to fail (see `disk.c`).
pub(crate) struct Disk {
    data: PathBuf,
}

/// What can be wrong with it: a state's name, and the words that an operator must read.
pub(crate) const FULL: (&str, &str) = ("full", "the disk is full");
pub(crate) const READ_ONLY: (&str, &str) = ("read-only", "cannot be written");

impl Disk {
    /// Puts the data of `daemon` on one, from its next start on.
    pub(crate) fn under(daemon: &mut Daemon) -> Self {
        let folder = daemon.config.parent().expect("a folder");
        let (data, library) = (folder.join("data"), folder.join("disk.so"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/faults/disk.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        assert!(compiled.expect("a C compiler, which RocksDB needs too").success());
        daemon.environment.insert("LD_PRELOAD".to_owned(), library.display().to_string());
        daemon.environment.insert("METALAYER_DISK".to_owned(), data.display().to_string());
        Self { data }
    }

    fn state(&self, state: &str) -> PathBuf {
        self.data.with_extension(state)
    }

    pub(crate) fn fails(&self, state: &str) {
        fs::write(self.state(state), "").expect("the disk is told");
    }

    pub(crate) fn works(&self, state: &str) {
        fs::remove_file(self.state(state)).expect("the disk is told");
    }
}

impl World {
    /// The disk of a daemon fails while messages are sent: it ends and says why; it does not start; and once the disk works, it goes on.
    pub(crate) async fn disk_fails(&mut self, daemon: &Daemon, disk: &Disk, (state, words): (&str, &str)) {
        let told_before = log_of(daemon).len();
        disk.fails(state);
        let sent = self.send_everywhere().await;
        let ended = tokio::time::timeout(PATIENCE, self.processes.ended(&daemon.name)).await;
        let status = ended.expect("it ends before long").expect("it is ours");
        let told = log_of(daemon).split_off(told_before);
        assert_eq!(status.code(), Some(STORAGE), "{told}");
        assert!(told.contains(words) && told.contains("then start again"), "{told}");

        // As a supervisor would, before somebody has made room.
        let mut again = Command::new(&daemon.program);
        again.args(["run", "--config"]).arg(&daemon.config).envs(&daemon.environment);
        let again = again.output().expect("it is run");
        let told = String::from_utf8_lossy(&again.stderr).into_owned();
        assert_eq!(again.status.code(), Some(STORAGE), "{told}");
        assert!(told.contains(words), "{told}");

        disk.works(state);
        restart(&[daemon], &mut self.processes, &self.console).await.expect("it starts again");
        self.all_delivered(&sent).await;
    }
}
