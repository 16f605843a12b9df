//! A collector in memory: what a relayer that derived the same chains would serve.

use std::collections::BTreeMap;

use async_trait::async_trait;
use metalayer_node::{
    chain::{ChainReader, READ_BLOCKS_MAX},
    collector::{Answer, Collector, CollectorError, Serves},
};
use metalayer_proto::{
    batch::Attestation,
    bls::AttesterId,
    derivation::{Arrivals, Derivation, LeafId, VerifiedBlock},
    ids::{ChainId, LaneId},
    lane::{ConsistencyProof, Frontier, LaneSlice},
    lanes::LanesTree,
    message::Message,
    quorum::ProvenCommitment,
    served::{LeafContent, ProvenLane, ProvenSnapshot, ServedLeaf, ServedLeaves},
};

use super::bench::{Bench, prove};

/// What is served; a test may forge it.
#[derive(Clone, Default)]
pub(super) struct Served {
    pub(super) name: &'static str,
    pub(super) starts: BTreeMap<ChainId, ProvenSnapshot>,
    pub(super) messages: BTreeMap<LaneId, Vec<Message>>,
    /// What is said to stand at each leaf, whatever does.
    pub(super) forged: Option<LeafContent>,
    pub(super) withholds_growth: bool,
}

/// All final blocks of a chain.
async fn blocks(bench: &Bench) -> Vec<VerifiedBlock> {
    let reader = bench.chain.reader(vec![bench.id.gateway]);
    let tip = reader.finalized().await.unwrap().number;
    let mut blocks = Vec::new();
    while (blocks.len() as u64) < tip {
        let from = blocks.len() as u64 + 1;
        let to = reader.block_at(tip.min(from + READ_BLOCKS_MAX - 1)).await.unwrap();
        blocks.extend(reader.read(from, to).await.unwrap());
    }
    blocks
}

impl Served {
    /// What proto alone derives of these chains, each shown what those before it have sent.
    pub(super) async fn of(chains: &[&Bench]) -> Self {
        let mut served = Self { name: "honest", ..Self::default() };
        let mut arrivals = Arrivals::default();
        for bench in chains {
            let mut derivation = Derivation::new(bench.deployment());
            for block in blocks(bench).await {
                for change in derivation.apply(&block, &arrivals).unwrap().lanes {
                    let root = derivation.trusted_root(change.destination).unwrap();
                    root.show_growth(&change).unwrap().into_iter().for_each(|one| arrivals.keep(one).unwrap());
                    let messages = change.messages.into_iter().map(|judged| judged.message);
                    served.messages.entry(root.lane()).or_default().extend(messages);
                }
            }
            let proven = prove(derivation.commitment().unwrap());
            let start = ProvenSnapshot { proven, snapshot: derivation.snapshot() };
            served.starts.insert(bench.id.chain, start);
        }
        served
    }

    fn slice(&self, lane: LaneId, count: u64) -> Option<LaneSlice> {
        let leaves = self.messages.get(&lane)?.iter().map(|message| message.id().leaf());
        let leaves: Vec<_> = leaves.take(usize::try_from(count).unwrap()).collect();
        Some(LaneSlice::new(&Frontier::default(), &leaves).unwrap())
    }
}

#[async_trait]
impl Collector for Served {
    async fn post(&self, _: Vec<u8>) -> Result<Answer, CollectorError> {
        Ok(Answer::default())
    }

    async fn attestations_of(&self, _: AttesterId) -> Result<Vec<Attestation>, CollectorError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Serves for Served {
    fn name(&self) -> &str {
        self.name
    }

    async fn proof_in(&self, epoch: u64, origin: ChainId) -> Result<Option<ProvenCommitment>, CollectorError> {
        let proven = self.starts.get(&origin).map(|start| start.proven.clone());
        Ok(proven.filter(|proven| proven.proof.epoch() == epoch))
    }

    async fn start_of(&self, origin: ChainId) -> Result<Option<ProvenSnapshot>, CollectorError> {
        Ok(self.starts.get(&origin).cloned())
    }

    async fn growth(&self, lane: LaneId, from: u64, to: u64) -> Result<Option<ConsistencyProof>, CollectorError> {
        let slice = self.slice(lane, to).filter(|_| !self.withholds_growth);
        Ok(slice.map(|slice| slice.prove_consistency(from).unwrap()))
    }

    async fn lane(&self, lane: LaneId) -> Result<Option<ProvenLane>, CollectorError> {
        let Some(ProvenSnapshot { proven, snapshot }) = self.starts.get(&lane.origin.chain).cloned() else {
            return Ok(None);
        };
        let tree = LanesTree::new(snapshot.lane_states()).unwrap();
        Ok(tree.prove(lane.destination).map(|(lane, proof)| ProvenLane { proven, lane, proof }))
    }

    async fn leaf(&self, LeafId { lane, sequence }: LeafId, count: u64) -> Result<Option<ServedLeaf>, CollectorError> {
        let Some(slice) = self.slice(lane, count) else { return Ok(None) };
        let message = &self.messages[&lane][usize::try_from(sequence).unwrap()];
        let content = self.forged.clone().unwrap_or_else(|| LeafContent::Message(message.encode()));
        Ok(Some(ServedLeaf { path: slice.prove_range(sequence, 1).unwrap(), content }))
    }

    async fn leaves(&self, lane: LaneId, from: u64, count: u64) -> Result<Option<ServedLeaves>, CollectorError> {
        let Some(slice) = self.slice(lane, count) else { return Ok(None) };
        let leaves = (from..count).map(|sequence| slice.leaf(sequence).unwrap()).collect();
        Ok(Some(ServedLeaves { before: slice.frontier(from).unwrap(), leaves }))
    }
}
