//! The destination: a node and a gateway in memory, which does what it is told and proves nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::eip2718::Decodable2718,
    primitives::{Address, B256, Bytes, Log, TxHash, U256, keccak256},
    sol,
    sol_types::{SolCall, SolError, SolEvent},
};
use async_trait::async_trait;
use metalayer_node::{
    bus::Bus,
    chain::{BlockRef, ChainError, ChainReader, ChainWriter, Fees, Head, Receipt},
};
use metalayer_proto::{
    derivation::VerifiedBlock,
    envelope::{Envelope, TransactionRecord},
    events::abi::{
        Commitment, MessageDelivered, MessageFailed, MessageVoided, Status, acceptAndDeliverCall, acceptCall,
        deliverCall, retryCall, snapshotCall, statusOfCall, statusOfReturn,
    },
    ids::{ChainId, GatewayId, LaneId},
    item::{ITEMS_MAX, Item},
    message::Message,
    topics::{Partition, Topic},
};

use std::time::Duration;

/// Of how many counts one root is kept.
const BUCKET: u64 = 256;

sol! {
    error NotFailed(bytes32 id);
    error StillFailing(bytes32 reason);
}

/// Why a call reverts: the node's words, and what the gateway says.
struct Reverts {
    problem: String,
    data: Bytes,
}

impl From<&str> for Reverts {
    fn from(problem: &str) -> Self {
        Self { problem: problem.to_owned(), data: Bytes::new() }
    }
}

impl Reverts {
    fn with(error: &impl SolError) -> Self {
        Self { problem: "execution reverted".to_owned(), data: error.abi_encode().into() }
    }
}

/// One message, wherever it is from: origin and sequence.
pub(super) type Place = (GatewayId, u64);

/// The destination's node, and the gateway on it.
pub(super) struct Gateway {
    id: GatewayId,
    /// Where a transaction must stand before the node sees it.
    journal: Arc<dyn Bus>,
    state: Mutex<State>,
}

pub(super) struct State {
    /// What the gateway has delivered or voided, and how often in all.
    pub(super) settled: BTreeMap<Place, u32>,
    pub(super) failed: BTreeSet<Place>,
    /// The kept root's count of every 256, as the contract keeps it.
    accepted: BTreeMap<(GatewayId, u64), u64>,
    /// Origins whose roots are refused.
    pub(super) frozen: BTreeSet<GatewayId>,
    /// Messages whose recipient reverts.
    pub(super) failing: BTreeSet<Place>,
    /// Messages whose transaction reverts.
    pub(super) poison: BTreeSet<Place>,
    /// Whether an estimate tells that a transaction would revert.
    pub(super) foresees: bool,
    /// How many of the next transactions revert, whatever is in them.
    pub(super) reverting: usize,
    /// Nothing is answered.
    pub(super) down: bool,
    /// Nothing is answered about what an action would use.
    pub(super) silent_about_actions: bool,
    /// Whether calls are answered.
    pub(super) answers_calls: bool,
    /// No transaction is taken.
    pub(super) refuses: bool,
    /// What a transaction is estimated to use, and a block's limit.
    pub(super) gas: u64,
    pub(super) gas_limit: u64,
    /// All that was broadcast, in order; the same bytes again too.
    pub(super) broadcast: Vec<Bytes>,
    /// Every range of messages that a transaction carried, by sequence.
    pub(super) carried: Vec<Vec<u64>>,
    /// What the account has, what a unit of gas costs, and how many blocks are not final.
    pub(super) balance: u128,
    pub(super) base_fee: u128,
    pub(super) unfinal: usize,
    pool: BTreeMap<u64, TxEnvelope>,
    receipts: BTreeMap<TxHash, Receipt>,
    blocks: Vec<Block>,
    nonce: u64,
    reorgs: u64,
}

/// A block of at most one transaction, and how things were before it.
struct Block {
    hash: B256,
    transaction: Option<TxHash>,
    nonce: u64,
    ledger: Ledger,
}

