//! The reader over nodes that are honest, dead or lying.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod benches;
mod calls;
mod endpoint;
mod liars;
mod probe;
mod writer;

use std::{sync::Arc, time::Duration};

use alloy::primitives::{Address, B256, Bytes, Log};
use metalayer_proto::ids::ChainId;

use super::*;

const DEADLINE: Duration = Duration::from_secs(5);
const GATEWAY: Address = Address::repeat_byte(0x6a);
const STRANGER: Address = Address::repeat_byte(0x57);

fn chain_id() -> ChainId {
    ChainId::new(901).unwrap()
}

fn metrics() -> ReaderMetrics {
    ReaderMetrics::unregistered(chain_id()).unwrap()
}

fn log(contract: Address, topic: B256, data: impl Into<Bytes>) -> Log {
    Log::new_unchecked(contract, vec![topic], data.into())
}

fn ours(byte: u8) -> Log {
    log(GATEWAY, B256::repeat_byte(byte), vec![byte; 40])
}

fn endpoints(
    urls: impl IntoIterator<Item = String>,
    deadline: Duration,
    metrics: &ReaderMetrics,
) -> Vec<Arc<Endpoint>> {
    urls.into_iter().map(|url| Arc::new(Endpoint::new(&url, deadline, metrics.clone()).unwrap())).collect()
}

/// Nodes of one chain and a reader of [`GATEWAY`]'s logs over them.
struct Net {
    chain: Arc<MemoryChain>,
    nodes: Vec<ScriptedNode>,
    reader: QuorumReader,
    metrics: ReaderMetrics,
}

/// What a [`Net`] is set up with.
struct Setup {
    nodes: usize,
    quorum: usize,
    finality: Finality,
    deadline: Duration,
    bench_pause: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        let (finality, deadline, bench_pause) = (Finality::Finalized, DEADLINE, Duration::from_secs(3_600));
        Self { nodes: 3, quorum: 2, finality, deadline, bench_pause }
    }
}

impl Net {
    async fn start(setup: Setup) -> Self {
        let chain = MemoryChain::new(chain_id());
        let mut nodes = Vec::new();
        for _ in 0..setup.nodes {
            nodes.push(ScriptedNode::start(chain.clone()).await.unwrap());
        }
        let metrics = metrics();
        let endpoints = endpoints(nodes.iter().map(ScriptedNode::url), setup.deadline, &metrics);
        let Setup { quorum, finality, bench_pause, .. } = setup;
        let settings = ReaderSettings { quorum, finality, watched: vec![GATEWAY], bench_pause };
        let reader = QuorumReader::new(chain_id(), endpoints, settings, metrics.clone()).unwrap();
        Self { chain, nodes, reader, metrics }
    }

    async fn of(nodes: usize, quorum: usize) -> Self {
        Self::start(Setup { nodes, quorum, ..Setup::default() }).await
    }

    /// Three blocks, with our logs in the second and a stranger's in the third, final.
    fn history(&self) -> BlockRef {
        self.chain.mine(BlockContent::default());
        self.chain.mine(BlockContent {
            transactions: vec![vec![ours(1), log(STRANGER, B256::ZERO, vec![9])], vec![], vec![ours(2), ours(3)]],
            ..BlockContent::default()
        });
        self.chain.mine(BlockContent::of([log(STRANGER, B256::ZERO, vec![8])]));
        self.chain.finalize()
    }

    async fn read_all(&self) -> Result<Vec<VerifiedBlock>, ChainError> {
        let end = self.reader.finalized().await?;
        self.reader.read(0, end).await
    }

    async fn truth(&self) -> Vec<VerifiedBlock> {
        let reader = self.chain.reader(vec![GATEWAY]);
        let end = reader.finalized().await.unwrap();
        reader.read(0, end).await.unwrap()
    }

    fn benched(&self, node: usize) -> Option<String> {
        self.reader.endpoints()[node].benched()
    }

    fn lies(&self, node: usize, lie: Lie) -> u64 {
        self.metrics.lies(self.reader.endpoints()[node].name(), lie)
    }
}
