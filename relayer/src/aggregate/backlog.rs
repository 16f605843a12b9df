//! Blocks that changed a lane, waiting for a commitment that covers them to be proven.
//!
//! Their records come from the bus and are believed only through what is proven: the lanes by the proven lanes root, each
//! change by the lane's proven root, and the change before it by the frontier that it began with. So a forged record takes
//! some memory until the next proof, and nothing else (I7).

use std::collections::{HashMap, VecDeque};

use alloy::primitives::B256;
use metalayer_proto::{
    derivation::{JudgedMessage, LaneChange, Verdict},
    envelope::{BlockRecord, TraceContext},
    ids::GatewayId,
    item::Item,
    lane::Frontier,
    lanes::LaneState,
};

use crate::archive::BegunLane;

/// How many messages wait for a proof at most; above that the oldest blocks are dropped, and read again when needed.
const MESSAGES_MAX: usize = 200_000;

/// Blocks of one origin that no proof covers yet.
#[derive(Default)]
pub(super) struct Backlog {
    /// All lanes after a block, by their lanes root, and the trace that the block began.
    states: HashMap<B256, (Vec<LaneState>, Option<TraceContext>)>,
    /// What led to a lane's count and root.
    changes: HashMap<(GatewayId, u64, B256), Change>,
    order: VecDeque<Entry>,
    messages: usize,
}

/// How a lane grew: the lane before, and an item a leaf.
struct Change {
    before: Frontier,
    items: Vec<Item>,
}

struct Entry {
    height: u64,
    lanes_root: B256,
    changes: Vec<(GatewayId, u64, B256)>,
    messages: usize,
}

impl Backlog {
    /// Adds a block. Returns how many messages were dropped because there were too many.
    pub(super) fn add(&mut self, record: BlockRecord, trace: Option<TraceContext>) -> usize {
        let BlockRecord { commitment, lanes, changes, .. } = record;
        let messages = changes.iter().map(|change| change.messages.len()).sum();
        let after = |change: &LaneChange| {
            // The record was checked when it was decoded: each change leads to its lane's count and root.
            let lane = lanes.iter().find(|lane| lane.destination == change.destination)?;
            Some((lane.destination, lane.count, lane.root))
        };
        let keyed = changes.into_iter().filter_map(|change| {
            let (key, LaneChange { before, messages, .. }) = (after(&change)?, change);
            Some((key, Change { before, items: messages.into_iter().map(item).collect() }))
        });
        let keyed: Vec<_> = keyed.collect();
        let keys = keyed.iter().map(|(key, _)| *key).collect();
        self.changes.extend(keyed);
        self.states.insert(commitment.lanes_root, (lanes, trace));
        let entry =
            Entry { height: commitment.block_number, lanes_root: commitment.lanes_root, changes: keys, messages };
        self.messages += messages;
        self.order.push_back(entry);
        self.shrink()
    }

    /// Begins with what was open where the origin was begun, as with a block.
    pub(super) fn begin(&mut self, height: u64, lanes_root: B256, lanes: Vec<BegunLane>) {
        let states = lanes.iter().map(|lane| lane.state).collect();
        let messages = lanes.iter().map(|lane| lane.items.len()).sum();
        let mut changes = Vec::new();
        for BegunLane { state, before, items } in lanes.into_iter().filter(|lane| !lane.items.is_empty()) {
            let key = (state.destination, state.count, state.root);
            changes.push(key);
            self.changes.insert(key, Change { before, items });
        }
        self.states.insert(lanes_root, (states, None));
        self.messages += messages;
        self.order.push_back(Entry { height, lanes_root, changes, messages });
    }

    fn shrink(&mut self) -> usize {
        let mut dropped = 0;
        while self.messages > MESSAGES_MAX {
            dropped += self.drop_oldest();
        }
        dropped
    }

    fn drop_oldest(&mut self) -> usize {
        let Some(entry) = self.order.pop_front() else { return 0 };
        self.states.remove(&entry.lanes_root);
        entry.changes.iter().for_each(|key| {
            self.changes.remove(key);
        });
        self.messages -= entry.messages;
        entry.messages
    }