type Ledger = (BTreeMap<(GatewayId, u64), u64>, BTreeMap<Place, u32>, BTreeSet<Place>);

impl Gateway {
    pub(super) fn new(id: GatewayId, journal: Arc<dyn Bus>) -> Arc<Self> {
        let state = State {
            settled: BTreeMap::new(),
            failed: BTreeSet::new(),
            accepted: BTreeMap::new(),
            frozen: BTreeSet::new(),
            failing: BTreeSet::new(),
            poison: BTreeSet::new(),
            foresees: true,
            reverting: 0,
            down: false,
            silent_about_actions: false,
            answers_calls: true,
            refuses: false,
            gas: 1_000_000,
            gas_limit: 30_000_000,
            broadcast: Vec::new(),
            carried: Vec::new(),
            balance: u128::MAX,
            base_fee: 1,
            unfinal: 0,
            pool: BTreeMap::new(),
            receipts: BTreeMap::new(),
            blocks: Vec::new(),
            nonce: 0,
            reorgs: 0,
        };
        Arc::new(Self { id, journal, state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts the account's next transaction into a block. False if the pool has none that pays enough.
    pub(super) fn mine(&self) -> bool {
        let mut state = self.state();
        let nonce = state.nonce;
        let base_fee = state.base_fee;
        if state.pool.get(&nonce).is_none_or(|transaction| transaction.max_fee_per_gas() < base_fee) {
            return false;
        }
        let transaction = state.pool.remove(&nonce).unwrap();
        let hash = *transaction.tx_hash();
        let block = state.append(Some(hash));
        state.nonce += 1;
        let reverts = state.reverting > 0;
        state.reverting = state.reverting.saturating_sub(1);
        let logs = match transaction.to() == Some(self.id.gateway) {
            _ if reverts => Err("out of luck".into()),
            true => state.run(transaction.input(), self.id),
            false => Ok(Vec::new()),
        };
        let receipt = Receipt { hash, block, success: logs.is_ok(), gas_used: 1, logs: logs.unwrap_or_default() };
        state.receipts.insert(hash, receipt);
        true
    }

    /// A block without a transaction of the account's.
    pub(super) fn mine_empty(&self) {
        self.state().append(None);
    }

    /// Another process uses the account's next nonce.
    pub(super) fn mine_foreign(&self) {
        let mut state = self.state();
        state.append(None);
        let nonce = state.nonce;
        state.pool.remove(&nonce);
        state.nonce += 1;
    }

    /// Another history replaces the last `depth` blocks; what they held is in no pool.
    pub(super) fn reorg(&self, depth: usize) {
        let mut state = self.state();
        for _ in 0..depth {
            let block = state.blocks.pop().unwrap();
            (state.accepted, state.settled, state.failed) = block.ledger;
            state.nonce = block.nonce;
            if let Some(hash) = block.transaction {
                state.receipts.remove(&hash);
            }
        }
        state.reorgs += 1;
    }

    /// The node forgets what it has not put into a block.
    pub(super) fn drop_pool(&self) {
        self.state().pool.clear();
    }

    /// The sequences of `origin` that were delivered; none of them twice.
    pub(super) fn delivered(&self, origin: GatewayId) -> Vec<u64> {
        let state = self.state();
        assert!(state.settled.values().all(|times| *times == 1), "I3: {:?}", state.settled);
        state.settled.keys().filter(|(from, _)| *from == origin).map(|(_, sequence)| *sequence).collect()
    }

    fn answering(&self) -> Result<MutexGuard<'_, State>, ChainError> {
        self.answering_if(|_| true)
    }

    fn answering_if(&self, too: impl Fn(&State) -> bool) -> Result<MutexGuard<'_, State>, ChainError> {
        let state = self.state();
        if state.down || !too(&state) {
            return self.unanswered();
        }
        Ok(state)
    }

    fn unanswered<T>(&self) -> Result<T, ChainError> {
        let detail = String::new();
        Err(ChainError::TooFewAnswers { chain: self.id.chain, answered: 0, needed: 1, detail })
    }

    fn refused<T>(&self, problem: impl Into<String>) -> Result<T, ChainError> {
        Err(ChainError::Refused { chain: self.id.chain, problem: problem.into(), revert: Bytes::new() })
    }
}

impl State {
    fn append(&mut self, transaction: Option<TxHash>) -> BlockRef {
        let number = self.blocks.len() as u64 + 1;
        let hash = keccak256([number.to_be_bytes(), self.reorgs.to_be_bytes()].concat());
        let ledger = (self.accepted.clone(), self.settled.clone(), self.failed.clone());
        self.blocks.push(Block { hash, transaction, nonce: self.nonce, ledger });
        BlockRef { number, hash }
    }

