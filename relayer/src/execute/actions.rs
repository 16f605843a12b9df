//! What is to be done at a destination beside deliveries: one call each, until what became of it is final.
//!
//! An action is known by the hash of its call's data, so that one that is asked for again while it waits is still one.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, keccak256};
use metalayer_node::{bus::Offset, clock::UnixMillis};
use metalayer_proto::envelope::{Action, TraceContext};

use super::call;

/// How many actions of a destination are queued at most; whoever asks for more is refused.
pub(super) const ACTIONS_MAX: usize = 1_024;

/// Which action it is: the hash of its call's data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ActionId(B256);

impl ActionId {
    /// The action that a call with this data does.
    pub(super) fn of(data: &[u8]) -> Self {
        Self(keccak256(data))
    }
}

/// Where an action stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// To be sent, not before this time.
    Open(UnixMillis),
    /// In the transaction with this nonce, which is in no block yet.
    UnderWay(u64),
    /// Done in a block that a reorg may still undo, by the transaction with this nonce.
    Done(u64),
}

/// An action that waits.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    /// The word for it.
    pub(super) word: &'static str,
    /// Who is called, and with what.
    pub(super) to: Address,
    pub(super) data: Bytes,
    /// The record that brought it first, and its trace.
    pub(super) from: Offset,
    pub(super) trace: Option<TraceContext>,
    state: State,
}

impl Queued {
    pub(super) fn new(action: &Action, from: Offset, trace: Option<TraceContext>) -> Self {
        let (to, data) = call::action(action);
        Self { word: action.as_str(), to, data, from, trace, state: State::Open(UnixMillis::default()) }
    }
}

/// All actions of one destination.
#[derive(Default)]
pub(super) struct Actions {
    queued: BTreeMap<ActionId, Queued>,
}

impl Actions {
    /// Queues an action; nothing changes if it is queued already. False if there are too many.
    pub(super) fn add(&mut self, queued: Queued) -> bool {
        let id = ActionId::of(&queued.data);
        if self.queued.contains_key(&id) {
            return true;
        }
        if self.queued.len() >= ACTIONS_MAX {
            return false;
        }
        self.queued.insert(id, queued);
        true
    }

    /// The one that would be sent now: of those that may be, the one that came first.
    pub(super) fn next(&self, now: UnixMillis) -> Option<ActionId> {
        let may_go = |queued: &Queued| matches!(queued.state, State::Open(from) if from <= now);
        let sendable = self.queued.iter().filter(|(_, queued)| may_go(queued));
        sendable.min_by_key(|(_, queued)| queued.from).map(|(id, _)| *id)
    }

    pub(super) fn get(&self, id: ActionId) -> Option<&Queued> {
        self.queued.get(&id)
    }

    // ---- What becomes of them. What does not fit where an action stands changes nothing ----

    /// Does not send it before `until`.
    pub(super) fn hold(&mut self, id: ActionId, until: UnixMillis) {
        self.change(id, |state| {
            if let State::Open(from) = state {
                *from = until
            }
        });
    }

    /// Takes note that it is in the transaction with this nonce.
    pub(super) fn sent(&mut self, id: ActionId, nonce: u64) {
        self.change(id, |state| *state = State::UnderWay(nonce));
    }

    /// Takes note that this transaction came to nothing: the action is sent again.
    pub(super) fn returned(&mut self, id: ActionId, nonce: u64) {
        self.put(id, State::UnderWay(nonce), State::Open(UnixMillis::default()));
    }

    /// Takes note that this transaction is in a block.
    pub(super) fn done(&mut self, id: ActionId, nonce: u64) {
        self.put(id, State::UnderWay(nonce), State::Done(nonce));
    }

    /// Takes note that this block is no part of the chain any more: the transaction is under way again.
    pub(super) fn undone(&mut self, id: ActionId, nonce: u64) {
        self.put(id, State::Done(nonce), State::UnderWay(nonce));
    }

    /// Takes note that this transaction is final: its action leaves the queue.
    pub(super) fn is_final(&mut self, id: ActionId, nonce: u64) {
        if self.get(id).is_some_and(|queued| queued.state == State::Done(nonce)) {
            self.remove(id);
        }
    }

    /// Takes an action out of the queue that cannot be done.
    pub(super) fn remove(&mut self, id: ActionId) -> Option<Queued> {
        self.queued.remove(&id)
    }

    fn put(&mut self, id: ActionId, from: State, to: State) {
        self.change(id, |state| {
            if *state == from {
                *state = to
            }
        });
    }

    fn change(&mut self, id: ActionId, change: impl FnOnce(&mut State)) {
        if let Some(queued) = self.queued.get_mut(&id) {
            change(&mut queued.state);
        }
    }

    // ---- How it stands ----

    /// How many are not done.
    pub(super) fn len(&self) -> usize {
        self.queued.values().filter(|queued| !matches!(queued.state, State::Done(_))).count()
    }

    /// The first record of which an action is still queued.
    pub(super) fn first_needed(&self) -> Option<Offset> {
        self.queued.values().map(|queued| queued.from).min()
    }
}
