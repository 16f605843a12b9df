//! The demo's own eyes: polls every node, and keeps when it first saw each block latest, and final, and what gateways logged.
//!
//! When a block became final stands on no chain: whoever wants to know must have been watching.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{B256, TxHash, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
    transports::{RpcError, TransportErrorKind},
};
use metalayer_proto::{
    derivation::VerifiedLog,
    events::{abi, read_sent},
    ids::{ChainId, GatewayId, LaneId, MessageId},
    message::{Kind, Message},
    value::Transfer,
};
use tokio::task::JoinSet;

use crate::{
    audit::{Fate, Outcome, Place, Sent},
    network::Chain,
};

/// How often each node is asked.
const POLL: Duration = Duration::from_millis(50);
/// How many answers in a row may be missing before the observer gives up.
const FAILURES_MAX: u32 = 200;

/// Why the observer saw no more.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// A node stopped answering.
    #[error("{chain}: the node does not answer: {problem}")]
    Node {
        /// Its chain.
        chain: ChainId,
        /// The last answer.
        problem: String,
    },
    /// A gateway's log cannot be read.
    #[error("{chain}: a log of the gateway cannot be read: {problem}")]
    Log {
        /// The chain.
        chain: ChainId,
        /// Why not.
        problem: String,
    },
}

/// What was seen so far, of all chains.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every message sent.
    pub sent: Vec<Sent>,
    /// What became of messages.
    pub outcomes: Vec<Outcome>,
    /// The transactions that delivered, by lane.
    pub deliveries: BTreeMap<LaneId, BTreeSet<TxHash>>,
    /// Each chain's newest block when watching began: what stands below it or in it came before the traffic.
    begun: BTreeMap<ChainId, u64>,
    /// When each block was first seen as the latest or below it.
    latest: BTreeMap<(ChainId, u64), Instant>,
    /// When each block was first seen as final.
    finals: BTreeMap<(ChainId, u64), Instant>,
    failure: Option<Arc<ObserverError>>,
}

impl Seen {
    /// How long after its block was final a message's delivery was seen; `None` until both were.
    pub fn latency(&self, sent: &Sent, outcome: &Outcome) -> Option<Duration> {
        let from = self.finals.get(&(sent.lane.origin.chain, sent.block))?;
        let to = self.latest.get(&(outcome.destination, outcome.place.block))?;
        Some(to.saturating_duration_since(*from))
    }

    /// Whether every outcome stands in a block that was seen final.
    pub fn all_final(&self) -> bool {
        self.outcomes.iter().all(|one| self.finals.contains_key(&(one.destination, one.place.block)))
    }

    /// Whether a message was sent since watching began.
    pub fn is_traffic(&self, sent: &Sent) -> bool {
        self.begun.get(&sent.lane.origin.chain).is_some_and(|begun| sent.block > *begun)
    }

    /// How many messages were sent since watching began, and how many of them were delivered or failed.
    pub fn progress(&self) -> (usize, usize) {
        let sent: BTreeSet<MessageId> = self.sent.iter().filter(|one| self.is_traffic(one)).map(|one| one.id).collect();
        let settled: BTreeSet<MessageId> = self.outcomes.iter().map(|one| one.id).collect();
        (sent.len(), sent.intersection(&settled).count())
    }
}

/// Watches all chains until it is dropped.
#[derive(Debug)]
pub struct Observer {
    seen: Arc<Mutex<Seen>>,
    _watching: JoinSet<()>,
}

impl Observer {
    /// Watches `chains` from their gateways' deployment on.
    pub async fn start(chains: &[Chain]) -> Result<Self, Arc<ObserverError>> {
        let seen = Arc::<Mutex<Seen>>::default();
        let mut watching = JoinSet::new();
        for chain in chains {
            if let Ok(url) = chain.node.url.parse() {
                let provider = ProviderBuilder::default().connect_http(url).erased();
                let newest = provider
                    .get_block_number()
                    .await
                    .map_err(|error| ObserverError::Node { chain: chain.node.chain, problem: error.to_string() })?;
                lock(&seen).begun.insert(chain.node.chain, newest);
                let gateway = chain.deployment.gateway();
                let next = chain.deployment.deployment_block;
                let watcher = Watcher { provider, gateway, next, next_final: next, seen: seen.clone() };
                watching.spawn(watcher.run());
            }
        }
        Ok(Self { seen, _watching: watching })
    }

