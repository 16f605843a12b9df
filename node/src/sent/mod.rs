//! What this daemon's own derivations sent, until it is settled, and where each of them stood when it was last kept: how the derivation
//! of one chain shows the others what it derived, and how all go on after a restart.
//!
//! A row a message, of the few bytes that facts need of it ([`Arrival`]), not the message: most are below 200 bytes, whatever the
//! payload. A cache (I10): while nothing is kept, derivations begin at the deployments, and so does the table.
//!
//! Each chain is kept by itself, at a height of its own, and after a restart what came behind that is derived again. So a settled row is
//! deleted only once both ends of its lane are kept past it: the origin would write it again, the destination would ask for it again.

mod kept;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kept::{key, read_key};
use metalayer_proto::{
    derivation::{
        Arrival, Arrivals, BlockOutcome, Deployment, Derivation, DerivationError, LeafId, ShowError, StoredError,
        VerifiedBlock,
    },
    ids::{ChainId, GatewayId, LaneId},
    lane::Frontier,
};

use crate::store::{Change, Store, StoreError, Table, clear};

/// By destination, origin and sequence: the leaf.
const ROWS: Table = Table("sent");
/// By origin: its derivation as it was last kept.
const KEPT: Table = Table("kept");
/// The tables of a store of what was sent.
pub const TABLES: [Table; 2] = [ROWS, KEPT];

/// The most rows of one lane. A lane with more messages that wait keeps the older ones.
pub const LANE_ROWS_MAX: u64 = 1 << 22;

/// How many blocks a derivation goes on before it is kept again: what a restart derives once more, at most.
pub const KEEP_AFTER: u64 = 256;

/// The most settled leaves of one chain that wait to be deleted. The rows of more stay until the table is begun anew.
const SETTLED_MAX: usize = 1 << 16;

/// The most rows that are looked through at once.
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
    #[error("a row of what was sent is damaged ({0}); restore the data directory, as the runbook says")]
    Damaged(#[from] StoredError),
}

/// Why a block was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Leaves that it names are not there yet; nothing has changed, and the same block may be tried again.
    #[error("{source} ({} missing in its block)", .missing.len())]
    Unproven {
        /// The first of them.
        source: Box<DerivationError>,
        /// All of them.
        missing: Vec<LeafId>,
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
    /// The chains that are derived here.
    derived: BTreeSet<GatewayId>,
    /// How many rows each lane has.
    rows: Mutex<BTreeMap<LaneId, u64>>,
    /// The derivations as they are on disk.
    kept: Mutex<BTreeMap<GatewayId, Derivation>>,
    /// By the chain whose derivation said so: leaves that nobody asks for any more, whose rows are still there.
    settled: Mutex<BTreeMap<GatewayId, Vec<LeafId>>>,
}

impl Sent {
    /// The table in `store`, which has [`TABLES`], with at most so many rows a lane, and what is kept there of the chains that are derived
    /// here. Begun anew if nothing is, or if something is damaged.
    pub fn open(store: Arc<dyn Store>, lane_rows_max: u64, deployments: &[Deployment]) -> Result<Self, StoreError> {
        let sent = Self {
            store,
            lane_rows_max,
            derived: deployments.iter().map(|deployment| deployment.origin).collect(),
            rows: Mutex::default(),
            kept: Mutex::default(),
            settled: Mutex::default(),
        };
        for deployment in deployments {
            let origin = deployment.origin;
            let Some(record) = sent.store.get(KEPT, &origin.to_bytes())? else { continue };
            match kept::decode(*deployment, &record) {
                Ok((derivation, settled)) => {
                    lock(&sent.kept).insert(origin, derivation);
                    lock(&sent.settled).insert(origin, settled);
                }
                Err(problem) => {
                    tracing::warn!(%origin, %problem, "what was kept cannot be read; all chains are derived anew");
                    lock(&sent.kept).clear();
                    lock(&sent.settled).clear();
                    break;
                }
            }
        }
        if lock(&sent.kept).is_empty() {
            begin_anew(sent.store.as_ref())?;
        }
        sent.each_row(|leaf, _| {
            *lock(&sent.rows).entry(leaf.lane).or_default() += 1;
            Ok::<_, StoreError>(())
        })?;
        Ok(sent)
    }

