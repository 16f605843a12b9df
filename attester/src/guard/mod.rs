//! The guard: what was signed, on disk before a signature leaves the process (I2).
//!
//! Two commitments of one origin conflict if they name one height with different digests, or if some lane's leaf at
//! one sequence differs between them. So only three things are ever admitted: a greater height that continues the history that
//! was signed last, the very same digest again, and, where a quorum has proven it, a lower height of that history at which nothing
//! was signed. And nothing at all while the records may not be all there is: before somebody was asked what this key has signed, or
//! once a signature turned up that is not on record.

mod extension;
mod records;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use alloy::primitives::B256;
use metalayer_node::store::{Store, StoreError};
use metalayer_proto::{bls::AttesterId, commitment::Commitment, ids::GatewayId, lanes::LaneState};
use tokio::sync::Mutex;

pub use extension::{Extension, NotExtended};
use records::Records;
pub use records::{Signed, TABLE};

/// The right to sign one digest. Only [`Guard::admit`] makes one, and its record is on disk by then.
#[derive(Debug)]
pub struct Safe {
    digest: B256,
}

impl Safe {
    /// What may be signed.
    pub const fn digest(&self) -> B256 {
        self.digest
    }
}

/// Why a commitment is not signed.
#[derive(Debug, thiserror::Error)]
pub enum NotSafe {
    /// Another digest was signed at this height.
    #[error("{origin}: at height {height} digest {signed} was signed, {asked} conflicts with it")]
    Conflict {
        /// Origin.
        origin: GatewayId,
        /// Height.
        height: u64,
        /// Digest on record.
        signed: B256,
        /// Digest asked for.
        asked: B256,
    },
    /// A height below the last that was signed, and never signed itself.
    #[error("{origin}: height {height} is below {last}, the last that was signed")]
    Older {
        /// Origin.
        origin: GatewayId,
        /// Height asked for.
        height: u64,
        /// Last height signed.
        last: u64,
    },
    /// The history that is to be signed has not been shown to pass through what was signed last.
    #[error("{origin}: the history was not followed through height {last}, the last that was signed")]
    NotContinued {
        /// Origin.
        origin: GatewayId,
        /// Last height signed.
        last: u64,
    },
    /// This key signed something that the records lack: they are an old copy, or the key is used elsewhere.
    #[error(
        "{origin}: this key signed height {heard}, of which the guard has no record: its records are an old copy, or the \
         key is used on another machine. Stop the other one, then run `attester guard import-floor`"
    )]
    Behind {
        /// Origin.
        origin: GatewayId,
        /// The height that is not on record.
        heard: u64,
    },
    /// No collector has said yet what this key has signed.
    #[error("{0}: no collector has answered yet what this key has signed")]
    NotListened(GatewayId),
    /// The record could not be written or read; nothing is signed without it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NotSafe {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Older { .. } => "older",
            Self::NotContinued { .. } => "not_continued",
            Self::Behind { .. } => "behind",
            Self::NotListened(_) => "not_listened",
            Self::Store(_) => "guard_store",
        }
    }
}

/// Why there is no guard for a key.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// There are no records.
    #[error(
        "the guard's records are missing. If this key has never signed, run `attester guard init`; if they were lost, \
         run `attester guard import-floor`"
    )]
    Missing,
    /// There are some already.
    #[error("the guard's records are there already; they are never begun again")]
    Exists,
    /// They belong to another key.
    #[error("the guard's records belong to attester {0}; name its keys, or another data_dir")]
    OtherKey(B256),
    /// They cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One per signing key. Admission is serialised, so that ten asking for one commitment get one record.
pub struct Guard {
    records: Records,
    /// Whether somebody said what this key has signed.
    listened: AtomicBool,
    /// Origins whose derivation has passed, in this process, through what was signed last.
    continued: Mutex<BTreeMap<GatewayId, Signed>>,
}

impl Guard {
    /// Begins the records of a key that has never signed.
    pub fn init(store: Arc<dyn Store>, key: AttesterId) -> Result<Self, GuardError> {
        let records = Records(store);
        if records.owner()?.is_some() {
            return Err(GuardError::Exists);
        }
        records.begin(key)?;
        Ok(Self::over(records))
    }

    /// The guard on the records of `key` in `store`.
    pub fn open(store: Arc<dyn Store>, key: AttesterId) -> Result<Self, GuardError> {
        let records = Records(store);
        match records.owner()? {
            None => Err(GuardError::Missing),
            Some(owner) if owner != key.0 => Err(GuardError::OtherKey(owner)),
            Some(_) => Ok(Self::over(records)),
        }
    }

    fn over(records: Records) -> Self {
        Self { records, listened: AtomicBool::new(false), continued: Mutex::default() }
    }

    /// What was signed last of `origin`.
    pub fn last(&self, origin: GatewayId) -> Result<Option<Signed>, StoreError> {
        self.records.last(origin)
    }

    /// The greatest height of `origin` that this key signed without a record here.
    pub fn heard(&self, origin: GatewayId) -> Result<Option<u64>, StoreError> {
        self.records.heard(origin)
    }

    /// Whether a collector has said what this key has signed. Nothing is admitted before.
    pub fn has_listened(&self) -> bool {
        self.listened.load(Ordering::Acquire)
    }

    /// A collector has answered, and [`Self::hear`] took what it said.
    pub fn listened(&self) {
        self.listened.store(true, Ordering::Release);
    }

