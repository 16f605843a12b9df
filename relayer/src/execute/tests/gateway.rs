//! The destination: a node and a gateway in memory, which does what it is told and proves nothing.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::eip2718::Decodable2718,
    primitives::Log,
    sol_types::SolEvent,
};
use metalayer_node::{
    bus::Bus,
    chain::{BlockRef, Fees, Head},
};
use metalayer_proto::{
    events::abi::{
        MessageDelivered, MessageFailed, MessageVoided, acceptCall, deliverCall, multicallCall, statusOfReturn,
    },
    ids::ChainId,
    item::{ITEMS_MAX, Item},
};

use super::*;

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
    accepted: BTreeSet<(GatewayId, u64)>,
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
    /// No transaction is taken.
    pub(super) refuses: bool,
    /// What a transaction is estimated to use, and a block's limit.
    pub(super) gas: u64,
    pub(super) gas_limit: u64,
    /// All that was broadcast, in order; the same bytes again too.
    pub(super) broadcast: Vec<Bytes>,
    /// Every range of messages that a transaction carried, by sequence.
    pub(super) carried: Vec<Vec<u64>>,
    pool: VecDeque<TxEnvelope>,
    receipts: BTreeMap<TxHash, Receipt>,
    mined: u64,
}

impl Gateway {
    pub(super) fn new(id: GatewayId, journal: Arc<dyn Bus>) -> Arc<Self> {
        let state = State {
            settled: BTreeMap::new(),
            failed: BTreeSet::new(),
            accepted: BTreeSet::new(),
            frozen: BTreeSet::new(),
            failing: BTreeSet::new(),
            poison: BTreeSet::new(),
            foresees: true,
            reverting: 0,
            down: false,
            refuses: false,
            gas: 1_000_000,
            gas_limit: 30_000_000,
            broadcast: Vec::new(),
            carried: Vec::new(),
            pool: VecDeque::new(),
            receipts: BTreeMap::new(),
            mined: 0,
        };
        Arc::new(Self { id, journal, state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts the oldest transaction of the pool into a block. False if there is none.
    pub(super) fn mine(&self) -> bool {
        let mut state = self.state();
        let Some(transaction) = state.pool.pop_front() else { return false };
        let reverts = state.reverting > 0;
        state.reverting = state.reverting.saturating_sub(1);
        let logs = if reverts { Err("out of luck".to_owned()) } else { state.run(transaction.input(), self.id) };
        let block = BlockRef { number: state.mined, hash: B256::ZERO };
        state.mined += 1;
        let hash = *transaction.tx_hash();
        let receipt = Receipt { hash, block, success: logs.is_ok(), gas_used: 1, logs: logs.unwrap_or_default() };
        state.receipts.insert(hash, receipt);
        true
    }

    /// The sequences of `origin` that were delivered; none of them twice.
    pub(super) fn delivered(&self, origin: GatewayId) -> Vec<u64> {
        let state = self.state();
        assert!(state.settled.values().all(|times| *times == 1), "I3: {:?}", state.settled);
        state.settled.keys().filter(|(from, _)| *from == origin).map(|(_, sequence)| *sequence).collect()
    }

    fn answering(&self) -> Result<MutexGuard<'_, State>, ChainError> {
        let state = self.state();
        if state.down {
            let detail = String::new();
            return Err(ChainError::TooFewAnswers { chain: self.id.chain, answered: 0, needed: 1, detail });
        }
        Ok(state)
    }

    fn refused<T>(&self, problem: impl Into<String>) -> Result<T, ChainError> {
        Err(ChainError::Refused { chain: self.id.chain, problem: problem.into(), revert: Bytes::new() })
    }
}

impl State {
    /// Carries out a call, and returns its logs, or why it reverts; then nothing was changed.
    fn run(&mut self, data: &[u8], at: GatewayId) -> Result<Vec<Log>, String> {
        let (accepted, settled, failed) = (self.accepted.clone(), self.settled.clone(), self.failed.clone());
        let logs = self.apply(data, at);
        if logs.is_err() {
            (self.accepted, self.settled, self.failed) = (accepted, settled, failed);
        }
        logs
    }

    fn apply(&mut self, data: &[u8], at: GatewayId) -> Result<Vec<Log>, String> {
        if let Ok(multicall) = multicallCall::abi_decode(data) {
            let logs: Result<Vec<_>, _> = multicall.calls.iter().map(|call| self.apply(call, at)).collect();
            return logs.map(|logs| logs.concat());
        }
        if let Ok(accept) = acceptCall::abi_decode(data) {
            let chain = ChainId::new(accept.commitment.originChainId).unwrap();
            let origin = GatewayId { chain, gateway: accept.commitment.originGateway };
            self.accepted.insert((origin, accept.count));
            return if self.frozen.contains(&origin) { Err("frozen".into()) } else { Ok(Vec::new()) };
        }
        self.deliver(&deliverCall::abi_decode(data).unwrap(), at)
    }

    fn deliver(&mut self, call: &deliverCall, at: GatewayId) -> Result<Vec<Log>, String> {
        let origin = GatewayId { chain: ChainId::new(call.originChainId).unwrap(), gateway: call.originGateway };
        if !self.accepted.contains(&(origin, call.count)) {
            return Err("no such root".into());
        }
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

/// The sequences whose bodies a transaction carries.
fn carried(transaction: &TxEnvelope, at: GatewayId) -> Vec<u64> {
    let multicall = multicallCall::abi_decode(transaction.input()).unwrap();
    let call = deliverCall::abi_decode(multicall.calls.last().unwrap()).unwrap();
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
        Ok(self.answering()?.mined)
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        self.answering().map(|_| Fees { max_fee_per_gas: 2, max_priority_fee_per_gas: 1 })
    }

    async fn latest(&self) -> Result<Head, ChainError> {
        let state = self.answering()?;
        let block = BlockRef { number: state.mined, hash: B256::ZERO };
        Ok(Head { block, timestamp: state.mined, gas_limit: state.gas_limit })
    }

    async fn estimate(&self, _from: Address, to: Address, data: Bytes) -> Result<u64, ChainError> {
        assert_eq!(to, self.id.gateway);
        let mut state = self.answering()?;
        let before = (state.accepted.clone(), state.settled.clone(), state.failed.clone());
        let result = state.run(&data, self.id);
        (state.accepted, state.settled, state.failed) = before;
        match result {
            Err(problem) if state.foresees => self.refused(problem),
            _ => Ok(state.gas),
        }
    }

    async fn call(&self, _from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        assert_eq!(to, self.id.gateway);
        let call = statusOfCall::abi_decode(&data).unwrap();
        let place = (
            GatewayId { chain: ChainId::new(call.originChainId).unwrap(), gateway: call.originGateway },
            call.sequence,
        );
        let state = self.answering()?;
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
        let is_known = state.receipts.contains_key(&hash) || state.pool.iter().any(|one| *one.tx_hash() == hash);
        state.broadcast.push(raw);
        if !is_known {
            state.carried.push(carried(&transaction, self.id));
            state.pool.push_back(transaction);
        }
        Ok(hash)
    }

    async fn receipt(&self, hash: TxHash) -> Result<Option<Receipt>, ChainError> {
        Ok(self.answering()?.receipts.get(&hash).cloned())
    }

    async fn balance(&self, _account: Address) -> Result<U256, ChainError> {
        Ok(U256::MAX)
    }
}
