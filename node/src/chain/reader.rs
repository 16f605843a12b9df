//! The chain reader of mode `bloom-receipts`: k of n endpoints agree on a hash, everything else is verified against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alloy::primitives::{Address, B256, Log, U64};
use async_trait::async_trait;
use metalayer_proto::{derivation::VerifiedBlock, ids::ChainId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    BlockRef, ChainError, ChainReader, LogCheck, LogSource,
    blocks::BlockSource,
    claims,
    endpoint::{CallError, Endpoint},
    metrics::{Lie, ReaderMetrics},
    pool::{Answer, Pool},
    probe::{Expected, ProbeProblem, probe},
};

/// How many final blocks' hashes are remembered, to notice that one has changed.
const REMEMBERED_BLOCKS: usize = 256;

/// When a block of a chain counts as final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finality {
    /// The node's `finalized` block.
    Finalized,
    /// The node's `safe` block.
    Safe,
    /// This many blocks below the latest.
    Blocks(u64),
}

impl Finality {
    /// The block tag that is asked for, and how far below its answer the newest final block is.
    pub(super) const fn tag(self) -> (&'static str, u64) {
        match self {
            Self::Finalized => ("finalized", 0),
            Self::Safe => ("safe", 0),
            Self::Blocks(depth) => ("latest", depth),
        }
    }
}

impl fmt::Display for Finality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finalized => f.write_str("finalized"),
            Self::Safe => f.write_str("safe"),
            Self::Blocks(depth) => write!(f, "{depth} blocks"),
        }
    }
}

/// How a chain is read. The only mode so far; chosen at registration, never at run time (PROTOCOL "It fails closed").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReadingMode {
    /// Headers are re-hashed, their bloom says which receipts are fetched, and those are proven by their root.
    #[default]
    BloomReceipts,
}

impl fmt::Display for ReadingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bloom-receipts")
    }
}

impl FromStr for ReadingMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        (text == "bloom-receipts").then_some(Self::BloomReceipts).ok_or(())
    }
}

/// What a reader is told.
#[derive(Clone, Debug)]
pub struct ReaderSettings {
    /// How many endpoints must agree; at least 1, at most as many as there are.
    pub quorum: usize,
    /// When a block counts.
    pub finality: Finality,
    /// The contracts whose logs are read.
    pub watched: Vec<Address>,
    /// How long an endpoint that was caught lying is not asked.
    pub bench_pause: Duration,
}

/// Why a reader cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{quorum} of {endpoints} endpoints cannot agree; set it to at least 1 and at most {endpoints}")]
pub struct InvalidQuorum {
    quorum: usize,
    endpoints: usize,
}

/// A [`ChainReader`] over n endpoints of which k must agree.
#[derive(Debug)]
pub struct QuorumReader {
    pool: Pool,
    finality: Finality,
    source: BlockSource,
    known: Mutex<Known>,
    /// What its endpoints have to show before anything is read.
    expected: Option<Expected>,
    is_probed: AtomicBool,
}

/// Of too few endpoints it is known that they serve the chain.
#[derive(Debug)]
pub struct Lacking {
    /// What is wrong, with every endpoint.
    pub problems: Vec<ProbeProblem>,
    /// Whether enough may do once they answer; else waiting does not help.
    pub may_pass: bool,
}

/// Final blocks as they were read before.
#[derive(Debug, Default)]
struct Known {
    hashes: BTreeMap<u64, B256>,
    /// The newest final block, with the JSON that it was learned from.
    newest: Option<(BlockRef, Value)>,
}

/// A block as one endpoint names it.
struct Named {
    at: BlockRef,
    json: Value,
}

impl QuorumReader {
    /// A reader of `chain` over `endpoints`.
    pub fn new(
        chain: ChainId,
        endpoints: Vec<Arc<Endpoint>>,
        settings: ReaderSettings,
        metrics: ReaderMetrics,
    ) -> Result<Self, InvalidQuorum> {
        let ReaderSettings { quorum, finality, watched, bench_pause } = settings;
        if quorum == 0 || quorum > endpoints.len() {
            return Err(InvalidQuorum { quorum, endpoints: endpoints.len() });
        }
        let pool = Pool::new(chain, endpoints, quorum, bench_pause, metrics);
        let (source, known) = (BlockSource::new(watched), Mutex::default());
        Ok(Self { pool, finality, source, known, expected: None, is_probed: AtomicBool::new(false) })
    }

