//! How far each lane of an origin is handed on to its destination's executor, and under which epoch's proof.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use metalayer_proto::{
    ids::GatewayId,
    item::Item,
    lane::Frontier,
    lanes::{LaneState, no_lanes},
};

use super::ready::Brought;

/// One lane.
struct Lane {
    /// How many of its leaves are handed on.
    count: u64,
    /// The epoch whose proof they were handed on with last.
    epoch: u64,
    /// The lane before its last leaf, and that leaf: with them its root alone can be shown again under another proof.
    before_last: Frontier,
    last: B256,
}

/// All lanes of one origin.
pub(super) struct HandedOn {
    /// How many leaves of each lane its destination had taken when this began: nobody has to be handed these.
    taken: BTreeMap<GatewayId, u64>,
    lanes: BTreeMap<GatewayId, Lane>,
    /// The newest commitment of which everything is handed on: its height, and its lanes with their root.
    height: u64,
    root: B256,
    states: Vec<LaneState>,
}

impl Default for HandedOn {
    fn default() -> Self {
        Self { taken: BTreeMap::new(), lanes: BTreeMap::new(), height: 0, root: no_lanes(), states: Vec::new() }
    }
}

impl HandedOn {
    /// Takes note that the destination has taken so many of its lane's first leaves.
    pub(super) fn taken(&mut self, destination: GatewayId, count: u64) {
        let taken = self.taken.entry(destination).or_default();
        *taken = count.max(*taken);
    }

    /// How many leaves of the lane to `destination` are handed on, or need not be.
    pub(super) fn count(&self, destination: GatewayId) -> u64 {
        let handed_on = self.lanes.get(&destination).map(|lane| lane.count);
        handed_on.or_else(|| self.taken.get(&destination).copied()).unwrap_or_default()
    }

    /// The lanes of a commitment that need no block any more: the newest that is handed on whole, or one below it.
    pub(super) fn lanes(&self, height: u64, lanes_root: B256) -> Option<&[LaneState]> {
        if lanes_root == self.root {
            return Some(&self.states);
        }
        (height <= self.height).then_some(&[])
    }

    /// The frontier and item that show the root of the lane to `destination` again, if the epoch it was shown with is `outlived`.
    pub(super) fn again(
        &self,
        destination: GatewayId,
        outlived: impl FnOnce(u64) -> bool,
    ) -> Option<(Frontier, Vec<Item>)> {
        let lane = self.lanes.get(&destination).filter(|lane| outlived(lane.epoch))?;
        Some((lane.before_last.clone(), vec![Item::Leaf(lane.last)]))
    }

    /// Takes note of what was handed on with a proof of `epoch`.
    pub(super) fn note(&mut self, brought: Brought, epoch: u64) {
        let Brought { lane, before: mut before_last, items, .. } = brought;
        let Some((last, earlier)) = items.split_last() else { return };
        for item in earlier {
            // The lane has them already, so that it is not full.
            let _ = before_last.append(item.leaf());
        }
        let last = last.leaf();
        self.lanes.insert(lane.destination, Lane { count: lane.count, epoch, before_last, last });
    }

    /// Takes note of a commitment with these lanes. True if everything of it is handed on.
    pub(super) fn is_whole(&mut self, height: u64, lanes_root: B256, lanes: &[LaneState]) -> bool {
        let is_whole = lanes.iter().all(|lane| self.count(lane.destination) >= lane.count);
        if is_whole && height > self.height {
            (self.height, self.root, self.states) = (height, lanes_root, lanes.to_vec());
        }
        is_whole
    }
}
