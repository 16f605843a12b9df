//! Real processes: started with a log file each, ended by id, never left behind.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::process::{Child, Command};

use crate::run_dir::RunDir;

/// How long a process may take to end after SIGTERM before it is killed.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// A process could not be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program could not be run.
    #[error("cannot start {name}: {source}")]
    Start {
        /// What was to be started.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// What should have been done at once was not.
    #[error("{name}: {words}")]
    Failed {
        /// Which.
        name: String,
        /// Its last words.
        words: String,
    },
    /// It could not be killed.
    #[error("cannot kill {name}: {source}")]
    Kill {
        /// Which.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// It could not be waited for.
    #[error("cannot wait for {name}: {source}")]
    Wait {
        /// Which.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// It ended although nobody stopped it.
    #[error("{name} ended by itself ({status}); its log is {log}", log = log.display())]
    Ended {
        /// Which.
        name: String,
        /// How.
        status: ExitStatus,
        /// Where its last words are.
        log: PathBuf,
    },
}

/// Everything that this run has started, in order.
#[derive(Debug)]
pub struct Processes {
    dir: RunDir,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Processes {
    /// Nothing started yet.
    pub fn new(dir: RunDir) -> Self {
        Self { dir, running: Vec::new() }
    }

    /// Starts `program`, its output going to `logs/NAME.log`, and returns the log's path.
    pub fn start(
        &mut self,
        name: &str,
        program: &Path,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> Result<PathBuf, ProcessError> {
        let failed = |source| ProcessError::Start { name: name.to_owned(), source };
        let log = self.dir.folder("logs").map_err(failed)?.join(format!("{name}.log"));
        // Appended to: what is started again goes on in the log it began.
        let output = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let child = Command::new(program)
            .args(arguments)
            .envs(environment)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            // A group of its own: Ctrl-C reaches this program alone, which then ends the others in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(pid) = child.id() {
            self.dir.note_process(name, pid).map_err(failed)?;
        }
        self.running.push(Running { name: name.to_owned(), child, log: log.clone() });
        Ok(log)
    }

    /// Runs `program` to its end.
    pub async fn complete(&self, name: &str, program: &Path, arguments: &[&str]) -> Result<(), ProcessError> {
        let output = Command::new(program).args(arguments).current_dir(self.dir.path()).kill_on_drop(true).output();
        let output = output.await.map_err(|source| ProcessError::Start { name: name.to_owned(), source })?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ProcessError::Failed { name: name.to_owned(), words })
    }

    /// An error if any process has ended by itself.
    pub fn check(&mut self) -> Result<(), ProcessError> {
        for process in &mut self.running {
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(ProcessError::Ended { name: process.name.clone(), status, log: process.log.clone() });
            }
        }
        Ok(())
    }

    /// Kills `name` as a crash would, and returns once it is gone: from then on it has not ended by itself.
    pub async fn kill(&mut self, name: &str) -> Result<(), ProcessError> {
        let Some(place) = self.running.iter().position(|process| process.name == name) else { return Ok(()) };
        let mut killed = self.running.remove(place);
        let failed = |source| ProcessError::Kill { name: name.to_owned(), source };
        killed.child.kill().await.map_err(failed)
    }

    /// Waits until `name` ends by itself, and says how: from then on it has not.
    pub async fn ended(&mut self, name: &str) -> Result<ExitStatus, ProcessError> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "it does not run");
        let failed = |source| ProcessError::Wait { name: name.to_owned(), source };
        let place = self.running.iter().position(|process| process.name == name).ok_or_else(|| failed(missing()))?;
        let status = self.running[place].child.wait().await.map_err(failed)?;
        self.running.remove(place);
        Ok(status)
    }

    /// Sends a signal to `name`.
    pub fn signal(&self, name: &str, sent: Signal) {
        let named = self.running.iter().find(|process| process.name == name);
        if let Some(pid) = named.and_then(|process| process.child.id()) {
            signal(pid, sent);
        }
    }

    /// The number of each process that runs, by name.
    pub fn ids(&self) -> BTreeMap<&str, u32> {
        self.running.iter().filter_map(|process| Some((process.name.as_str(), process.child.id()?))).collect()
    }

    /// Lets all go on after this program ends.
    pub fn keep(self) {
        for process in self.running {
            // Forgotten, not dropped: dropping would kill it.
            std::mem::forget(process.child);
        }
    }

    /// Ends all, the last started first, politely and then for good.
    pub async fn stop(mut self) {
        for process in self.running.iter_mut().rev() {
            if let Some(pid) = process.child.id() {
                signal(pid, Signal::TERM);
            }
        }
        for process in self.running.iter_mut().rev() {
            if tokio::time::timeout(STOP_WAIT, process.child.wait()).await.is_err() {
                // Already ended is the only way in which this fails.
                let _ = process.child.kill().await;
            }
        }
    }
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // The process may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}
