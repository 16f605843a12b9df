//! One lane's messages on their way to their destination.
//!
//! Batches form naturally: while a transaction is under way more messages come, and the next one takes them all, proven
//! against the newest root.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::B256;
use metalayer_node::{bus::Offset, clock::UnixMillis};
use metalayer_proto::{
    envelope::{Deliver, TraceContext},
    ids::LaneId,
    item::Item,
    lane::{Frontier, LaneSlice, RangeProof},
    lanes::{LaneProof, LaneState},
    message::Message,
    quorum::ProvenCommitment,
};

/// The most items in one `deliver`; the gateway's bound.
const RANGE_MAX: usize = 256;

/// The most messages in one transaction.
pub(super) const MESSAGES_MAX: usize = 128;

/// The most bytes of items in one transaction: nodes take no transaction above 128 KiB.
const ITEM_BYTES_MAX: usize = 100_000;

/// A lane's root and all that shows that it is attested.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub(super) proven: ProvenCommitment,
    pub(super) lane: LaneState,
    pub(super) lane_proof: LaneProof,
}

/// What goes into one transaction.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) lane: LaneId,
    pub(super) root: Proven,
    pub(super) first: u64,
    pub(super) items: Vec<Item>,
    pub(super) range_proof: RangeProof,
    /// The trace of its first message.
    pub(super) trace: Option<TraceContext>,
}

impl Batch {
    /// The sequences whose bodies it carries.
    pub(super) fn sequences(&self) -> impl Iterator<Item = u64> {
        let carried = |(sequence, item): (u64, &Item)| (!matches!(item, Item::Leaf(_))).then_some(sequence);
        (self.first..).zip(&self.items).filter_map(carried)
    }

    pub(super) fn messages(&self) -> usize {
        self.sequences().count()
    }
}

/// Why records of one lane do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LaneError {
    /// Leaves between those that are known and those that came are missing.
    #[error("sequences {from} to {to} (exclusive) are missing")]
    Gap {
        /// The first that is missing.
        from: u64,
        /// The first that came.
        to: u64,
    },
    /// The leaves do not lead to the proven root.
    #[error("the leaves do not lead to the proven root of count {0}")]
    Root(u64),
}

struct Queued {
    item: Item,
    /// The record that brought it, and its trace.
    from: Offset,
    trace: Option<TraceContext>,
}

/// The queue of one lane.
pub(super) struct LaneQueue {
    lane: LaneId,
    root: Option<Proven>,
    /// The lane before `leaves`.
    before: Frontier,
    leaves: VecDeque<B256>,
    /// Not settled, by sequence.
    items: BTreeMap<u64, Queued>,
    in_flight: BTreeSet<u64>,
    /// Skipped, by the sequence that must be settled first.
    skipped: BTreeMap<u64, u64>,
    /// How many messages the next transaction may carry; halved when one reverts, grows again when one succeeds.
    limit: usize,
    /// The count whose root the destination is known to have.
    accepted: Option<u64>,
    held_until: UnixMillis,
}

impl LaneQueue {
    pub(super) fn new(lane: LaneId) -> Self {
        Self {
            lane,
            root: None,
            before: Frontier::default(),
            leaves: VecDeque::new(),
            items: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            skipped: BTreeMap::new(),
            limit: MESSAGES_MAX,
            accepted: None,
            held_until: UnixMillis::default(),
        }
    }

    fn end(&self) -> u64 {
        self.before.count() + self.leaves.len() as u64
    }

    /// Adds what a record brought, whose quorum proof holds.
    pub(super) fn add(
        &mut self,
        from: Offset,
        deliver: Deliver,
        trace: Option<&TraceContext>,
    ) -> Result<(), LaneError> {
        let Deliver { commitment, proof, lane, lane_proof, before, items } = deliver;
        if self.items.is_empty() {
            if self.root.as_ref().is_some_and(|root| lane.count < root.lane.count) {
                // An old record again: its leaves would not lead to the newer root.
                return Ok(());
            }
            self.before = before.clone();
            self.leaves.clear();
        }
        let (first, end) = (before.count(), self.end());
        if first > end {
            return Err(LaneError::Gap { from: end, to: first });
        }
        let known = usize::try_from(end - first).unwrap_or(usize::MAX);
        self.leaves.extend(items.iter().skip(known).map(Item::leaf));
        for (sequence, item) in (first..).zip(items) {
            if sequence >= self.before.count() && !matches!(item, Item::Leaf(_)) {
                self.items.entry(sequence).or_insert_with(|| Queued { item, from, trace: trace.cloned() });
            }
        }
        if self.root.as_ref().is_none_or(|root| root.lane.count < lane.count) {
            self.root = Some(Proven { proven: ProvenCommitment { commitment, proof }, lane, lane_proof });
        }
        Ok(())
    }

