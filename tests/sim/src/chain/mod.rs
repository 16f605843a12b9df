//! A chain in memory that runs the contracts in an EVM, and answers as a node does.
//!
//! Headers, blooms and receipts are real, so that what reads the chain recomputes them; blocks, finality and reorgs come when they are
//! told to, and the contracts' clock is the block's time.

mod block;
mod evm;
mod json;
mod node;
mod pool;
mod rpc;
pub mod slots;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::{
    primitives::{Address, Bytes, Log, U256},
    signers::k256::ecdsa,
};
use metalayer_node::chain::BlockRef;
use metalayer_proto::ids::ChainId;
use serde_json::Value;

use block::Block;
use node::Node;

/// The most gas of a block.
const GAS_LIMIT: u64 = 30_000_000;

/// What becomes of the transactions whose blocks a reorg takes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// They wait again.
    Nothing,
    /// Nobody has them any more.
    Transactions,
}

/// A chain in memory. A clone is the same chain; a [`fork`](Self::fork) is another that begins with the same history.
#[derive(Clone, Debug)]
pub struct SimChain {
    chain: ChainId,
    node: Arc<Mutex<Node>>,
}

impl SimChain {
    /// A chain of one block, which is final; `rich` says who has how much coin.
    pub fn new(chain: ChainId, timestamp: u64, rich: &[(Address, U256)]) -> Self {
        Self { chain, node: Arc::new(Mutex::new(Node::new(chain, timestamp, rich))) }
    }

    /// Another chain with the history of this one.
    pub fn fork(&self) -> Self {
        Self { chain: self.chain, node: Arc::new(Mutex::new(self.node().clone())) }
    }

    /// Which chain it is.
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The answer to a JSON-RPC request, single or batch, as an honest node gives it.
    pub fn answer(&self, request: &Value) -> Value {
        rpc::answer(&mut self.node(), request)
    }

    /// The newest block.
    pub fn latest(&self) -> BlockRef {
        reference(self.node().latest())
    }

    /// The newest block's time, in seconds: the contracts' clock.
    pub fn timestamp(&self) -> u64 {
        self.node().latest().header.timestamp
    }

    /// The newest final block.
    pub fn finalized(&self) -> BlockRef {
        reference(self.node().finalized())
    }

    /// How many transactions wait.
    pub fn waiting(&self) -> usize {
        self.node().pool.len()
    }

    /// Makes a block of what waits, as much as fits. Time does not run backwards: an earlier timestamp is its parent's.
    pub fn mine(&self, timestamp: u64) -> BlockRef {
        let mut node = self.node();
        node.mine(timestamp);
        reference(node.latest())
    }

    /// Makes blocks without transactions, whatever waits.
    pub fn idle(&self, blocks: u64, timestamp: u64) -> BlockRef {
        let mut node = self.node();
        for _ in 0..blocks {
            node.idle(timestamp);
        }
        reference(node.latest())
    }

    /// Makes a block whose only receipt holds these logs, though no contract made them: a rollup that lies.
    ///
    /// # Errors
    /// The block's transaction cannot be signed.
    pub fn forge(&self, timestamp: u64, logs: Vec<Log>) -> Result<BlockRef, ecdsa::Error> {
        let mut node = self.node();
        node.forge(timestamp, logs)?;
        Ok(reference(node.latest()))
    }

    /// Makes everything up to this block final, as far as it is there.
    pub fn finalize_to(&self, number: u64) -> BlockRef {
        let mut node = self.node();
        node.finalize_to(number);
        reference(node.finalized())
    }

    /// Takes the newest blocks back, never the first; what comes after is another history, even if the same is done again. Only a
    /// rollup that breaks its word takes back what is final.
    pub fn reorg(&self, depth: u64, lost: Lost) -> BlockRef {
        let mut node = self.node();
        node.reorg(depth, lost);
        reference(node.latest())
    }

    /// Forgets what waits, as a node does that loses its pool.
    pub fn lose_pool(&self) {
        self.node().pool.clear();
    }

    /// What `from` has called `to` with, in the order of the blocks, as far as it succeeded.
    pub fn calls(&self, from: Address, to: Address) -> Vec<Bytes> {
        self.node().calls(from, to)
    }

    /// What a slot of a contract holds.
    pub fn storage(&self, contract: Address, slot: U256) -> U256 {
        self.node().state.storage(contract, slot)
    }

    /// Writes a slot of a contract, as no transaction could: a contract that is wrong. No reorg takes it back but that of a block which
    /// wrote the same slot.
    pub fn set_storage(&self, contract: Address, slot: U256, value: U256) {
        self.node().state.set_storage(contract, slot, value);
    }

    /// Gives a contract other code, as no transaction could: a contract that is wrong. No reorg takes it back but that of a block which
    /// changed the account.
    pub fn set_code(&self, contract: Address, code: Bytes) {
        self.node().state.set_code(contract, code);
    }

    fn node(&self) -> MutexGuard<'_, Node> {
        // Every change under the lock is whole in itself.
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reference(block: &Block) -> BlockRef {
    BlockRef { number: block.header.number, hash: block.hash }
}
