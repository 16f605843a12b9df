//! EVM nodes: anvil processes on ports that they choose themselves, or nodes that already run.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use alloy::{
    primitives::{B256, b256},
    providers::{DynProvider, Provider, ProviderBuilder},
    signers::{k256::ecdsa, local::PrivateKeySigner},
};
use metalayer_proto::ids::ChainId;

use crate::{
    listening::{self, ListenError},
    processes::Processes,
};

/// The key of the account to which every anvil gives 10,000 of its chain's coin. Everybody knows it.
const ANVILS_KEY: B256 = b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

/// How a node makes blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// One a second, final one or two blocks later.
    EverySecond,
    /// One for each transaction.
    AtOnce,
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
    /// Other nodes of its chain.
    pub more_urls: Vec<String>,
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
    ) -> Result<Self, ListenError> {
        let id = chain.get().to_string();
        let mut arguments = vec!["--port", "0", "--chain-id", &id, "--accounts", "1"];
        if blocks == Blocks::EverySecond {
            arguments.extend(["--block-time", "1", "--slots-in-an-epoch", "1"]);
        }
        arguments.extend(more);
        let log = processes.start(name, anvil, &arguments, &BTreeMap::new())?;
        let address = listening::wait(processes, name, &log).await?;
        Ok(Self { name: name.to_owned(), chain, url: format!("http://{address}"), more_urls: Vec::new() })
    }

    /// Nodes of a chain that already run.
    pub fn given(name: &str, given: &Given) -> Self {
        let Given { chain, url, more_urls } = given.clone();
        Self { name: name.to_owned(), chain, url, more_urls }
    }

    /// Who has coin on every chain whose node is started here.
    pub fn rich() -> Result<PrivateKeySigner, ecdsa::Error> {
        PrivateKeySigner::from_bytes(&ANVILS_KEY)
    }

    /// Where its chain is answered for, the node itself first.
    pub fn urls(&self) -> Vec<String> {
        std::iter::once(&self.url).chain(&self.more_urls).cloned().collect()
    }

    /// The node, for reading. An error does not repeat its URL, which may hold a secret (I12).
    pub fn provider(&self) -> Result<DynProvider, String> {
        let url = self.url.parse().map_err(|_| format!("the node of {} has no valid URL", self.chain))?;
        Ok(ProviderBuilder::default().connect_http(url).erased())
    }
}

/// Nodes of one chain that already run: `ID=URL[,URL...]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The chain.
    pub chain: ChainId,
    /// Its node.
    pub url: String,
    /// Its other nodes.
    pub more_urls: Vec<String>,
}

/// Text that names no nodes. Does not repeat it: a URL may hold a secret (I12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write ID=URL[,URL...] with the chain's EIP-155 id and its nodes, such as 11155111=https://node.example.org")]
pub struct InvalidGiven;

impl FromStr for Given {
    type Err = InvalidGiven;

    fn from_str(text: &str) -> Result<Self, InvalidGiven> {
        let (id, urls) = text.split_once('=').ok_or(InvalidGiven)?;
        let id = id.strip_prefix("eip155:").unwrap_or(id).parse().map_err(|_| InvalidGiven)?;
        let chain = ChainId::new(id).map_err(|_| InvalidGiven)?;
        let is_http = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if !urls.split(',').all(is_http) {
            return Err(InvalidGiven);
        }
        let mut urls = urls.split(',').map(str::to_owned);
        Ok(Self { chain, url: urls.next().ok_or(InvalidGiven)?, more_urls: urls.collect() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nodes_that_run_are_named_by_chain_and_urls() {
        let given: Given = "eip155:7=http://a,https://b/x=1".parse().unwrap();
        assert_eq!((given.chain.get(), given.url.as_str()), (7, "http://a"));
        assert_eq!(given.more_urls, ["https://b/x=1"]);
        assert!("7=http://a".parse::<Given>().unwrap().more_urls.is_empty());
        for text in ["7", "7=", "=http://a", "0=http://a", "x=http://a", "7=http://a,", "7=ftp://secret"] {
            let error = text.parse::<Given>().unwrap_err();
            assert!(!error.to_string().contains("secret"));
        }
    }
}