    /// The derivation as it was last kept; `None`: it never was.
    pub fn kept(&self, origin: GatewayId) -> Option<Derivation> {
        lock(&self.kept).get(&origin).cloned()
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
            DerivationError::ArrivalUnproven { .. } => ApplyError::Unproven { source: Box::new(error), missing },
            error => ApplyError::Derivation(error),
        })?;
        let mut dropped = 0;
        for change in &outcome.lanes {
            if let Some(root) = derivation.trusted_root(change.destination) {
                let arrivals = root.show_growth(change).map_err(SentError::from)?;
                dropped += self.take(&arrivals).map_err(SentError::from)?;
            }
        }
        let mut settled = lock(&self.settled);
        settled.entry(derivation.deployment().origin).or_default().extend(&outcome.settled);
        Ok(Applied { outcome, dropped })
    }

    /// Keeps arrivals that were shown: what a derivation has just sent, or what others showed under a proven root. Returns how many did not fit.
    pub fn take(&self, arrivals: &[Arrival]) -> Result<u64, StoreError> {
        let mut changes = Vec::with_capacity(arrivals.len());
        let mut dropped = 0;
        for arrival in arrivals {
            let key = key(arrival.leaf());
            // Derived once more after a restart.
            if self.store.get(ROWS, &key)?.is_some() {
                continue;
            }
            let mut rows = lock(&self.rows);
            let count = rows.entry(arrival.leaf().lane).or_default();
            if *count < self.lane_rows_max {
                *count += 1;
                changes.push(Change::Put(ROWS, key, arrival.to_stored()));
            } else {
                dropped += 1;
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
            let Some(stored) = self.store.get(ROWS, &key(*leaf))? else { continue };
            // What a block needs at once is far below the bound.
            any |= arrivals.keep(Arrival::from_own_store(*leaf, &stored)?).is_ok();
        }
        Ok(any)
    }

    /// Gives each message of `origin` that waits to `take`, by destination and sequence.
    pub fn each_sent_by(&self, origin: GatewayId, mut take: impl FnMut(Arrival)) -> Result<(), SentError> {
        self.each_row(|leaf, stored| {
            if leaf.lane.origin == origin {
                take(Arrival::from_own_store(leaf, stored)?);
            }
            Ok(())
        })
    }

    /// Keeps the derivation if it went on for [`KEEP_AFTER`] blocks since it was kept.
    pub fn keep_when_due(&self, derivation: &Derivation) -> Result<(), StoreError> {
        let Deployment { origin, deployed_at, .. } = *derivation.deployment();
        let kept_to = lock(&self.kept).get(&origin).map_or(deployed_at, Derivation::next_block);
        if derivation.next_block() < kept_to.saturating_add(KEEP_AFTER) { Ok(()) } else { self.keep(derivation) }
    }

    /// Keeps derivations that begin elsewhere than at their deployments: all of them or, after a crash, none.
    pub fn begin(&self, derivations: &[Derivation]) -> Result<(), StoreError> {
        let mut kept = lock(&self.kept);
        let record = |derivation: &Derivation| {
            let key = derivation.deployment().origin.to_bytes().to_vec();
            Some(Change::Put(KEPT, key, kept::encode(&derivation.commitment()?, derivation, &[])))
        };
        self.store.write(derivations.iter().filter_map(record).collect())?;
        kept.extend(derivations.iter().map(|derivation| (derivation.deployment().origin, derivation.clone())));
        Ok(())
    }

    /// Keeps the derivation, from which a restart will go on, and deletes the rows that nobody asks for again, all in one write.
    pub fn keep(&self, derivation: &Derivation) -> Result<(), StoreError> {
        let Some(commitment) = derivation.commitment() else { return Ok(()) };
        let origin = derivation.deployment().origin;
        // Until it is on disk, nobody else may rely on it.
        let mut kept = lock(&self.kept);
        let is_past = |leaf: &LeafId| {
            let at = |end: GatewayId| if end == origin { Some(derivation) } else { kept.get(&end) };
            self.is_past(*leaf, at(leaf.lane.origin), at(leaf.lane.destination))
        };
        let settled = lock(&self.settled).get(&origin).cloned().unwrap_or_default();
        let (done, mut waiting): (Vec<_>, Vec<_>) = settled.into_iter().partition(is_past);
        waiting.drain(..waiting.len().saturating_sub(SETTLED_MAX));
        let record = kept::encode(&commitment, derivation, &waiting);
        let mut changes = vec![Change::Put(KEPT, origin.to_bytes().to_vec(), record)];
        let done = self.rows_there(&done)?;
        changes.extend(done.iter().map(|leaf| Change::Delete(ROWS, key(*leaf))));
        self.store.write(changes)?;
        let mut rows = lock(&self.rows);
        for leaf in done {
            rows.entry(leaf.lane).and_modify(|rows| *rows = rows.saturating_sub(1));
        }
        lock(&self.settled).insert(origin, waiting);
        kept.insert(origin, derivation.clone());
        Ok(())
    }

    /// Whether neither end of the lane, kept as it is, writes the leaf again or asks for it again. One that is not derived here does neither.
    fn is_past(&self, leaf: LeafId, origin: Option<&Derivation>, destination: Option<&Derivation>) -> bool {
        let LaneId { origin: from, destination: to } = leaf.lane;
        let is_sent = |kept: &Derivation| kept.frontier(to).map_or(0, Frontier::count) > leaf.sequence;
        let is_taken =
            |kept: &Derivation| kept.facts().credited(from).is_some_and(|taken| taken.contains(leaf.sequence));
        origin.map_or(!self.derived.contains(&from), is_sent)
            && destination.map_or(!self.derived.contains(&to), is_taken)
    }

    /// Those of `leaves` that have a row.
    fn rows_there(&self, leaves: &[LeafId]) -> Result<Vec<LeafId>, StoreError> {
        let mut there = Vec::new();
        for leaf in leaves {
            if self.store.get(ROWS, &key(*leaf))?.is_some() {
                there.push(*leaf);
            }
        }
        Ok(there)
    }

    /// Those of `leaves` that nobody has shown here yet.
    pub fn not_there(&self, leaves: &[LeafId]) -> Result<Vec<LeafId>, StoreError> {
        let there: BTreeSet<_> = self.rows_there(leaves)?.into_iter().collect();
        Ok(leaves.iter().filter(|leaf| !there.contains(leaf)).copied().collect())
    }

    /// Whether no derivation here will come to the leaf: its chain is not derived here, or was begun past it. Only others can show it.
    pub fn is_for_others(&self, leaf: &LeafId) -> bool {
        let LaneId { origin, destination } = leaf.lane;
        match lock(&self.kept).get(&origin) {
            Some(kept) => kept.frontier(destination).map_or(0, Frontier::count) > leaf.sequence,
            None => !self.derived.contains(&origin),
        }
    }

    /// Forgets everything: all derivations begin at their deployments.
    pub fn begin_anew(&self) -> Result<(), StoreError> {
        let mut kept = lock(&self.kept);
        begin_anew(self.store.as_ref())?;
        kept.clear();
        lock(&self.settled).clear();
        lock(&self.rows).clear();
        Ok(())
    }

    /// Forgets where the derivation stood: it is begun elsewhere.
    pub fn forget(&self, origin: GatewayId) -> Result<(), StoreError> {
        let mut kept = lock(&self.kept);
        self.store.write(vec![Change::Delete(KEPT, origin.to_bytes().to_vec())])?;
        kept.remove(&origin);
        lock(&self.settled).remove(&origin);
        Ok(())
    }

    /// How many rows an origin's lanes have.
    pub fn rows_of(&self, origin: ChainId) -> u64 {
        let rows = lock(&self.rows);
        rows.iter().filter(|(lane, _)| lane.origin.chain == origin).map(|(_, rows)| rows).sum()
    }

    fn each_row<E: From<StoreError>>(&self, mut take: impl FnMut(LeafId, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut from = Vec::new();
        loop {
            let page = self.store.scan(ROWS, &[], &from, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            // The least key above the last.
            from = [last, &[0][..]].concat();
            for (key, stored) in &page {
                if let Some(leaf) = read_key(key) {
                    take(leaf, stored)?;
                }
            }
        }
    }
}

/// Deletes all that derivations have left in `store`; they begin at the deployments again.
pub fn begin_anew(store: &dyn Store) -> Result<(), StoreError> {
    TABLES.into_iter().try_for_each(|table| clear(store, table, &[]))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
