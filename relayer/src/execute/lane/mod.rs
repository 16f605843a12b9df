//! One lane's messages on their way to their destination, until what became of them is final.
//!
//! Batches form naturally: while a transaction is under way more messages come, and the next one takes them all, proven
//! against the newest root.

mod fate;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::B256;
use metalayer_node::{bus::Offset, clock::UnixMillis};
use metalayer_proto::{
    envelope::{Deliver, TraceContext},
    ids::LaneId,
    item::Item,
    lane::{Frontier, LaneSlice},
    quorum::ProvenCommitment,
};

use super::batch::{Batch, Proven, Range};

/// The most items in one `deliver`; the gateway's bound.
const RANGE_MAX: usize = 256;

/// The most messages in one transaction.
pub(super) const MESSAGES_MAX: usize = 128;

/// The most bytes of items in one transaction: nodes take no transaction above 128 KiB.
const ITEM_BYTES_MAX: usize = 100_000;

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

/// Where a message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// To be sent.
    Open,
    /// In the transaction with this nonce, which is in no block yet.
    UnderWay(u64),
    /// Skipped: its predecessor must be settled first.
    Waits,
    /// Delivered, voided or failed in a block that a reorg may still undo: by the transaction with this nonce, or by somebody
    /// else's.
    Met(Option<u64>),
}