    fn block(&self, number: u64) -> BlockRef {
        let at = usize::try_from(number).unwrap();
        BlockRef { number, hash: at.checked_sub(1).map_or(B256::ZERO, |at| self.blocks[at].hash) }
    }

    /// Carries out a call, and returns its logs, or why it reverts; then nothing was changed.
    fn run(&mut self, data: &[u8], at: GatewayId) -> Result<Vec<Log>, Reverts> {
        let (accepted, settled, failed) = (self.accepted.clone(), self.settled.clone(), self.failed.clone());
        let logs = self.apply(data, at);
        if logs.is_err() {
            (self.accepted, self.settled, self.failed) = (accepted, settled, failed);
        }
        logs
    }

    fn apply(&mut self, data: &[u8], at: GatewayId) -> Result<Vec<Log>, Reverts> {
        if let Ok(retry) = retryCall::abi_decode(data) {
            return self.retry(&Message::decode(&retry.message).unwrap(), at);
        }
        if snapshotCall::abi_decode(data).is_ok() {
            return Ok(Vec::new());
        }
        if let Ok(accept) = acceptCall::abi_decode(data) {
            self.accept(&accept.commitment, accept.count)?;
            return Ok(Vec::new());
        }
        if let Ok(both) = acceptAndDeliverCall::abi_decode(data) {
            self.accept(&both.commitment, both.count)?;
            return self.deliver(&delivery(data).unwrap(), at);
        }
        let call = delivery(data).unwrap();
        let origin = GatewayId { chain: ChainId::new(call.originChainId).unwrap(), gateway: call.originGateway };
        if self.accepted.get(&(origin, call.count / BUCKET)) != Some(&call.count) {
            return Err("RootUnknown".into());
        }
        self.deliver(&call, at)
    }

    fn retry(&mut self, message: &Message, at: GatewayId) -> Result<Vec<Log>, Reverts> {
        let (place, id) = ((message.origin, message.sequence), message.id().0);
        if !self.failed.remove(&place) {
            return Err(Reverts::with(&NotFailed { id }));
        }
        if self.failing.contains(&place) {
            return Err(Reverts::with(&StillFailing { reason: B256::repeat_byte(9) }));
        }
        let item = Item::Message(Box::new(Message { after: 0, ..message.clone() }));
        let logs = self.meet(place, &item).map(|data| Log { address: at.gateway, data });
        Ok(logs.into_iter().collect())
    }

    fn accept(&mut self, commitment: &Commitment, count: u64) -> Result<(), Reverts> {
        let chain = ChainId::new(commitment.originChainId).unwrap();
        let origin = GatewayId { chain, gateway: commitment.originGateway };
        self.keep(origin, count);
        if self.frozen.contains(&origin) { Err("frozen".into()) } else { Ok(()) }
    }

    /// A root of `count` is accepted, whoever shows it: the newest of its 256 counts is kept.
    pub(super) fn keep(&mut self, origin: GatewayId, count: u64) {
        let kept = self.accepted.entry((origin, count / BUCKET)).or_default();
        *kept = count.max(*kept);
    }

