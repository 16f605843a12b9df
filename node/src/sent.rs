//! What this daemon's own derivations sent, until it is settled: how the derivation of one chain shows the others what it derived.
//!
//! A row a message, of the few bytes that facts need of it ([`Arrival`]), not the message: most are below 200 bytes, whatever the
//! payload. A cache (I10): derivations begin at the deployments, so each start begins it anew.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use metalayer_proto::{
    derivation::{
        Arrival, Arrivals, BlockOutcome, Derivation, DerivationError, LeafId, ShowError, StoredError, VerifiedBlock,
    },
    ids::{ChainId, GatewayId, LaneId},
};

use crate::store::{Change, Store, StoreError, Table};

/// By destination, origin and sequence: the leaf.
pub const TABLE: Table = Table("sent");

/// The most rows of one lane. A lane with more messages that wait keeps the older ones.
pub const LANE_ROWS_MAX: u64 = 1 << 22;

/// The most rows that are looked through at once when the table is begun anew.
const PAGE: usize = 10_000;

/// Why a row could not be kept or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SentError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was derived does not lead to what was derived: a fault of this program.
    #[error("a derivation's messages do not lead to its own root: {0}")]
    Derived(#[from] ShowError),
    /// A row is not what was written.
    #[error("a row of what was sent is damaged ({0}); start again: the table is then begun anew")]
    Damaged(#[from] StoredError),
}

/// Why a block was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Leaves that it names are not there yet; nothing has changed, and the same block may be tried again.
    #[error("{source} ({missing} missing in its block)")]
    Unproven {
        /// The first of them.
        source: DerivationError,
        /// How many.
        missing: usize,
    },
    /// It cannot be derived.
    #[error(transparent)]
    Derivation(DerivationError),
    /// What it sent could not be kept, or what it needs not be found.
    #[error(transparent)]
    Sent(#[from] SentError),
}

/// What came of a block that was applied.
#[derive(Debug)]
pub struct Applied {
    /// What it brought.
    pub outcome: BlockOutcome,
    /// How many of its messages did not fit: where they lead waits for them.
    pub dropped: u64,
}

/// The table, shared by the stages of all chains.
pub struct Sent {
    store: Arc<dyn Store>,
    lane_rows_max: u64,
    /// How many rows each lane has.
    rows: Mutex<BTreeMap<LaneId, u64>>,
}

impl Sent {
    /// An empty table in `store`, with at most so many rows a lane; what an earlier process left there is deleted.
    pub fn new(store: Arc<dyn Store>, lane_rows_max: u64) -> Result<Self, StoreError> {
        loop {
            let old = store.scan(TABLE, &[], &[], PAGE)?;
            if old.is_empty() {
                return Ok(Self { store, lane_rows_max, rows: Mutex::default() });
            }
            store.write(old.into_iter().map(|(key, _)| Change::Delete(TABLE, key)).collect())?;
        }
    }

    /// Applies the next block with what the other chains' derivations have sent, and keeps what it sends itself.
    pub fn apply(&self, derivation: &mut Derivation, block: &VerifiedBlock) -> Result<Applied, ApplyError> {
        let mut arrivals = Arrivals::default();
        let mut missing = derivation.missing(block, &arrivals);
        // What is found may name more: a refusal, its message.
        while !missing.is_empty() && self.show(&missing, &mut arrivals)? {
            missing = derivation.missing(block, &arrivals);
        }
        let outcome = derivation.apply(block, &arrivals).map_err(|error| match error {
            DerivationError::ArrivalUnproven { .. } => ApplyError::Unproven { source: error, missing: missing.len() },
            error => ApplyError::Derivation(error),
        })?;
        let mut dropped = 0;
        for change in &outcome.lanes {
            if let Some(root) = derivation.trusted_root(change.destination) {
                let arrivals = root.show_growth(change).map_err(SentError::from)?;
                dropped += self.keep(&arrivals).map_err(SentError::from)?;
            }
        }
        self.settle(&outcome.settled).map_err(SentError::from)?;
        Ok(Applied { outcome, dropped })
    }

    /// Keeps what an origin's derivation has just sent; how many did not fit.
    fn keep(&self, arrivals: &[Arrival]) -> Result<u64, StoreError> {
        let mut changes = Vec::with_capacity(arrivals.len());
        let mut dropped = 0;
        {
            let mut rows = self.lock();
            for arrival in arrivals {
                let count = rows.entry(arrival.leaf().lane).or_default();
                if *count < self.lane_rows_max {
                    *count += 1;
                    changes.push(Change::Put(TABLE, key(arrival.leaf()), arrival.to_stored()));
                } else {
                    dropped += 1;
                }
            }
        }
        // Outside of the lock: the chains' writes go to the disk together.
        if !changes.is_empty() {
            self.store.write(changes)?;
        }
        Ok(dropped)
    }

    /// Puts those of `leaves` that are there into `arrivals`; whether any was.
    fn show(&self, leaves: &[LeafId], arrivals: &mut Arrivals) -> Result<bool, SentError> {
        let mut any = false;
        for leaf in leaves {
            let Some(stored) = self.store.get(TABLE, &key(*leaf))? else { continue };
            // What a block needs at once is far below the bound.
            any |= arrivals.keep(Arrival::from_own_store(*leaf, &stored)?).is_ok();
        }
        Ok(any)
    }

    /// Deletes what nobody asks for any more.
    fn settle(&self, leaves: &[LeafId]) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        let mut settled: BTreeMap<LaneId, u64> = BTreeMap::new();
        for leaf in leaves {
            let key = key(*leaf);
            if self.store.get(TABLE, &key)?.is_some() {
                *settled.entry(leaf.lane).or_default() += 1;
                changes.push(Change::Delete(TABLE, key));
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.store.write(changes)?;
        let mut rows = self.lock();
        for (lane, count) in settled {
            let left = rows.get(&lane).map_or(0, |rows| rows.saturating_sub(count));
            rows.insert(lane, left);
        }
        Ok(())
    }

    /// How many rows an origin's lanes have.
    pub fn rows_of(&self, origin: ChainId) -> u64 {
        let rows = self.lock();
        rows.iter().filter(|(lane, _)| lane.origin.chain == origin).map(|(_, rows)| rows).sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LaneId, u64>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(LeafId { lane: LaneId { origin, destination }, sequence }: LeafId) -> Vec<u8> {
    const LEN: usize = 2 * GatewayId::LEN + 8;
    let mut key = Vec::with_capacity(LEN);
    key.extend_from_slice(&destination.to_bytes());
    key.extend_from_slice(&origin.to_bytes());
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::{Address, B256};
    use metalayer_proto::{
        derivation::StoredError,
        ids::{ChainId, GatewayId, LaneId},
    };

    use super::*;
    use crate::store::memory::MemoryStore;

    fn gateway(chain: u64) -> GatewayId {
        GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::with_last_byte(1) }
    }

    fn leaf(to: u64, sequence: u64) -> LeafId {
        LeafId { lane: LaneId { origin: gateway(901), destination: gateway(to) }, sequence }
    }

    /// A void leaf, as it is stored.
    fn arrival(leaf: LeafId) -> Arrival {
        let stored = [&[0][..], B256::repeat_byte(7).as_slice()].concat();
        Arrival::from_own_store(leaf, &stored).unwrap()
    }

    fn store() -> Arc<MemoryStore> {
        Arc::new(MemoryStore::new(&[TABLE]))
    }

    fn shown(sent: &Sent, leaf: LeafId) -> bool {
        let mut arrivals = Arrivals::default();
        let any = sent.show(&[leaf], &mut arrivals).unwrap();
        assert_eq!(any, arrivals.get(leaf) == Some(&arrival(leaf)));
        any
    }

    #[test]
    fn what_was_sent_is_shown_until_it_is_settled() {
        let sent = Sent::new(store(), 10).unwrap();
        let places = [leaf(902, 0), leaf(902, 1), leaf(903, 0)];
        assert_eq!(sent.keep(&places.map(arrival)), Ok(0));
        assert!(places.iter().all(|place| shown(&sent, *place)));
        assert!(!shown(&sent, leaf(902, 2)));
        sent.settle(&[places[0], leaf(902, 9)]).unwrap();
        assert!(!shown(&sent, places[0]) && shown(&sent, places[1]));
        assert_eq!(sent.rows_of(gateway(901).chain), 2);
    }

    #[test]
    fn a_full_lane_keeps_the_older_ones_and_says_how_many_did_not_fit() {
        let sent = Sent::new(store(), 2).unwrap();
        let of = |to| [leaf(to, 0), leaf(to, 1), leaf(to, 2)].map(arrival);
        assert_eq!(sent.keep(&of(902)), Ok(1));
        assert_eq!(sent.keep(&of(903)[..2]), Ok(0), "another lane has room of its own");
        assert!(shown(&sent, leaf(902, 1)) && !shown(&sent, leaf(902, 2)));
        sent.settle(&[leaf(902, 0)]).unwrap();
        assert_eq!(sent.keep(&of(902)[2..]), Ok(0));
    }

    #[test]
    fn each_start_begins_the_table_anew() {
        let store = store();
        Sent::new(store.clone(), 10).unwrap().keep(&[arrival(leaf(902, 0))]).unwrap();
        let again = Sent::new(store, 10).unwrap();
        assert!(!shown(&again, leaf(902, 0)));
    }

    #[test]
    fn a_damaged_row_is_an_error() {
        let store = store();
        let sent = Sent::new(store.clone(), 10).unwrap();
        store.write(vec![Change::Put(TABLE, key(leaf(902, 0)), vec![9; 60])]).unwrap();
        let error = sent.show(&[leaf(902, 0)], &mut Arrivals::default()).unwrap_err();
        assert_eq!(error, SentError::Damaged(StoredError::Form(9)));
    }
}
