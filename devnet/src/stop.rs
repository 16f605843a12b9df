//! `devnet stop`: ends what earlier runs left running, and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    console::Console,
    processes::{Signal, signal},
};

/// How long processes may take to end before they are killed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const STOP_POLL: Duration = Duration::from_millis(50);

/// A process that a run noted, and the run's folder.
struct Left {
    name: String,
    pid: u32,
    run: PathBuf,
}

/// Ends what is left below `runs`, and says what that was.
pub async fn run(runs: &Path) -> ExitCode {
    let console = Console::new();
    match stop_all(runs).await {
        Ok(stopped) if stopped.is_empty() => console.say("nothing was running"),
        Ok(stopped) => console.say(&format!("ended {}", stopped.join(", "))),
        Err(error) => {
            console.say(&format!("{}: {error}", runs.display()));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Ends every noted process of every run below `runs` that is still that run's, removes the runs, and returns what was ended.
pub async fn stop_all(runs: &Path) -> std::io::Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(runs) else { return Ok(Vec::new()) };
    let folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let left: Vec<Left> = folders.iter().flat_map(|run| noted(run)).filter(Left::is_running).collect();
    left.iter().for_each(|process| signal(process.pid, Signal::TERM));
    let ended = tokio::time::timeout(STOP_MAX, async {
        while left.iter().any(Left::is_running) {
            tokio::time::sleep(STOP_POLL).await;
        }
    });
    if ended.await.is_err() {
        left.iter().filter(|process| process.is_running()).for_each(|process| signal(process.pid, Signal::KILL));
    }
    for run in folders {
        match fs::remove_dir_all(&run) {
            // A run that ends by itself removes its own.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let named = |left: Left| format!("{}/{}", left.run.file_name().unwrap_or_default().to_string_lossy(), left.name);
    Ok(left.into_iter().map(named).collect())
}

impl Left {
    /// A number may have been given to another process since: only one that works in the run's folder is the run's.
    fn is_running(&self) -> bool {
        let works_in = fs::read_link(format!("/proc/{}/cwd", self.pid));
        works_in.is_ok_and(|cwd| self.run.canonicalize().is_ok_and(|run| cwd == run))
    }
}

fn noted(run: &Path) -> Vec<Left> {
    let Ok(entries) = fs::read_dir(run.join("pids")) else { return Vec::new() };
    let read = |path: PathBuf| {
        let pid = fs::read_to_string(&path).ok()?.trim().parse().ok()?;
        Some(Left { name: path.file_name()?.to_string_lossy().into_owned(), pid, run: run.to_owned() })
    };
    entries.flatten().filter_map(|entry| read(entry.path())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::{Child, Command};

    use super::*;
    use crate::run_dir::RunDir;

    fn waits_in(folder: &Path) -> Child {
        Command::new("sleep").arg("600").current_dir(folder).spawn().unwrap()
    }

    #[tokio::test]
    async fn ends_what_a_run_left_and_no_process_that_got_its_number() {
        let clone = tempfile::tempdir().unwrap();
        let runs = RunDir::all_of(clone.path());
        let run = RunDir::create(&runs, "demo").unwrap();
        let (mut ours, mut foreign) = (waits_in(run.path()), waits_in(clone.path()));
        run.note_process("relayer", ours.id()).unwrap();
        run.note_process("attester-1", foreign.id()).unwrap();

        // What was ended stays a zombie until its parent, this test, waits for it.
        let waiting = std::thread::spawn(move || ours.wait().unwrap());
        assert_eq!(stop_all(&runs).await.unwrap(), ["demo-1/relayer"]);

        assert!(!waiting.join().unwrap().success());
        assert!(foreign.try_wait().unwrap().is_none(), "a foreign process was ended");
        assert!(!run.path().exists());
        foreign.kill().unwrap();
        foreign.wait().unwrap();
    }

    #[tokio::test]
    async fn nothing_to_stop_is_no_error() {
        let clone = tempfile::tempdir().unwrap();
        assert!(stop_all(&RunDir::all_of(clone.path())).await.unwrap().is_empty());
    }
}
