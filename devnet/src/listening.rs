//! Waiting until a process says in its log where it listens.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::processes::{ProcessError, Processes};

/// How long a process may take to listen.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether it does.
const START_POLL: Duration = Duration::from_millis(50);
/// What is said before the address.
pub const LISTENING: &str = "Listening on ";

/// Why a process does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// It cannot be started, or ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its log cannot be read.
    #[error("cannot read {}: {source}", log.display())]
    Log {
        /// The log.
        log: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It does not say where it listens.
    #[error("{name} does not listen after {} s; its log is {log}", START_MAX.as_secs(), log = log.display())]
    Silent {
        /// Which.
        name: String,
        /// Its log.
        log: PathBuf,
    },
}

/// The address on which process `name` says, in its log, that it listens.
pub async fn wait(processes: &mut Processes, name: &str, log: &Path) -> Result<String, ListenError> {
    let silent = |_| ListenError::Silent { name: name.to_owned(), log: log.to_owned() };
    tokio::time::timeout(START_MAX, said(processes, log)).await.map_err(silent)?
}

async fn said(processes: &mut Processes, log: &Path) -> Result<String, ListenError> {
    loop {
        let text = fs::read_to_string(log).map_err(|source| ListenError::Log { log: log.to_owned(), source })?;
        if let Some(address) = address_in(&text) {
            return Ok(address.to_owned());
        }
        processes.check()?;
        tokio::time::sleep(START_POLL).await;
    }
}

fn address_in(log: &str) -> Option<&str> {
    // Only a whole line: the rest of the port may not be written yet.
    let (line, _) = log.split_once(LISTENING)?.1.split_once('\n')?;
    Some(line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_once_its_line_is_whole() {
        assert_eq!(address_in("banner\nListening on 127.0.0.1:40"), None);
        assert_eq!(address_in("banner\nListening on 127.0.0.1:40123\n"), Some("127.0.0.1:40123"));
        assert_eq!(address_in("banner\n"), None);
    }
}
