//! A chain in memory whose headers, blooms and receipts roots are real, so that what reads it cannot tell.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::{
    consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType, constants::EMPTY_ROOT_HASH},
    primitives::{Address, B256, Bloom, Log, keccak256},
};
use async_trait::async_trait;
use metalayer_proto::{derivation::VerifiedBlock, ids::ChainId};

use super::{BlockRef, ChainError, ChainReader, LogCheck, LogSource, READ_BLOCKS_MAX, receipts};

/// What a block is made of.
#[derive(Clone, Debug, Default)]
pub struct BlockContent {
    /// The logs of each transaction, in order.
    pub transactions: Vec<Vec<Log>>,
    /// Its time in seconds; one second after its parent if absent.
    pub timestamp: Option<u64>,
    /// Leaves the header's bloom empty, as a chain does whose blooms are wrong.
    pub empty_bloom: bool,
}

impl BlockContent {
    /// A block with one transaction a log.
    pub fn of(logs: impl IntoIterator<Item = Log>) -> Self {
        Self { transactions: logs.into_iter().map(|log| vec![log]).collect(), ..Self::default() }
    }
}

/// A block of a [`MemoryChain`].
#[derive(Clone, Debug)]
pub(super) struct MemoryBlock {
    pub header: Header,
    pub hash: B256,
    pub receipts: Vec<ReceiptEnvelope>,
}

/// A chain in memory. Block 0 is there and final from the beginning.
#[derive(Debug)]
pub struct MemoryChain {
    chain: ChainId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    blocks: Vec<MemoryBlock>,
    finalized: usize,
}

impl MemoryChain {
    /// A chain of one empty block.
    pub fn new(chain: ChainId) -> Arc<Self> {
        let genesis = assemble(None, BlockContent { timestamp: Some(0), ..BlockContent::default() });
        Arc::new(Self { chain, state: Mutex::new(State { blocks: vec![genesis], finalized: 0 }) })
    }

    /// Which chain it is.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Appends a block.
    pub fn mine(&self, content: BlockContent) -> BlockRef {
        let mut state = self.state();
        let block = assemble(state.blocks.last(), content);
        let at = BlockRef { number: block.header.number, hash: block.hash };
        state.blocks.push(block);
        at
    }

    /// Makes everything up to the latest block final.
    pub fn finalize(&self) -> BlockRef {
        let mut state = self.state();
        state.finalized = state.blocks.len() - 1;
        let block = &state.blocks[state.finalized];
        BlockRef { number: block.header.number, hash: block.hash }
    }

    /// Forgets the blocks from `number` on (never block 0), final or not: what follows is another history.
    pub fn rewind(&self, number: u64) {
        let mut state = self.state();
        let keep = usize::try_from(number).unwrap_or(usize::MAX).max(1);
        state.blocks.truncate(keep);
        state.finalized = state.finalized.min(state.blocks.len() - 1);
    }

    /// A reader of `watched`'s logs.
    pub fn reader(self: &Arc<Self>, watched: Vec<Address>) -> MemoryReader {
        MemoryReader { chain: self.clone(), watched }
    }

    pub(super) fn block(&self, number: u64) -> Option<MemoryBlock> {
        self.state().blocks.get(usize::try_from(number).ok()?).cloned()
    }

    #[cfg(any(test, feature = "conformance"))]
    pub(super) fn latest(&self) -> MemoryBlock {
        let state = self.state();
        state.blocks[state.blocks.len() - 1].clone()
    }