    /// What a transaction would carry now; `None` if everything is under way or waits for something else.
    pub(super) fn next_batch(&self, now: UnixMillis) -> Result<Option<Batch>, LaneError> {
        if now < self.held_until {
            return Ok(None);
        }
        let Some(root) = &self.root else { return Ok(None) };
        let waits = |sequence: &u64| self.in_flight.contains(sequence) || self.skipped.values().any(|s| s == sequence);
        let Some(first) = self.items.keys().find(|sequence| !waits(sequence)).copied() else { return Ok(None) };
        let mut items = Vec::new();
        let (mut messages, mut bytes, mut length) = (0, 0, 0);
        for sequence in (first..root.lane.count).take(RANGE_MAX) {
            match self.items.get(&sequence).filter(|_| !waits(&sequence)) {
                Some(queued) => {
                    bytes += size(&queued.item);
                    if messages == self.limit || (messages > 0 && bytes > ITEM_BYTES_MAX) {
                        break;
                    }
                    messages += 1;
                    items.push(queued.item.clone());
                    length = items.len();
                }
                None => items.push(Item::Leaf(self.leaf(sequence))),
            }
        }
        items.truncate(length);
        let slice = LaneSlice::new(&self.before, &self.leaves.iter().copied().collect::<Vec<_>>());
        let slice = slice.ok().filter(|slice| slice.count() == root.lane.count && slice.root() == root.lane.root);
        let range_proof = slice.and_then(|slice| slice.prove_range(first, items.len() as u64).ok());
        let range_proof = range_proof.ok_or(LaneError::Root(root.lane.count))?;
        let trace = self.items.get(&first).and_then(|queued| queued.trace.clone());
        Ok(Some(Batch { lane: self.lane, root: root.clone(), first, items, range_proof, trace }))
    }

    fn leaf(&self, sequence: u64) -> B256 {
        let at = sequence.checked_sub(self.before.count()).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.leaves.get(at)).copied().unwrap_or_default()
    }

    /// Sends nothing of this lane before `until`.
    pub(super) const fn hold(&mut self, until: UnixMillis) {
        self.held_until = until;
    }

    /// Whether there is something that no record and no receipt will set going.
    pub(super) fn waits(&self) -> bool {
        !self.items.is_empty()
    }

    /// Whether `accept` can be left out.
    pub(super) fn is_accepted(&self, count: u64) -> bool {
        self.accepted == Some(count)
    }

    /// Takes note that these sequences are in a transaction.
    pub(super) fn sent(&mut self, sequences: impl Iterator<Item = u64>) {
        self.in_flight.extend(sequences);
    }

    /// Takes note that a transaction with these sequences came to nothing. Returns those that cannot be sent at all: alone in
    /// a transaction that reverted.
    pub(super) fn reverted(&mut self, sequences: &[u64]) -> Option<u64> {
        for sequence in sequences {
            self.in_flight.remove(sequence);
        }
        self.accepted = None;
        if let [alone] = sequences {
            return Some(*alone);
        }
        self.limit = (sequences.len() / 2).max(1);
        None
    }

    /// Takes note of a transaction that succeeded: `count` is accepted at the destination.
    pub(super) fn included(&mut self, count: u64) {
        self.accepted = Some(count);
        self.limit = (self.limit * 2).min(MESSAGES_MAX);
    }

    /// Takes note that a sequence is settled: it leaves the queue, and who waited for it is tried again.
    pub(super) fn settled(&mut self, sequence: u64) {
        self.skipped.remove(&sequence);
        self.leaves_queue(sequence);
    }

    /// Takes note that a message failed: it is retried or refused from the chain, and who waits for it goes on waiting.
    pub(super) fn failed(&mut self, sequence: u64) {
        self.leaves_queue(sequence);
    }

    fn leaves_queue(&mut self, sequence: u64) {
        self.in_flight.remove(&sequence);
        self.items.remove(&sequence);
        self.trim();
    }

    /// The sequences that skipped messages wait for.
    pub(super) fn awaited(&self) -> Vec<u64> {
        self.skipped.keys().copied().collect()
    }

    /// Takes note that a message was skipped: it waits under its predecessor.
    pub(super) fn skip(&mut self, sequence: u64, predecessor: u64) {
        self.in_flight.remove(&sequence);
        self.skipped.insert(predecessor, sequence);
    }

    /// The queued message with this sequence.
    pub(super) fn message(&self, sequence: u64) -> Option<&Message> {
        match &self.items.get(&sequence)?.item {
            Item::Message(message) => Some(message),
            Item::Void(_) | Item::Leaf(_) => None,
        }
    }

    /// Drops leaves below everything that is still queued.
    fn trim(&mut self) {
        let lowest = self.items.keys().next().copied().unwrap_or_else(|| self.end());
        while self.before.count() < lowest {
            let Some(leaf) = self.leaves.pop_front() else { break };
            if self.before.append(leaf).is_err() {
                break;
            }
        }
    }

    /// The record that brought a queued sequence.
    pub(super) fn record_of(&self, sequence: u64) -> Option<Offset> {
        self.items.get(&sequence).map(|queued| queued.from)
    }

    /// The first record of which something is still queued.
    pub(super) fn first_needed(&self) -> Option<Offset> {
        self.items.values().map(|queued| queued.from).min()
    }

    /// How many messages are queued.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

fn size(item: &Item) -> usize {
    match item {
        Item::Message(message) => message.payload.bytes().len() + 92,
        Item::Void(_) | Item::Leaf(_) => 33,
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