    /// All that was seen so far.
    pub fn seen(&self) -> Result<Seen, Arc<ObserverError>> {
        let seen = lock(&self.seen).clone();
        match seen.failure {
            Some(failure) => Err(failure),
            None => Ok(seen),
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches one chain.
struct Watcher {
    provider: DynProvider,
    gateway: GatewayId,
    /// The next block to see as latest.
    next: u64,
    /// The next block to see as final.
    next_final: u64,
    seen: Arc<Mutex<Seen>>,
}

impl Watcher {
    async fn run(mut self) {
        let mut failures = 0;
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            poll.tick().await;
            let failure = match self.look().await {
                Ok(()) => {
                    failures = 0;
                    continue;
                }
                Err(error @ ObserverError::Log { .. }) => error,
                Err(_) if failures < FAILURES_MAX => {
                    failures += 1;
                    continue;
                }
                Err(error) => error,
            };
            lock(&self.seen).failure = Some(Arc::new(failure));
            return;
        }
    }

    async fn look(&mut self) -> Result<(), ObserverError> {
        let chain = self.gateway.chain;
        let node = |error: RpcError<TransportErrorKind>| ObserverError::Node { chain, problem: error.to_string() };
        let latest = async { (self.provider.get_block_number().await, Instant::now()) };
        let finalized =
            async { (self.provider.get_block_by_number(BlockNumberOrTag::Finalized).await, Instant::now()) };
        let ((latest, latest_at), (finalized, final_at)) = tokio::join!(latest, finalized);
        let latest = latest.map_err(node)?;
        let finalized = finalized.map_err(node)?.map_or(0, |block| block.header.number);

        if finalized >= self.next_final {
            let mut seen = lock(&self.seen);
            seen.finals.extend((self.next_final..=finalized).map(|number| ((chain, number), final_at)));
            self.next_final = finalized + 1;
        }
        if latest >= self.next {
            let filter = Filter::new().address(self.gateway.gateway).from_block(self.next).to_block(latest);
            let logs = self.provider.get_logs(&filter).await.map_err(node)?;
            let mut seen = lock(&self.seen);
            seen.latest.extend((self.next..=latest).map(|number| ((chain, number), latest_at)));
            for log in &logs {
                take(&mut seen, self.gateway, log).map_err(|problem| ObserverError::Log { chain, problem })?;
            }
            self.next = latest + 1;
        }
        Ok(())
    }
}

/// Adds what a gateway logged.
fn take(seen: &mut Seen, here: GatewayId, log: &Log) -> Result<(), String> {
    let place = Place {
        block: log.block_number.ok_or("it is in no block")?,
        log_index: log.log_index.ok_or("it has no place in its block")?,
    };
    let transaction = log.transaction_hash.ok_or("it is of no transaction")?;
    let outcome = |id: B256, chain: u64, gateway, fate| -> Result<Outcome, String> {
        let origin = GatewayId { chain: ChainId::new(chain).map_err(|error| error.to_string())?, gateway };
        Ok(Outcome { id: MessageId(id), destination: here.chain, origin, fate, place })
    };
    match log.topic0().copied() {
        Some(abi::MessageSent::SIGNATURE_HASH) => seen.sent.push(sent(here, log, place, transaction)?),
        Some(abi::MessageDelivered::SIGNATURE_HASH) => {
            let event: abi::MessageDelivered = decode(log)?;
            seen.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Delivered)?);
        }
        Some(abi::MessageFailed::SIGNATURE_HASH) => {
            let event: abi::MessageFailed = decode(log)?;
            seen.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Failed)?);
        }
        Some(abi::MessageVoided::SIGNATURE_HASH) => {
            let event: abi::MessageVoided = decode(log)?;
            seen.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Voided)?);
        }
        Some(abi::RangeDelivered::SIGNATURE_HASH) => {
            let event: abi::RangeDelivered = decode(log)?;
            let chain = ChainId::new(event.originChainId).map_err(|error| error.to_string())?;
            let origin = GatewayId { chain, gateway: event.originGateway };
            if seen.begun.get(&here.chain).is_some_and(|begun| place.block > *begun) {
                seen.deliveries.entry(LaneId { origin, destination: here }).or_default().insert(transaction);
            }
        }
        _ => {}
    }
    Ok(())
}

fn sent(here: GatewayId, log: &Log, place: Place, transaction_hash: TxHash) -> Result<Sent, String> {
    let verified = VerifiedLog {
        address: log.address(),
        topics: log.topics().to_vec(),
        data: log.data().data.clone(),
        index: place.log_index,
        transaction_hash,
        ..VerifiedLog::default()
    };
    let (_, message, id) = read_sent(&verified, here).map_err(|error| error.to_string())?;
    Ok(Sent {
        id,
        lane: message.lane(),
        sequence: message.sequence,
        waits_for: message.after.checked_sub(1),
        recipient: message.recipient,
        block: place.block,
        amount: amount_of(&message),
    })
}

/// The $ERA that a message carries.
fn amount_of(message: &Message) -> U256 {
    let transfer = (message.kind == Kind::ValueFlow).then(|| Transfer::decode(message.payload.bytes()).ok()).flatten();
    transfer.map_or(U256::ZERO, |transfer| transfer.amount)
}

fn decode<E: SolEvent>(log: &Log) -> Result<E, String> {
    E::decode_log_data(log.data()).map_err(|error| error.to_string())
}