    /// A reader that reads nothing before enough of its endpoints have shown this.
    pub fn expecting(self, expected: Expected) -> Self {
        Self { expected: Some(expected), ..self }
    }

    /// Probes the endpoints, until enough of them have shown what is expected. Returns what is wrong with the others.
    pub async fn probe(&self) -> Result<Vec<ProbeProblem>, Lacking> {
        let Some(expected) = self.expected.filter(|_| !self.is_probed.load(Ordering::Relaxed)) else {
            return Ok(Vec::new());
        };
        let problems = probe(&self.pool.endpoints, &expected).await;
        let without = |is_bad: &dyn Fn(&&ProbeProblem) -> bool| {
            let bad: BTreeSet<_> = problems.iter().filter(is_bad).map(|problem| &problem.endpoint).collect();
            self.pool.endpoints.len().saturating_sub(bad.len())
        };
        if without(&|_| true) >= self.pool.quorum {
            self.is_probed.store(true, Ordering::Relaxed);
            return Ok(problems);
        }
        let may_pass = without(&|problem| !problem.unreachable) >= self.pool.quorum;
        Err(Lacking { problems, may_pass })
    }

    /// An error while too few endpoints have shown what is expected. It may pass: a node that comes back lacks blocks at first.
    async fn require_probed(&self) -> Result<(), ChainError> {
        match self.probe().await {
            Ok(problems) => {
                problems.iter().for_each(|problem| tracing::warn!("{problem}"));
                Ok(())
            }
            Err(Lacking { problems, .. }) => {
                Err(self.pool.too_few(0, problems.iter().map(ToString::to_string).collect()))
            }
        }
    }

