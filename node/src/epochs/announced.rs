//! What the hub's derived history announces: told by the stage that derives it, asked by the one that learns.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::B256;
use metalayer_proto::facts::{EpochEntry, Fact, FactsMap};
use tokio::sync::Notify;

/// The epochs that the hub has announced, by number.
#[derive(Debug, Default)]
pub struct Announced {
    state: Mutex<State>,
    noted: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// The facts that were looked at last.
    facts_root: B256,
    epochs: BTreeMap<u64, EpochEntry>,
}

impl Announced {
    /// Takes note of the hub's facts as they stand at a final block.
    pub fn note(&self, hub: &FactsMap) {
        let mut state = self.lock();
        if state.facts_root == hub.root() {
            return;
        }
        state.facts_root = hub.root();
        let epoch = |fact: &Fact| match fact {
            Fact::Epoch { epoch, entry } => Some((*epoch, *entry)),
            _ => None,
        };
        let before = state.epochs.len();
        state.epochs.extend(hub.iter().filter_map(epoch));
        if state.epochs.len() > before {
            self.noted.notify_one();
        }
    }

    /// All of them, oldest first.
    pub fn epochs(&self) -> Vec<(u64, EpochEntry)> {
        self.lock().epochs.iter().map(|(number, entry)| (*number, *entry)).collect()
    }

    /// Notified when one more was announced.
    pub fn noted(&self) -> Arc<Notify> {
        self.noted.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