    fn deliver(&mut self, call: &deliverCall, at: GatewayId) -> Result<Vec<Log>, Reverts> {
        let origin = GatewayId { chain: ChainId::new(call.originChainId).unwrap(), gateway: call.originGateway };
        let lane = LaneId { origin, destination: at };
        let items = Item::decode_all(&call.items, lane, call.first, ITEMS_MAX).unwrap();
        let mut logs = Vec::new();
        for (sequence, item) in (call.first..).zip(items) {
            let place = (origin, sequence);
            if self.poison.contains(&place) && !matches!(item, Item::Leaf(_)) {
                return Err("poisoned".into());
            }
            if !self.settled.contains_key(&place) && !self.failed.contains(&place) {
                logs.extend(self.meet(place, &item).map(|data| Log { address: at.gateway, data }));
            }
        }
        Ok(logs)
    }

    fn meet(&mut self, place: Place, item: &Item) -> Option<alloy::primitives::LogData> {
        let ((origin, sequence), id) = (place, B256::ZERO);
        let (chain, gateway) = (origin.chain.get(), origin.gateway);
        match item {
            Item::Leaf(_) => None,
            Item::Message(message) if message.after > 0 && !self.settled.contains_key(&(origin, message.after - 1)) => {
                None
            }
            Item::Message(_) if self.failing.contains(&place) => {
                self.failed.insert(place);
                let event =
                    MessageFailed { id, originChainId: chain, originGateway: gateway, sequence, reason: B256::ZERO };
                Some(event.encode_log_data())
            }
            Item::Message(_) => {
                *self.settled.entry(place).or_default() += 1;
                let event = MessageDelivered { id, originChainId: chain, originGateway: gateway, sequence };
                Some(event.encode_log_data())
            }
            Item::Void(_) => {
                *self.settled.entry(place).or_default() += 1;
                let event = MessageVoided { id, originChainId: chain, originGateway: gateway, sequence };
                Some(event.encode_log_data())
            }
        }
    }
}

/// What a call delivers, whether it shows the root or not; `None` for an action's.
fn delivery(data: &[u8]) -> Option<deliverCall> {
    acceptAndDeliverCall::abi_decode(data).map_or_else(
        |_| deliverCall::abi_decode(data).ok(),
        |both| {
            Some(deliverCall {
                originChainId: both.commitment.originChainId,
                originGateway: both.commitment.originGateway,
                count: both.count,
                first: both.first,
                items: both.items,
                rangeProof: both.rangeProof,
            })
        },
    )
}

/// The sequences whose bodies a transaction carries; none for an action's.
fn carried(transaction: &TxEnvelope, at: GatewayId) -> Vec<u64> {
    let Some(call) = delivery(transaction.input()) else { return Vec::new() };
    let origin = GatewayId { chain: ChainId::new(call.originChainId).unwrap(), gateway: call.originGateway };
    let items = Item::decode_all(&call.items, LaneId { origin, destination: at }, call.first, ITEMS_MAX).unwrap();
    let bodies = (call.first..).zip(items).filter(|(_, item)| !matches!(item, Item::Leaf(_)));
    bodies.map(|(sequence, _)| sequence).collect()
}

#[async_trait]
impl ChainWriter for Gateway {
    fn chain(&self) -> ChainId {
        self.id.chain
    }

    async fn nonce(&self, _account: Address) -> Result<u64, ChainError> {
        Ok(self.answering()?.nonce)
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        let base_fee_per_gas = self.answering()?.base_fee;
        Ok(Fees { base_fee_per_gas, max_fee_per_gas: 2 * base_fee_per_gas + 1, max_priority_fee_per_gas: 1 })
    }

    async fn latest(&self) -> Result<Head, ChainError> {
        let state = self.answering()?;
        let number = state.blocks.len() as u64;
        Ok(Head { block: state.block(number), timestamp: number, gas_limit: state.gas_limit })
    }

