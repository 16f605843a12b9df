//! One chain's blocks, its state at the newest of them, and what waits to be in the next.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{
    consensus::{SignableTransaction, Transaction, TxEip1559, TxEnvelope},
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, Log, TxKind, U256},
    signers::{SignerSync, k256::ecdsa, local::PrivateKeySigner},
};
use metalayer_proto::ids::ChainId;

use super::{
    Lost,
    block::{Block, Draft, Included, Ran},
    evm,
    pool::{Pool, Signed},
    state::State,
};

/// A chain. Its blocks are shared between copies.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub chain: ChainId,
    pub state: State,
    pub pool: Pool,
    blocks: Vec<Arc<Block>>,
    finalized: u64,
    /// Where transactions are: block and place in it.
    places: BTreeMap<B256, (u64, usize)>,
    /// How many reorgs there were.
    branch: u64,
}

impl Node {
    pub(super) fn new(chain: ChainId, timestamp: u64, rich: &[(Address, U256)]) -> Self {
        let mut state = State::default();
        rich.iter().for_each(|(account, balance)| state.set_balance(*account, *balance));
        let genesis = Arc::new(Draft::genesis(timestamp).seal());
        let (pool, places) = (Pool::default(), BTreeMap::new());
        Self { chain, state, pool, blocks: vec![genesis], finalized: 0, places, branch: 0 }
    }

    pub(super) fn latest(&self) -> &Block {
        &self.blocks[self.blocks.len() - 1]
    }

    pub(super) fn finalized(&self) -> &Block {
        self.block(self.finalized).unwrap_or_else(|| self.latest())
    }

    pub(super) fn block(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number).ok()?).map(Arc::as_ref)
    }

    pub(super) fn tagged(&self, tag: BlockNumberOrTag) -> Option<&Block> {
        match tag {
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => Some(self.latest()),
            BlockNumberOrTag::Finalized | BlockNumberOrTag::Safe => Some(self.finalized()),
            BlockNumberOrTag::Earliest => self.block(0),
            BlockNumberOrTag::Number(number) => self.block(number),
        }
    }

    pub(super) fn transaction(&self, hash: B256) -> Option<(&Block, usize)> {
        let (number, place) = self.places.get(&hash)?;
        Some((self.block(*number)?, *place))
    }

    pub(super) fn calls(&self, from: Address, to: Address) -> Vec<Bytes> {
        let included = self.blocks.iter().flat_map(|block| &block.transactions);
        let those = included
            .filter(|one| one.receipt.status() && one.signed.sender == from && one.signed.envelope.to() == Some(to));
        those.map(|one| one.signed.envelope.input().clone()).collect()
    }

    /// A block of what waits, as much as fits.
    pub(super) fn mine(&mut self, timestamp: u64) -> B256 {
        let mut draft = self.draft(timestamp);
        let base_fee = draft.header.base_fee_per_gas.unwrap_or_default();
        while let Some(signed) = self.pool.next(&self.state, base_fee.into(), draft.gas_left()) {
            // What turns out not to fit any block is forgotten.
            if let Ok(outcome) =
                evm::transact(&self.state, self.chain.get(), &draft.header, &signed.envelope, signed.sender)
            {
                let undo = self.state.commit(outcome.state);
                let (success, gas_used) = (outcome.result.is_success(), outcome.result.tx_gas_used());
                let created = outcome.result.created_address();
                // What a failed transaction had logged is not in its receipt.
                let logs = if success { outcome.result.into_logs() } else { Vec::new() };
                draft.push(signed.clone(), Ran { success, gas_used, logs, created, undo });
            }
            self.pool.remove(&signed, &self.state);
        }
        self.append(draft)
    }

    /// A block without transactions, whatever waits.
    pub(super) fn idle(&mut self, timestamp: u64) -> B256 {
        let draft = self.draft(timestamp);
        self.append(draft)
    }

    /// A block with one transaction, whose receipt says that these logs were made; nothing has run.
    pub(super) fn forge(&mut self, timestamp: u64, logs: Vec<Log>) -> Result<B256, ecdsa::Error> {
        const GAS: u64 = 100_000;
        let mut draft = self.draft(timestamp);
        let to = logs.first().map_or(Address::ZERO, |log| log.address);
        let signed = self.foreign_transaction(draft.header.number, to)?;
        draft.push(signed, Ran { success: true, gas_used: GAS, logs, ..Ran::default() });
        Ok(self.append(draft))
    }

    fn foreign_transaction(&self, nonce: u64, to: Address) -> Result<Signed, ecdsa::Error> {
        let signer = PrivateKeySigner::from_bytes(&B256::with_last_byte(1))?;
        let transaction = TxEip1559 { chain_id: self.chain.get(), nonce, to: TxKind::Call(to), ..TxEip1559::default() };
        let signature = signer.sign_hash_sync(&transaction.signature_hash()).map_err(|_| ecdsa::Error::new())?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Ok(Signed { hash: *envelope.tx_hash(), envelope, sender: signer.address() })
    }

    pub(super) fn finalize_to(&mut self, number: u64) {
        self.finalized = number.clamp(self.finalized, self.latest().header.number);
    }

    /// Takes the newest blocks back (never the first).
    pub(super) fn reorg(&mut self, depth: u64, lost: Lost) {
        let mut back = Vec::new();
        for _ in 0..depth.min(self.latest().header.number) {
            let Some(block) = self.blocks.pop() else { break };
            self.state.revert(&block.undo);
            back.extend(block.transactions.iter().map(|one| one.signed.clone()));
        }
        self.branch += 1;
        self.finalized = self.finalized.min(self.latest().header.number);
        for signed in back {
            self.places.remove(&signed.hash);
            if lost == Lost::Nothing {
                // One that was forged has never been in a pool and fits none.
                let _ = self.pool.add(signed, &self.state);
            }
        }
    }

    fn draft(&self, timestamp: u64) -> Draft {
        Draft::after(self.latest(), timestamp, self.branch)
    }

    fn append(&mut self, draft: Draft) -> B256 {
        let block = draft.seal();
        let hash = block.hash;
        let number = block.header.number;
        let placed = |(place, one): (usize, &Included)| (one.signed.hash, (number, place));
        self.places.extend(block.transactions.iter().enumerate().map(placed));
        self.blocks.push(Arc::new(block));
        hash
    }
}
