//! What a network stands on: three nodes, and who has coin there.

use std::{path::PathBuf, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use metalayer_proto::ids::ChainId;
use relayer::deploy::Account;

use super::{CHAINS, NetworkError};
use crate::{
    console::Console,
    node::{Blocks, Given, Node},
    processes::Processes,
};

/// What a network stands on.
#[derive(Debug)]
pub struct Ground {
    /// Its nodes.
    pub nodes: Nodes,
    /// Who has coin on every chain; stands for nearly everybody who has a role.
    pub rich: PrivateKeySigner,
}

/// Three nodes, the hub's first.
#[derive(Debug)]
pub enum Nodes {
    /// They are started from this binary of anvil.
    Started(PathBuf),
    /// They run already.
    Given([Given; CHAINS.len()]),
}

impl Nodes {
    /// How long something may be under way between two chains; what given nodes call final may be a quarter of an hour old.
    pub const fn arrival_max(&self) -> Duration {
        match self {
            Self::Started(_) => Duration::from_secs(90),
            Self::Given(_) => Duration::from_secs(3_600),
        }
    }
}

impl Ground {
    /// Whoever has coin, on a node's chain, if that is the chain it should be.
    pub(super) async fn account(&self, node: &Node) -> Result<Account, NetworkError> {
        let account = Account::connect(&node.url, self.rich.clone()).await?;
        let (named, serves) = (node.chain, account.chain());
        if named == serves { Ok(account) } else { Err(NetworkError::WrongChain { named, serves }) }
    }

    /// The nodes, started if they are to be.
    pub(super) async fn nodes(&self, processes: &mut Processes, console: &Console) -> Result<Vec<Node>, NetworkError> {
        match &self.nodes {
            Nodes::Started(anvil) => {
                console.say("starting three nodes");
                let mut started = Vec::new();
                for (name, id) in CHAINS {
                    let chain = ChainId::new(id)?;
                    started.push(Node::start(processes, anvil, name, chain, Blocks::EverySecond, &[]).await?);
                }
                Ok(started)
            }
            Nodes::Given(given) => {
                let named = CHAINS.iter().zip(given);
                Ok(named.map(|((name, _), given)| Node::given(name, given)).collect())
            }
        }
    }
}
