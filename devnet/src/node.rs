//! EVM nodes: anvil processes on ports that they choose themselves.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{
    network::Ethereum,
    primitives::{Address, U256},
    providers::{Provider, ProviderBuilder},
};
use metalayer_proto::ids::ChainId;

use crate::processes::{ProcessError, Processes};

/// How long a node may take to listen.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether it does.
const START_POLL: Duration = Duration::from_millis(50);
/// What every funded account gets: 10,000 of the chain's own coin.
const FUNDS: u128 = 10_000 * 10_u128.pow(18);
/// What anvil prints before its address, once it listens.
const LISTENING: &str = "Listening on ";

/// How a node makes blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// One a second, final one or two blocks later.
    EverySecond,
    /// One for each transaction.
    AtOnce,
}

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
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
    /// It refuses to fund an account.
    #[error("{name} does not fund {account}: {problem}")]
    Funding {
        /// Which.
        name: String,
        /// Whose account.
        account: Address,
        /// The node's words.
        problem: String,
    },
}

/// A running node.
#[derive(Debug, Clone)]
pub struct Node {
    /// What people call its chain.
    pub name: String,
    /// Its chain.
    pub chain: ChainId,
    /// Where it answers.
    pub url: String,
}

impl Node {
    /// Starts `anvil` as `chain` and waits until it listens. `more` are further arguments of anvil's.
    pub async fn start(
        processes: &mut Processes,
        anvil: &Path,
        name: &str,
        chain: ChainId,
        blocks: Blocks,
        more: &[&str],
    ) -> Result<Self, NodeError> {
        let id = chain.get().to_string();
        let mut arguments = vec!["--port", "0", "--chain-id", &id, "--accounts", "1"];
        if blocks == Blocks::EverySecond {
            arguments.extend(["--block-time", "1", "--slots-in-an-epoch", "1"]);
        }
        arguments.extend(more);
        let log = processes.start(name, anvil, &arguments, &BTreeMap::new())?;
        let silent = |_| NodeError::Silent { name: name.to_owned(), log: log.clone() };
        let address = tokio::time::timeout(START_MAX, listening(processes, &log)).await.map_err(silent)??;
        Ok(Self { name: name.to_owned(), chain, url: format!("http://{address}") })
    }

    /// Gives each account some of the chain's own coin.
    pub async fn fund(&self, accounts: &[Address]) -> Result<(), NodeError> {
        let failed =
            |account: Address, problem: String| NodeError::Funding { name: self.name.clone(), account, problem };
        for account in accounts {
            let url = self.url.parse().map_err(|_| failed(*account, format!("`{}` is no URL", self.url)))?;
            let provider = ProviderBuilder::<_, _, Ethereum>::default().connect_http(url);
            let set = provider.raw_request::<_, ()>("anvil_setBalance".into(), (*account, U256::from(FUNDS))).await;
            set.map_err(|error| failed(*account, error.to_string()))?;
        }
        Ok(())
    }
}

/// The address that a node says, in its log, it listens on.
async fn listening(processes: &mut Processes, log: &Path) -> Result<String, NodeError> {
    loop {
        let text = fs::read_to_string(log).map_err(|source| NodeError::Log { log: log.to_owned(), source })?;
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