struct Queued {
    state: State,
    /// Dropped once it is met, and read again from its record in the rare case that this is undone.
    item: Option<Item>,
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
    /// What is not finally settled, by sequence.
    items: BTreeMap<u64, Queued>,
    /// Those of `items` that may be sent, those that wait and for which sequence, and how many are met.
    open: BTreeSet<u64>,
    waiting: BTreeMap<u64, u64>,
    met: usize,
    /// How many of `items` each record brought.
    needs: BTreeMap<Offset, usize>,
    /// Every body below was taken; what is not queued of it is settled, or parked.
    taken: u64,
    /// Out of the queue because its transaction reverts: it is queued again if its record is replayed.
    parked: BTreeSet<u64>,
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
            open: BTreeSet::new(),
            waiting: BTreeMap::new(),
            met: 0,
            needs: BTreeMap::new(),
            taken: 0,
            parked: BTreeSet::new(),
            limit: MESSAGES_MAX,
            accepted: None,
            held_until: UnixMillis::default(),
        }
    }

    // ---- What comes ----

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
            if matches!(item, Item::Leaf(_)) || sequence < self.before.count() {
                continue;
            }
            // A record that comes again brings back nothing that was settled meanwhile.
            if sequence >= self.taken || self.parked.remove(&sequence) {
                self.taken = self.taken.max(sequence + 1);
                self.push(sequence, Queued { state: State::Open, item: Some(item), from, trace: trace.cloned() });
            }
        }
        // The same root again comes under a newer epoch's proof, when the older's is about to hold no more.
        let order = (lane.count, proof.epoch());
        if self.root.as_ref().is_none_or(|root| (root.lane.count, root.proven.proof.epoch()) < order) {
            self.root = Some(Proven { proven: ProvenCommitment { commitment, proof }, lane, lane_proof });
        }
        Ok(())
    }

    fn push(&mut self, sequence: u64, queued: Queued) {
        if !self.items.contains_key(&sequence) {
            *self.needs.entry(queued.from).or_default() += 1;
            self.open.insert(sequence);
            self.items.insert(sequence, queued);
        }
    }

    fn end(&self) -> u64 {
        self.before.count() + self.leaves.len() as u64
    }

    // ---- What goes ----

    /// What a transaction would carry now; `None` if everything is under way or waits for something else. Cheap: nothing is
    /// proven yet.
    pub(super) fn next_range(&self, now: UnixMillis) -> Option<Range> {
        let root = self.root.as_ref().filter(|_| now >= self.held_until)?;
        let first = *self.open.first()?;
        let last = root.lane.count.min(first + RANGE_MAX as u64);
        let mut range = Range { first, length: 0, messages: 0 };
        let mut bytes = 0;
        for sequence in self.open.range(first..last) {
            bytes += self.body(*sequence).map_or(0, size);
            if range.messages == self.limit || (range.messages > 0 && bytes > ITEM_BYTES_MAX) {
                break;
            }
            range.messages += 1;
            range.length = usize::try_from(sequence - first).map_or(RANGE_MAX, |at| at + 1);
        }
        (range.messages > 0).then_some(range)
    }

    /// The record that brought what would be sent first.
    pub(super) fn oldest(&self) -> Option<Offset> {
        self.items.get(self.open.first()?).map(|queued| queued.from)
    }

    /// The range with its proof under the newest root.
    pub(super) fn batch(&self, range: Range) -> Result<Batch, LaneError> {
        let Range { first, length, .. } = range;
        let body = |sequence| self.body(sequence).filter(|_| self.open.contains(&sequence));
        let item = |sequence| body(sequence).cloned().unwrap_or_else(|| Item::Leaf(self.leaf(sequence)));
        let items: Vec<_> = (first..).take(length).map(item).collect();
        let root = self.root.as_ref().ok_or(LaneError::Root(0))?;
        let slice = LaneSlice::new(&self.before, &self.leaves.iter().copied().collect::<Vec<_>>());
        let slice = slice.ok().filter(|slice| slice.count() == root.lane.count && slice.root() == root.lane.root);
        let range_proof = slice.and_then(|slice| slice.prove_range(first, items.len() as u64).ok());
        let range_proof = range_proof.ok_or(LaneError::Root(root.lane.count))?;
        let trace = self.items.get(&first).and_then(|queued| queued.trace.clone());
        let shows_root = self.accepted != Some(root.lane.count);
        Ok(Batch { lane: self.lane, root: root.clone(), first, items, range_proof, shows_root, trace })
    }

    fn body(&self, sequence: u64) -> Option<&Item> {
        self.items.get(&sequence)?.item.as_ref()
    }

    fn leaf(&self, sequence: u64) -> B256 {
        let at = sequence.checked_sub(self.before.count()).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.leaves.get(at)).copied().unwrap_or_default()
    }

    /// Sends nothing of this lane before `until`.
    pub(super) const fn hold(&mut self, until: UnixMillis) {
        self.held_until = until;
    }

    // ---- States ----

    /// The one place where a message's state changes; nothing if it is not queued.
    fn put(&mut self, sequence: u64, state: State) {
        let Some(queued) = self.items.get_mut(&sequence) else { return };
        self.met -= usize::from(matches!(queued.state, State::Met(_)));
        queued.state = state;
        self.open.remove(&sequence);
        self.waiting.remove(&sequence);
        match state {
            State::Met(_) => {
                self.met += 1;
                queued.item = None;
            }
            State::Open if queued.item.is_some() => drop(self.open.insert(sequence)),
            State::Open | State::UnderWay(_) | State::Waits => {}
        }
    }

    fn remove(&mut self, sequence: u64) {
        self.put(sequence, State::Waits);
        let Some(queued) = self.items.remove(&sequence) else { return };
        if let Some(count) = self.needs.get_mut(&queued.from) {
            *count -= 1;
            if *count == 0 {
                self.needs.remove(&queued.from);
            }
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

    // ---- Bodies ----

    /// The messages that are to be sent again and whose bodies were dropped, each with its record.
    pub(super) fn bodiless(&self) -> Vec<(u64, Offset)> {
        let lacks = |queued: &Queued| queued.item.is_none() && queued.state == State::Open;
        self.items
            .iter()
            .filter(|(_, queued)| lacks(queued))
            .map(|(sequence, queued)| (*sequence, queued.from))
            .collect()
    }

    /// Gives a message its body back, if it is the one whose leaf is proven.
    pub(super) fn restore(&mut self, sequence: u64, item: &Item) {
        let leaf = self.leaf(sequence);
        if let Some(queued) = self.items.get_mut(&sequence)
            && item.leaf() == leaf
        {
            queued.item = Some(item.clone());
            let state = queued.state;
            self.put(sequence, state);
        }
    }

    // ---- How it stands ----

    /// The sequences that may be sent.
    pub(super) fn open(&self) -> Vec<u64> {
        self.open.iter().copied().collect()
    }

    /// The record that brought a queued sequence.
    pub(super) fn record_of(&self, sequence: u64) -> Option<Offset> {
        self.items.get(&sequence).map(|queued| queued.from)
    }

    /// The first record of which something is still queued.
    pub(super) fn first_needed(&self) -> Option<Offset> {
        self.needs.keys().next().copied()
    }

    /// How many messages are queued and not met.
    pub(super) fn len(&self) -> usize {
        self.items.len() - self.met
    }
}

fn size(item: &Item) -> usize {
    match item {
        Item::Message(message) => message.payload.bytes().len() + 92,
        Item::Void(_) | Item::Leaf(_) => 33,
    }
}