    pub(super) fn finalized(&self) -> MemoryBlock {
        let state = self.state();
        state.blocks[state.finalized].clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change under the lock is whole in itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn assemble(parent: Option<&MemoryBlock>, content: BlockContent) -> MemoryBlock {
    const GAS_A_TRANSACTION: u64 = 50_000;
    let receipts: Vec<ReceiptEnvelope> = (1..)
        .zip(content.transactions)
        .map(|(position, logs)| {
            let receipt =
                Receipt { status: Eip658Value::Eip658(true), cumulative_gas_used: position * GAS_A_TRANSACTION, logs };
            ReceiptEnvelope::from_typed(TxType::Eip1559, ReceiptWithBloom::from(receipt))
        })
        .collect();
    let bloom = receipts.iter().fold(Bloom::ZERO, |all, receipt| all | *receipt.logs_bloom());
    let header = Header {
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        number: parent.map_or(0, |parent| parent.header.number + 1),
        timestamp: content.timestamp.unwrap_or_else(|| parent.map_or(0, |parent| parent.header.timestamp + 1)),
        receipts_root: if receipts.is_empty() { EMPTY_ROOT_HASH } else { receipts::root(&receipts) },
        logs_bloom: if content.empty_bloom { Bloom::ZERO } else { bloom },
        gas_limit: 30_000_000,
        base_fee_per_gas: Some(1_000_000_000),
        ..Header::default()
    };
    MemoryBlock { hash: header.hash_slow(), header, receipts }
}

/// The hash that stands for a transaction, which this chain does not have.
pub(super) fn transaction_hash(block: B256, index: usize) -> B256 {
    keccak256([block.as_slice(), &index.to_be_bytes()].concat())
}

/// Reads a [`MemoryChain`].
#[derive(Clone, Debug)]
pub struct MemoryReader {
    chain: Arc<MemoryChain>,
    watched: Vec<Address>,
}

impl MemoryReader {
    fn verified(&self, MemoryBlock { header, hash, receipts }: MemoryBlock) -> VerifiedBlock {
        let hashes = (0..receipts.len()).map(|index| transaction_hash(hash, index));
        let logs = receipts::concerning(&receipts::number(receipts, hashes), &self.watched);
        let Header { number, parent_hash, timestamp, .. } = header;
        VerifiedBlock { number, hash, parent_hash, timestamp, logs }
    }

    fn missing(&self, number: u64) -> ChainError {
        let detail = format!("; the chain has no block {number}");
        ChainError::TooFewAnswers { chain: self.chain.chain, answered: 0, needed: 1, detail }
    }
}

#[async_trait]
impl ChainReader for MemoryReader {
    fn chain(&self) -> ChainId {
        self.chain.chain
    }

    async fn finalized(&self) -> Result<BlockRef, ChainError> {
        let block = self.chain.finalized();
        Ok(BlockRef { number: block.header.number, hash: block.hash })
    }

    async fn read(&self, from: u64, to: BlockRef) -> Result<Vec<VerifiedBlock>, ChainError> {
        let top = self.block_at(to.number).await?;
        if top.hash != to.hash {
            let (number, was, now) = (to.number, to.hash, top.hash);
            return Err(ChainError::FinalHistoryChanged { chain: self.chain.chain, number, was, now });
        }
        if to.number.saturating_sub(from) >= READ_BLOCKS_MAX {
            let problem = format!("{from} to {} are more than the {READ_BLOCKS_MAX} blocks of one read", to.number);
            return Err(ChainError::Unverifiable { chain: self.chain.chain, problem });
        }
        let block = |number| self.chain.block(number).map(|b| self.verified(b)).ok_or_else(|| self.missing(number));
        (from..=to.number).map(block).collect()
    }

    async fn block_at(&self, number: u64) -> Result<BlockRef, ChainError> {
        let block = self.chain.block(number).ok_or_else(|| self.missing(number))?;
        Ok(BlockRef { number, hash: block.hash })
    }
}

#[async_trait]
impl LogSource for MemoryReader {
    async fn told(
        &self,
        contract: Address,
        blocks: RangeInclusive<u64>,
        check: LogCheck<'_>,
    ) -> Result<Vec<Log>, ChainError> {
        let blocks = blocks.filter_map(|number| self.chain.block(number));
        let logs = blocks.flat_map(|block| block.receipts).flat_map(|receipt| receipt.logs().to_vec());
        let logs: Vec<_> = logs.filter(|log| log.address == contract).collect();
        let refused = |problem| {
            let detail = format!("; {problem}");
            ChainError::TooFewAnswers { chain: self.chain.chain, answered: 0, needed: 1, detail }
        };
        check(&logs).map_err(refused)?;
        Ok(logs)
    }
}