    /// The endpoints, for their names and health.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.pool.endpoints
    }

    /// The block at `number` on whose hash exactly one group of at least k endpoints agrees. `heads` are answers that
    /// are there already; the endpoints that did not give one are asked by number.
    async fn agree(&self, number: u64, heads: Vec<Answer<Named>>) -> Result<Named, ChainError> {
        let mut votes: Vec<Answer<Named>> = heads.into_iter().filter(|head| head.value.at.number == number).collect();
        let mut others = self.pool.trusted();
        others.retain(|one| !votes.iter().any(|vote| Arc::ptr_eq(&vote.endpoint, one)));
        let (more, failures) = self
            .pool
            .ask(others, votes.len(), |one| async move { block_by(&one, &format!("{number:#x}")).await })
            .await;
        // One that does not have the block yet is behind, which is no lie.
        votes
            .extend(more.into_iter().filter_map(|Answer { endpoint, value }| Some(Answer { endpoint, value: value? })));

        if votes.len() < self.pool.quorum {
            return Err(self.pool.too_few(votes.len(), failures));
        }
        let mut agreed = votes.iter().map(|vote| vote.value.at.hash).collect::<Vec<_>>();
        agreed.sort_unstable();
        let mut groups = agreed.chunk_by(|a, b| a == b).filter(|group| group.len() >= self.pool.quorum);
        let (Some(&[hash, ..]), None) = (groups.next(), groups.next()) else {
            let needed = self.pool.quorum;
            return Err(ChainError::Disagreement { chain: self.pool.chain, needed, what: format!("block {number}") });
        };
        let (right, wrong): (Vec<_>, Vec<_>) = votes.into_iter().partition(|vote| vote.value.at.hash == hash);
        for Answer { endpoint, value } in wrong {
            let problem = format!("it says that block {number} is {}, others say {hash}", value.at.hash);
            self.pool.bench(&endpoint, Lie::Hash, &problem);
        }
        right.into_iter().next().map(|vote| vote.value).ok_or_else(|| self.pool.too_few(0, failures))
    }

    fn remember(&self, at: BlockRef) -> Result<(), ChainError> {
        let mut known = self.known();
        if let Some(&was) = known.hashes.get(&at.number).filter(|was| **was != at.hash) {
            let chain = self.pool.chain;
            return Err(ChainError::FinalHistoryChanged { chain, number: at.number, was, now: at.hash });
        }
        known.hashes.insert(at.number, at.hash);
        while known.hashes.len() > REMEMBERED_BLOCKS {
            known.hashes.pop_first();
        }
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Every change under the lock is whole in itself.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LogSource for QuorumReader {
    async fn told(
        &self,
        contract: Address,
        blocks: RangeInclusive<u64>,
        check: LogCheck<'_>,
    ) -> Result<Vec<Log>, ChainError> {
        self.require_probed().await?;
        let ask = |endpoint: Arc<Endpoint>| {
            let blocks = blocks.clone();
            async move { claims::told_by(&endpoint, contract, blocks).await }
        };
        self.pool.alike(ask, |logs: &Vec<Log>| check(logs)).await
    }
}

#[async_trait]
impl ChainReader for QuorumReader {
    fn chain(&self) -> ChainId {
        self.pool.chain
    }

    async fn finalized(&self) -> Result<BlockRef, ChainError> {
        self.require_probed().await?;
        let (tag, depth) = self.finality.tag();
        let asked = |one: Arc<Endpoint>| async move {
            block_by(&one, tag).await?.ok_or_else(|| CallError::Malformed(format!("no {tag} block")))
        };
        let (heads, failures) = self.pool.ask(self.pool.trusted(), 0, asked).await;
        let mut numbers: Vec<u64> = heads.iter().map(|head| head.value.at.number).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let Some(kth) = numbers.get(self.pool.quorum - 1) else {
            return Err(self.pool.too_few(numbers.len(), failures));
        };
        let height = kth.saturating_sub(depth);

        let newest = self.known().newest.as_ref().map(|(at, _)| *at);
        if let Some(newest) = newest {
            let agrees = |head: &Answer<Named>| head.value.at.number != height || head.value.at.hash == newest.hash;
            // A final block stays final, whoever has forgotten it.
            if height < newest.number || (height == newest.number && (depth > 0 || heads.iter().all(agrees))) {
                return Ok(newest);
            }
        }
        let Named { at, json } = self.agree(height, heads).await?;
        self.remember(at)?;
        self.known().newest = Some((at, json));
        self.pool.metrics.final_block(at.number);
        Ok(at)
    }

    async fn read(&self, from: u64, to: BlockRef) -> Result<Vec<VerifiedBlock>, ChainError> {
        let at_hand = self.known().newest.clone().filter(|(at, _)| *at == to).map(|(_, json)| json);
        let blocks = self.source.read(&self.pool, from, to, at_hand).await?;
        if let Some((before, parent)) = from.checked_sub(1).zip(blocks.first().map(|block| block.parent_hash)) {
            self.remember(BlockRef { number: before, hash: parent })?;
        }
        for block in &blocks {
            self.remember(BlockRef { number: block.number, hash: block.hash })?;
        }
        Ok(blocks)
    }

    async fn block_at(&self, number: u64) -> Result<BlockRef, ChainError> {
        self.require_probed().await?;
        let at = self.agree(number, Vec::new()).await?.at;
        self.remember(at)?;
        Ok(at)
    }
}

/// The block under a tag or number as one endpoint names it; `None` if it has none.
async fn block_by(endpoint: &Endpoint, tag: &str) -> Result<Option<Named>, CallError> {
    #[derive(Deserialize)]
    struct Block {
        number: U64,
        hash: B256,
    }
    let json = endpoint.call("eth_getBlockByNumber", json!([tag, false])).await?;
    if json.is_null() {
        return Ok(None);
    }
    let Block { number, hash } = Block::deserialize(&json).map_err(|error| CallError::Malformed(error.to_string()))?;
    Ok(Some(Named { at: BlockRef { number: number.to(), hash }, json }))
}
