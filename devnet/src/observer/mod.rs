//! The demo's own eyes: polls every node, and keeps when it first saw each block latest, and final, and what gateways logged.
//!
//! When a block became final stands on no chain: whoever wants to know must have been watching.

mod logs;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::TxHash,
    providers::{DynProvider, Provider},
    rpc::types::Filter,
    transports::{RpcError, TransportErrorKind},
};
use metalayer_proto::ids::{ChainId, LaneId, MessageId};
use relayer::deploy::without_url;
use tokio::task::JoinSet;

use crate::{
    audit::{History, Intents, Outcome, Place, Sent},
    network::Chain,
};

pub use logs::Logs;

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

impl ObserverError {
    const fn of(chain: ChainId, problem: String) -> Self {
        Self::Node { chain, problem }
    }
}

/// A transaction that delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The lane that it delivered of.
    pub lane: LaneId,
    /// Its hash.
    pub transaction: TxHash,
    /// Its block.
    pub block: u64,
}

/// What was seen so far, of all chains.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What was logged of messages.
    pub history: History,
    /// The transactions that delivered.
    pub deliveries: Vec<Delivery>,
    /// Each chain's newest block when watching began: what stands below it or in it came before the traffic.
    begun: BTreeMap<ChainId, u64>,
    /// When each block was first seen as the latest or below it.
    latest: BTreeMap<(ChainId, u64), Instant>,
    /// When each block was first seen as final.
    finals: BTreeMap<(ChainId, u64), Instant>,
    failure: Option<Arc<ObserverError>>,
}

impl Seen {
    /// Whether a message was first seen sent, or final, in this time.
    pub fn is_within(&self, sent: &Sent, time: &Range<Instant>) -> bool {
        let block = (sent.lane.origin.chain, sent.block);
        [self.latest.get(&block), self.finals.get(&block)].into_iter().flatten().any(|at| time.contains(at))
    }

    /// How long after its block was final a message was seen delivered at `place`; `None` until both were.
    pub fn latency(&self, sent: &Sent, place: Place) -> Option<Duration> {
        let from = self.finals.get(&(sent.lane.origin.chain, sent.block))?;
        let to = self.latest.get(&(sent.lane.destination.chain, place.block))?;
        Some(to.saturating_duration_since(*from))
    }

    /// How many outcomes stand in blocks that were seen final, and how many there are.
    pub fn finals(&self) -> (usize, usize) {
        let outcomes = &self.history.outcomes;
        let is_final = |one: &&Outcome| self.finals.contains_key(&(one.destination, one.place.block));
        (outcomes.iter().filter(is_final).count(), outcomes.len())
    }

    /// The transactions that delivered since watching began, each once.
    pub fn deliveries(&self) -> BTreeSet<Delivery> {
        let begun =
            |one: &&Delivery| self.begun.get(&one.lane.destination.chain).is_some_and(|begun| one.block > *begun);
        self.deliveries.iter().filter(begun).copied().collect()
    }

    /// How many messages of the demo were sent, and of how many something was heard.
    pub fn progress(&self, intents: &Intents) -> (usize, usize) {
        let ours = self.history.sent.iter().filter(|one| intents.contains_key(&one.transaction));
        let sent: BTreeSet<MessageId> = ours.map(|one| one.id).collect();
        let heard: BTreeSet<MessageId> = self.history.outcomes.iter().map(|one| one.id).collect();
        (sent.len(), sent.intersection(&heard).count())
    }
}

#[cfg(test)]
impl Seen {
    /// As if a block had been seen latest, and final, at these moments.
    pub(crate) fn note(&mut self, chain: ChainId, block: u64, latest: Instant, finalized: Instant) {
        self.latest.insert((chain, block), latest);
        self.finals.insert((chain, block), finalized);
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
            let provider = chain.node.provider().map_err(|problem| ObserverError::of(chain.node.chain, problem))?;
            let newest = provider.get_block_number().await;
            let newest = newest.map_err(|error| ObserverError::of(chain.node.chain, without_url(&error)))?;
            lock(&seen).begun.insert(chain.node.chain, newest);
            let filter = filter(chain);
            let next = chain.deployment.deployment_block;
            let logs = Logs::of(chain.deployment.gateway());
            let chain = chain.node.chain;
            let watcher = Watcher { provider, chain, filter, logs, next, next_final: next, seen: seen.clone() };
            watching.spawn(watcher.run());
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

/// What was logged of messages on all `chains`, read anew.
pub async fn read_again(chains: &[Chain]) -> Result<History, Arc<ObserverError>> {
    let mut seen = Seen::default();
    for chain in chains {
        let id = chain.node.chain;
        let node = |problem| ObserverError::of(id, problem);
        let provider = chain.node.provider().map_err(node)?;
        let all = filter(chain).from_block(chain.deployment.deployment_block);
        let mut logs = Logs::of(chain.deployment.gateway());
        for log in provider.get_logs(&all).await.map_err(|error| node(without_url(&error)))? {
            logs.take(&mut seen, &log).map_err(|problem| ObserverError::Log { chain: id, problem })?;
        }
    }
    Ok(seen.history)
}

/// What gateway and token of a chain log.
fn filter(chain: &Chain) -> Filter {
    let at = chain.deployment.addresses;
    Filter::new().address(vec![at.gateway, at.era])
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches one chain.
struct Watcher {
    provider: DynProvider,
    chain: ChainId,
    filter: Filter,
    logs: Logs,
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
        let chain = self.chain;
        let node = |error: RpcError<TransportErrorKind>| ObserverError::of(chain, without_url(&error));
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
            let filter = self.filter.clone().from_block(self.next).to_block(latest);
            let logs = self.provider.get_logs(&filter).await.map_err(node)?;
            let mut seen = lock(&self.seen);
            seen.latest.extend((self.next..=latest).map(|number| ((chain, number), latest_at)));
            for log in &logs {
                self.logs.take(&mut seen, log).map_err(|problem| ObserverError::Log { chain, problem })?;
            }
            self.next = latest + 1;
        }
        Ok(())
    }
}
