//! What becomes of a lane's messages, as transactions, receipts and finality tell.
//!
//! The same may be told again, and the outcomes of two transactions may cross: whatever does not fit where a message stands changes
//! nothing.

use std::collections::BTreeSet;

use metalayer_proto::{item::Item, message::Kind};

use super::{LaneQueue, MESSAGES_MAX, State};

/// How many parked messages are remembered for a replay of their records; of older ones only a restart takes a replay.
const PARKED_MAX: usize = 1_024;

impl LaneQueue {
    /// Takes note that these sequences are in the transaction with this nonce.
    pub(in crate::execute) fn sent(&mut self, sequences: &[u64], nonce: u64) {
        for sequence in sequences {
            self.put(*sequence, State::UnderWay(nonce));
        }
    }

    /// Takes note that the transaction with this nonce came to nothing: what is still in it is sent again.
    pub(in crate::execute) fn returned(&mut self, sequences: &[u64], nonce: u64) {
        self.accepted = None;
        self.change(sequences, State::UnderWay(nonce), State::Open);
    }

    /// Takes note that the destination may have no root that it is known to have had: a newer one of the same 256 counts, accepted by
    /// another executor, has taken its place. It is shown again.
    pub(in crate::execute) fn forget_root(&mut self) {
        self.accepted = None;
    }

    /// Takes note that the transaction with this nonce reverted. Returns the message that cannot be sent at all: alone in a
    /// transaction that reverted.
    pub(in crate::execute) fn reverted(&mut self, sequences: &[u64], nonce: u64) -> Option<u64> {
        self.returned(sequences, nonce);
        self.too_many(sequences)
    }

    /// Takes note that a transaction with these sequences would revert: fewer next time, unless it is one alone.
    pub(in crate::execute) fn too_many(&mut self, sequences: &[u64]) -> Option<u64> {
        // The root may not be there after all: it is shown again.
        self.accepted = None;
        if let [alone] = sequences {
            return Some(*alone).filter(|alone| self.open.contains(alone));
        }
        self.limit = (sequences.len() / 2).max(1);
        None
    }

    /// Takes note of a transaction that succeeded: `count` is accepted at the destination.
    pub(in crate::execute) fn included(&mut self, count: u64) {
        self.accepted = Some(count);
        self.limit = (self.limit * 2).min(MESSAGES_MAX);
    }

    /// Takes note that a sequence is settled, and by what: who waited for it is tried again.
    pub(in crate::execute) fn settled(&mut self, sequence: u64, by: Option<u64>) {
        self.meet(sequence, by);
        self.wake(sequence, |_| true);
    }

    /// Takes note that a message failed: it is retried or refused from the chain. Who waits for it goes on waiting, but for
    /// governance, which a failed act does not hold up.
    pub(in crate::execute) fn failed(&mut self, sequence: u64, by: Option<u64>) {
        self.meet(sequence, by);
        self.wake(sequence, |item| matches!(item, Item::Message(message) if message.kind == Kind::Governance));
    }

    fn meet(&mut self, sequence: u64, by: Option<u64>) {
        if self.items.get(&sequence).is_some_and(|queued| !matches!(queued.state, State::Met(_))) {
            self.put(sequence, State::Met(by));
        }
    }

    /// Takes note that the block in which they were met is no part of the chain any more: with its transaction they are under way
    /// again; if that was somebody else's they are sent again.
    pub(in crate::execute) fn undone(&mut self, sequences: &[u64], by: Option<u64>) {
        self.accepted = None;
        self.change(sequences, State::Met(by), by.map_or(State::Open, State::UnderWay));
    }

    /// Takes note that what was met so is final: it leaves the queue.
    pub(in crate::execute) fn done(&mut self, sequences: &[u64], by: Option<u64>) {
        for sequence in sequences {
            if self.items.get(sequence).is_some_and(|queued| queued.state == State::Met(by)) {
                self.remove(*sequence);
            }
        }
        self.trim();
    }

    fn change(&mut self, sequences: &[u64], from: State, to: State) {
        for sequence in sequences {
            if self.items.get(sequence).is_some_and(|queued| queued.state == from) {
                self.put(*sequence, to);
            }
        }
    }

    fn wake(&mut self, predecessor: u64, who: impl Fn(&Item) -> bool) {
        let wakes = |(sequence, awaited): (&u64, &u64)| {
            (*awaited == predecessor && self.body(*sequence).is_some_and(&who)).then_some(*sequence)
        };
        let woken: Vec<_> = self.waiting.iter().filter_map(wakes).collect();
        for sequence in woken {
            self.put(sequence, State::Open);
        }
    }

    /// Takes note that the transaction with this nonce skipped a message: it waits under its predecessor. One that has none is
    /// tried again.
    pub(in crate::execute) fn skip(&mut self, sequence: u64, nonce: u64) {
        let queued = self.items.get(&sequence).filter(|queued| queued.state == State::UnderWay(nonce));
        let Some(item) = queued.and_then(|queued| queued.item.as_ref()) else { return };
        let predecessor = match item {
            Item::Message(message) => message.after.checked_sub(1),
            Item::Void(_) | Item::Leaf(_) => None,
        };
        self.put(sequence, predecessor.map_or(State::Open, |_| State::Waits));
        self.waiting.extend(predecessor.map(|predecessor| (sequence, predecessor)));
    }

    /// The sequences that skipped messages wait for.
    pub(in crate::execute) fn awaited(&self) -> Vec<u64> {
        self.waiting.values().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Takes note that a message cannot be sent at all: it leaves the queue, and comes back if its record is replayed.
    pub(in crate::execute) fn parked(&mut self, sequence: u64) {
        self.remove(sequence);
        self.trim();
        self.parked.insert(sequence);
        if self.parked.len() > PARKED_MAX {
            self.parked.pop_first();
        }
    }
}