    /// All lanes under a proven lanes root, if the block that made them is here.
    pub(super) fn lanes(&self, lanes_root: B256) -> Option<&[LaneState]> {
        self.states.get(&lanes_root).map(|(lanes, _)| lanes.as_slice())
    }

    /// The trace that the block under a lanes root began.
    pub(super) fn trace(&self, lanes_root: B256) -> Option<&TraceContext> {
        self.states.get(&lanes_root).and_then(|(_, trace)| trace.as_ref())
    }

    /// What a proven lane holds from sequence `from` on: the frontier there, and an item a leaf. `None` if a block is missing.
    pub(super) fn items(&self, lane: &LaneState, from: u64) -> Option<(Frontier, Vec<Item>)> {
        let mut parts = Vec::new();
        let mut at = (lane.destination, lane.count, lane.root);
        let before = loop {
            let change = self.changes.get(&at)?;
            parts.push(&change.items);
            if change.before.count() <= from {
                break change.before.clone();
            }
            at = (lane.destination, change.before.count(), change.before.root());
        };
        let mut items = parts.into_iter().rev().flatten();
        let mut frontier = before;
        while frontier.count() < from {
            frontier.append(items.next()?.leaf()).ok()?;
        }
        Some((frontier, items.cloned().collect()))
    }

    /// Forgets the blocks up to `height`, but for the state that is proven: the next changes lead from it.
    pub(super) fn covered(&mut self, height: u64) {
        while self.order.front().is_some_and(|entry| entry.height <= height) {
            self.drop_oldest();
        }
    }

    /// How many messages wait.
    pub(super) const fn len(&self) -> usize {
        self.messages
    }
}

fn item(judged: JudgedMessage) -> Item {
    match judged.verdict {
        Verdict::Valid => Item::Message(Box::new(judged.message)),
        Verdict::Void(_) => Item::Void(judged.id),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use metalayer_proto::message::Payload;

    use super::*;
    use crate::testing::{Lane, gateway, message};

    fn sequences(items: &[Item]) -> Vec<u64> {
        let sequence = |item: &Item| match item {
            Item::Message(message) => message.sequence,
            other => panic!("{other:?}"),
        };
        items.iter().map(sequence).collect()
    }

    #[test]
    fn items_are_found_back_through_the_blocks_to_where_they_were_handed_on() {
        let mut lane = Lane::default();
        let mut backlog = Backlog::default();
        for range in [0..3, 3..4, 4..9] {
            backlog.add(lane.block(range.map(|sequence| message(sequence, 0)).collect()), None);
        }
        let root = lane.commitment().lanes_root;
        assert_eq!(backlog.lanes(root), Some(&[lane.state()][..]));
        for from in [0, 2, 3, 4, 8] {
            let (before, items) = backlog.items(&lane.state(), from).unwrap();
            assert_eq!(before.count(), from);
            assert_eq!(sequences(&items), (from..9).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_forged_block_changes_nothing() {
        let mut lane = Lane::default();
        let mut backlog = Backlog::default();
        backlog.add(lane.block(vec![message(0, 0)]), None);
        // Self-consistent, but of a history that never was: another message at the same place, and one after it.
        let mut forged = Lane::default();
        let mut other = message(0, 0);
        other.payload = Payload::new(b"forged".to_vec()).unwrap();
        backlog.add(forged.block(vec![other]), None);
        backlog.add(forged.block(vec![message(1, 0)]), None);
        backlog.add(lane.block(vec![message(1, 0)]), None);
        let (_, items) = backlog.items(&lane.state(), 0).unwrap();
        assert_eq!(items, [0, 1].map(|sequence| Item::Message(Box::new(message(sequence, 0)))));
    }

    #[test]
    fn a_missing_block_is_noticed_and_covered_ones_are_forgotten() {
        let mut lane = Lane::default();
        let mut backlog = Backlog::default();
        lane.block(vec![message(0, 0)]);
        backlog.add(lane.block(vec![message(1, 0)]), None);
        assert!(backlog.items(&lane.state(), 0).is_none());
        assert!(backlog.items(&lane.state(), 1).is_some());
        backlog.covered(lane.height);
        assert_eq!(backlog.len(), 0);
        assert!(backlog.lanes(lane.commitment().lanes_root).is_none());
        assert_eq!(lane.state().destination, gateway(902));
    }
}
