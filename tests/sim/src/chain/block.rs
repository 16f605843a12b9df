//! Blocks: headers, blooms and receipts that whoever recomputes them finds to be right.

use alloy::{
    consensus::{
        Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction,
        constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS},
        proofs::{calculate_receipt_root, calculate_transaction_root},
    },
    eips::{eip1559::BaseFeeParams, eip7685::EMPTY_REQUESTS_HASH},
    primitives::{Address, B256, Bloom, Log, U256},
};

use super::{GAS_LIMIT, pool::Signed, state::Undo};

/// What the first block's gas costs, in wei.
const FIRST_BASE_FEE: u64 = 1_000_000_000;

/// A block and how to undo it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub header: Header,
    pub hash: B256,
    pub transactions: Vec<Included>,
    pub undo: Undo,
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub(super) struct Included {
    pub signed: Signed,
    pub receipt: ReceiptEnvelope,
    pub gas_used: u64,
    pub created: Option<Address>,
}

/// A block that is being made.
#[derive(Debug)]
pub(super) struct Draft {
    pub header: Header,
    transactions: Vec<Included>,
    undo: Undo,
}

impl Draft {
    /// The first block.
    pub(super) fn genesis(timestamp: u64) -> Self {
        let header = Header { base_fee_per_gas: Some(FIRST_BASE_FEE), timestamp, ..empty_header() };
        Self { header, transactions: Vec::new(), undo: Undo::default() }
    }

    /// A block after `parent`. `branch` keeps it apart from the one that was there before a reorg.
    pub(super) fn after(parent: &Block, timestamp: u64, branch: u64) -> Self {
        let header = Header {
            parent_hash: parent.hash,
            number: parent.header.number + 1,
            timestamp: timestamp.max(parent.header.timestamp),
            base_fee_per_gas: parent.header.next_block_base_fee(BaseFeeParams::ethereum()),
            mix_hash: B256::from(U256::from(branch)),
            ..empty_header()
        };
        Self { header, transactions: Vec::new(), undo: Undo::default() }
    }

    /// How much gas later transactions may use.
    pub(super) const fn gas_left(&self) -> u64 {
        self.header.gas_limit - self.header.gas_used
    }

    /// Appends a transaction that has run.
    pub(super) fn push(&mut self, signed: Signed, ran: Ran) {
        let Ran { success, gas_used, logs, created, undo } = ran;
        self.header.gas_used += gas_used;
        let receipt = Receipt { status: Eip658Value::Eip658(success), cumulative_gas_used: self.header.gas_used, logs };
        let receipt = ReceiptEnvelope::from_typed(signed.envelope.tx_type(), ReceiptWithBloom::from(receipt));
        self.transactions.push(Included { signed, receipt, gas_used, created });
        self.undo.extend(undo);
    }

    pub(super) fn seal(self) -> Block {
        let Self { mut header, transactions, undo } = self;
        if !transactions.is_empty() {
            let receipts: Vec<_> = transactions.iter().map(|one| one.receipt.clone()).collect();
            let envelopes: Vec<_> = transactions.iter().map(|one| one.signed.envelope.clone()).collect();
            header.receipts_root = calculate_receipt_root(&receipts);
            header.transactions_root = calculate_transaction_root(&envelopes);
            header.logs_bloom = receipts.iter().fold(Bloom::ZERO, |all, receipt| all | *receipt.logs_bloom());
        }
        Block { hash: header.hash_slow(), header, transactions, undo }
    }
}

/// What running a transaction came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub success: bool,
    pub gas_used: u64,
    pub logs: Vec<Log>,
    pub created: Option<Address>,
    pub undo: Undo,
}

impl Block {
    /// What each unit of a transaction's gas cost its sender.
    pub(super) fn price_paid(&self, transaction: &Included) -> u128 {
        transaction.signed.envelope.effective_gas_price(self.header.base_fee_per_gas)
    }
}

/// A header as Prague's rules make it of an empty block. The root of the state stays unknown: nobody reads it.
fn empty_header() -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        gas_limit: GAS_LIMIT,
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