    /// Takes note of a commitment that this key has signed, wherever that came to light; the caller has checked the signature.
    /// True if it is on record, or so old that it stands below the oldest record.
    pub async fn hear(&self, commitment: &Commitment) -> Result<bool, StoreError> {
        let _one_at_a_time = self.continued.lock().await;
        let (origin, height) = (commitment.origin, commitment.block_number);
        let known = match self.records.at(origin, height)? {
            Some(Signed { digest: Some(digest), .. }) => digest == commitment.digest(),
            Some(Signed { digest: None, .. }) => true,
            None => self.records.last(origin)?.is_some_and(|last| height < last.height),
        };
        if !known && self.records.heard(origin)?.is_none_or(|heard| heard < height) {
            self.records.hear(origin, height)?;
        }
        Ok(known)
    }

    /// Takes `signed` for what was signed last of an origin, on an operator's word. Never lowers what is on record.
    pub async fn import(&self, origin: GatewayId, signed: Signed) -> Result<Signed, StoreError> {
        let mut continued = self.continued.lock().await;
        let last = match self.records.last(origin)? {
            Some(last) if last.height > signed.height => last,
            _ => signed,
        };
        self.records.import(origin, last)?;
        continued.remove(&origin);
        Ok(last)
    }

    /// Takes note that the derivation of an origin came to `commitment`. At the height that was signed last it must be
    /// the very same; that is what makes every later commitment of this derivation a continuation.
    pub async fn observe(&self, commitment: &Commitment) -> Result<(), NotSafe> {
        let mut continued = self.continued.lock().await;
        let Some(last) = self.records.last(commitment.origin)? else { return Ok(()) };
        if last.height != commitment.block_number {
            return Ok(());
        }
        same(commitment, last)?;
        continued.insert(commitment.origin, last);
        Ok(())
    }

    /// Whether a derivation of this process that stands at `height` came through what was signed last, or is yet to come there. Where one
    /// does not, nothing is kept of it: a restart would take it for one that did.
    pub async fn is_followed(&self, origin: GatewayId, height: u64) -> Result<bool, StoreError> {
        let continued = self.continued.lock().await;
        let last = self.records.last(origin)?;
        Ok(last.is_none_or(|last| height < last.height || continued.get(&origin) == Some(&last)))
    }

    /// Takes note that this process goes on at `commitment`, where an earlier one of the same records kept what [`Self::is_followed`].
    pub async fn resume(&self, commitment: &Commitment) -> Result<(), NotSafe> {
        let mut continued = self.continued.lock().await;
        let (origin, height) = (commitment.origin, commitment.block_number);
        if let Some(signed) = self.records.at(origin, height)? {
            same(commitment, signed)?;
        }
        if let Some(last) = self.records.last(origin)?.filter(|last| last.height <= height) {
            continued.insert(origin, last);
        }
        Ok(())
    }

    /// Admits `commitment` to be signed: its record is on disk when this returns, with the lanes under its root if they are at hand.
    pub async fn admit(&self, commitment: &Commitment, lanes: Option<&[LaneState]>) -> Result<Safe, NotSafe> {
        self.admit_if(commitment, lanes, |last| last.height < commitment.block_number).await
    }

    /// Admits `commitment`, which a quorum has proven and whose block the derivation of this process has passed, to be signed for an
    /// epoch that lacks it: also below what was signed last, at a height where nothing was signed.
    pub async fn admit_proven(&self, commitment: &Commitment, lanes: Option<&[LaneState]>) -> Result<Safe, NotSafe> {
        let floor = self.records.floor_from(commitment.origin, commitment.block_number)?;
        self.admit_if(commitment, lanes, |_| !floor).await
    }

    async fn admit_if(
        &self,
        commitment: &Commitment,
        lanes: Option<&[LaneState]>,
        is_free: impl FnOnce(Signed) -> bool,
    ) -> Result<Safe, NotSafe> {
        let mut continued = self.continued.lock().await;
        let (origin, height, digest) = (commitment.origin, commitment.block_number, commitment.digest());
        if !self.has_listened() {
            return Err(NotSafe::NotListened(origin));
        }
        if let Some(heard) = self.records.heard(origin)? {
            return Err(NotSafe::Behind { origin, heard });
        }
        if let Some(signed) = self.records.at(origin, height)? {
            same(commitment, signed)?;
            return if signed.digest.is_some() {
                Ok(Safe { digest })
            } else {
                Err(NotSafe::Older { origin, height, last: height })
            };
        }
        if let Some(last) = self.records.last(origin)? {
            if !is_free(last) {
                return Err(NotSafe::Older { origin, height, last: last.height });
            }
            if continued.get(&origin) != Some(&last) {
                return Err(NotSafe::NotContinued { origin, last: last.height });
            }
        }
        let signed = Signed { height, digest: Some(digest) };
        let is_newest = continued.get(&origin).is_none_or(|last| last.height < height);
        self.records.sign(origin, signed, lanes.filter(|_| is_newest))?;
        if is_newest {
            continued.insert(origin, signed);
        }
        Ok(Safe { digest })
    }
}

/// A floor says nothing about its digest.
fn same(commitment: &Commitment, signed: Signed) -> Result<(), NotSafe> {
    let asked = commitment.digest();
    match signed.digest {
        Some(digest) if digest != asked => {
            Err(NotSafe::Conflict { origin: commitment.origin, height: signed.height, signed: digest, asked })
        }
        _ => Ok(()),
    }
}