    async fn estimate(&self, _from: Address, to: Address, data: Bytes) -> Result<u64, ChainError> {
        let mut state = self.answering()?;
        if to != self.id.gateway {
            return Ok(21_000);
        }
        if state.silent_about_actions && delivery(&data).is_none() {
            drop(state);
            return self.unanswered();
        }
        let before = (state.accepted.clone(), state.settled.clone(), state.failed.clone());
        let result = state.run(&data, self.id);
        (state.accepted, state.settled, state.failed) = before;
        match result {
            Err(Reverts { problem, data: revert }) if state.foresees => {
                Err(ChainError::Refused { chain: self.id.chain, problem, revert })
            }
            _ => Ok(state.gas),
        }
    }

    async fn call(&self, _from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        assert_eq!(to, self.id.gateway);
        let state = self.answering_if(|state| state.answers_calls)?;
        let call = statusOfCall::abi_decode(&data).unwrap();
        let chain = ChainId::new(call.originChainId).unwrap();
        let place = (GatewayId { chain, gateway: call.originGateway }, call.sequence);
        let status = match (state.settled.contains_key(&place), state.failed.contains(&place)) {
            (true, _) => Status::Settled,
            (false, true) => Status::Failed,
            (false, false) => Status::Open,
        };
        Ok(statusOfCall::abi_encode_returns(&statusOfReturn { status, failedAt: 0 }).into())
    }

    async fn send_raw(&self, raw: Bytes) -> Result<TxHash, ChainError> {
        let journal: Vec<TransactionRecord> = {
            let (from, _) = self.journal.range(Topic::Transactions, Partition(2)).await.unwrap();
            let read = self.journal.read(Topic::Transactions, Partition(2), from, 1_000, Duration::ZERO).await.unwrap();
            read.iter().map(|stored| Envelope::decode(&stored.value).unwrap().record).collect()
        };
        assert!(journal.iter().any(|record| record.raw == raw), "broadcast before it was journaled");
        let mut state = self.answering()?;
        if state.refuses {
            return self.refused("insufficient funds");
        }
        let transaction = TxEnvelope::decode_2718_exact(&raw).unwrap();
        let hash = *transaction.tx_hash();
        let waiting = state.pool.get(&transaction.nonce()).map(|one| (*one.tx_hash(), one.max_fee_per_gas()));
        let is_known = state.receipts.contains_key(&hash) || waiting.is_some_and(|(waiting, _)| waiting == hash);
        if !is_known && transaction.nonce() < state.nonce {
            return self.refused("nonce too low");
        }
        if !is_known && waiting.is_some_and(|(_, price)| 10 * transaction.max_fee_per_gas() < 11 * price) {
            return self.refused("replacement transaction underpriced");
        }
        let is_first = !state.broadcast.contains(&raw);
        state.broadcast.push(raw);
        if is_first && transaction.to() == Some(self.id.gateway) && waiting.is_none() {
            state.carried.push(carried(&transaction, self.id));
        }
        if !is_known {
            state.pool.insert(transaction.nonce(), transaction);
        }
        Ok(hash)
    }

    async fn receipt(&self, hash: TxHash) -> Result<Option<Receipt>, ChainError> {
        Ok(self.answering()?.receipts.get(&hash).cloned())
    }

    async fn balance(&self, _account: Address) -> Result<U256, ChainError> {
        Ok(U256::from(self.answering()?.balance))
    }
}

#[async_trait]
impl ChainReader for Gateway {
    fn chain(&self) -> ChainId {
        self.id.chain
    }

    async fn finalized(&self) -> Result<BlockRef, ChainError> {
        let state = self.answering()?;
        Ok(state.block(state.blocks.len().saturating_sub(state.unfinal) as u64))
    }

    async fn read(&self, _from: u64, _to: BlockRef) -> Result<Vec<VerifiedBlock>, ChainError> {
        unreachable!("who executes reads no logs")
    }

    async fn block_at(&self, number: u64) -> Result<BlockRef, ChainError> {
        Ok(self.answering()?.block(number))
    }
}
