//! From a proven commitment to what executors need, one lane at a time.

use alloy::primitives::B256;
use metalayer_proto::{
    envelope::Deliver,
    item::Item,
    lane::Frontier,
    lanes::{LaneProof, LaneState},
    quorum::ProvenCommitment,
};

/// How many bytes of messages one record carries at most; with a proof and bare leaves it stays below the bus's bound.
const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How many leaves one record names at most.
const LEAVES_MAX: usize = 65_536;

/// A lane of a proven commitment and what it brought since the last one.
pub(super) struct Brought {
    /// The lane as it is proven.
    pub(super) lane: LaneState,
    /// That it is.
    pub(super) lane_proof: LaneProof,
    /// The lane before the first item.
    pub(super) before: Frontier,
    /// One item a leaf.
    pub(super) items: Vec<Item>,
}

/// A lane that brought more leaves at once than one record can name.
#[derive(Debug, thiserror::Error)]
#[error("{0} leaves at once are more than one record can name ({LEAVES_MAX})")]
pub struct TooManyLeaves(usize);

impl Brought {
    /// The records that carry these items: each names every leaf from its first one on, and carries the bodies of its share.
    pub(super) fn records(&self, proven: &ProvenCommitment) -> Result<Vec<Deliver>, TooManyLeaves> {
        if self.items.len() > LEAVES_MAX {
            return Err(TooManyLeaves(self.items.len()));
        }
        let leaves: Vec<B256> = self.items.iter().map(Item::leaf).collect();
        let mut records = Vec::new();
        let mut before = self.before.clone();
        let mut start = 0;
        while start < self.items.len() {
            let end = self.share(start);
            let bodies = self.items[start..end].iter().cloned();
            let rest = leaves[end..].iter().copied().map(Item::Leaf);
            records.push(Deliver {
                commitment: proven.commitment,
                proof: proven.proof.clone(),
                lane: self.lane,
                lane_proof: self.lane_proof.clone(),
                before: before.clone(),
                items: bodies.chain(rest).collect(),
            });
            for leaf in &leaves[start..end] {
                // The lane has them already, so that it is not full.
                let _ = before.append(*leaf);
            }
            start = end;
        }
        Ok(records)
    }

    /// The end of the share that begins at `start`: at least one item.
    fn share(&self, start: usize) -> usize {
        let mut bytes = 0;
        let fits = |item: &&Item| {
            bytes += match item {
                Item::Message(message) => message.payload.bytes().len() + 128,
                Item::Void(_) | Item::Leaf(_) => 33,
            };
            bytes <= MESSAGE_BYTES_MAX
        };
        start + self.items[start..].iter().take_while(fits).count().max(1)
    }
}
