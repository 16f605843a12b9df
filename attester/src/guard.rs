//! The guard: what was signed, on disk before a signature leaves the process (I2).
//!
//! Two commitments of one origin conflict if they name one height with different digests, or if some lane's leaf at
//! one sequence differs between them (PROTOCOL "Guard and conflict"). So only three things are ever admitted: a greater height that
//! continues the history that was signed last, the very same digest again, and nothing else.

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::B256;
use metalayer_node::store::{Change, Store, StoreError, Table};
use metalayer_proto::{commitment::Commitment, ids::GatewayId};
use tokio::sync::Mutex;

/// Where the guard's records are: key `GatewayId ‖ u64 height`, value the digest.
pub const TABLE: Table = Table("guard");

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
    /// The record could not be written or read; nothing is signed without it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was signed last of an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signed {
    /// Its height.
    pub height: u64,
    /// Its digest.
    pub digest: B256,
}

/// One per signing key. Admission is serialised, so that ten asking for one commitment get one record.
pub struct Guard {
    store: Arc<dyn Store>,
    /// Origins whose derivation has passed, in this process, through what was signed last.
    continued: Mutex<BTreeMap<GatewayId, Signed>>,
}

impl Guard {
    /// A guard on its records in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, continued: Mutex::default() }
    }

    /// What was signed last of `origin`.
    pub fn last(&self, origin: GatewayId) -> Result<Option<Signed>, StoreError> {
        // Heights are kept inverted, so that the newest stands first under its origin.
        let newest = self.store.scan(TABLE, &origin.to_bytes(), &[], 1)?;
        Ok(newest.first().and_then(|(key, value)| decode(key, value)))
    }

    /// Takes note that the derivation of an origin came to `commitment`. At the height that was signed last it must be
    /// the very same; that is what makes every later commitment of this derivation a continuation.
    pub async fn observe(&self, commitment: &Commitment) -> Result<(), NotSafe> {
        let mut continued = self.continued.lock().await;
        let Some(last) = self.last(commitment.origin)? else { return Ok(()) };
        if last.height != commitment.block_number {
            return Ok(());
        }
        self.same(commitment, last)?;
        continued.insert(commitment.origin, last);
        Ok(())
    }

    /// Admits `commitment` to be signed: its record is on disk when this returns.
    pub async fn admit(&self, commitment: &Commitment) -> Result<Safe, NotSafe> {
        let mut continued = self.continued.lock().await;
        let origin = commitment.origin;
        let asked = Signed { height: commitment.block_number, digest: commitment.digest() };
        if let Some(signed) = self.signed_at(origin, asked.height)? {
            self.same(commitment, signed)?;
            return Ok(Safe { digest: asked.digest });
        }
        if let Some(last) = self.last(origin)? {
            if asked.height < last.height {
                return Err(NotSafe::Older { origin, height: asked.height, last: last.height });
            }
            if continued.get(&origin) != Some(&last) {
                return Err(NotSafe::NotContinued { origin, last: last.height });
            }
        }
        self.store.write(vec![Change::Put(TABLE, key(origin, asked.height), asked.digest.to_vec())])?;
        continued.insert(origin, asked);
        Ok(Safe { digest: asked.digest })
    }

    fn signed_at(&self, origin: GatewayId, height: u64) -> Result<Option<Signed>, StoreError> {
        let key = key(origin, height);
        Ok(self.store.get(TABLE, &key)?.and_then(|value| decode(&key, &value)))
    }

    fn same(&self, commitment: &Commitment, signed: Signed) -> Result<(), NotSafe> {
        let asked = commitment.digest();
        if signed.digest == asked {
            return Ok(());
        }
        Err(NotSafe::Conflict { origin: commitment.origin, height: signed.height, signed: signed.digest, asked })
    }
}

fn key(origin: GatewayId, height: u64) -> Vec<u8> {
    [&origin.to_bytes()[..], &(!height).to_be_bytes()].concat()
}

fn decode(key: &[u8], value: &[u8]) -> Option<Signed> {
    let inverted = key.get(GatewayId::LEN..)?.try_into().ok()?;
    Some(Signed { height: !u64::from_be_bytes(inverted), digest: B256::try_from(value).ok()? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use alloy::primitives::{Address, B256};
    use metalayer_node::store::memory::MemoryStore;
    use metalayer_proto::ids::{ChainId, NetworkId};

    use super::*;

    fn commitment(height: u64, lanes: u8) -> Commitment {
        Commitment {
            version: 1,
            network: NetworkId(B256::repeat_byte(1)),
            origin: GatewayId { chain: ChainId::new(901).unwrap(), gateway: Address::repeat_byte(2) },
            block_number: height,
            block_hash: B256::repeat_byte(3),
            lanes_root: B256::repeat_byte(lanes),
            facts_root: B256::ZERO,
        }
    }

    fn store() -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(&[TABLE]))
    }

    #[tokio::test]
    async fn a_greater_height_and_the_same_digest_again_are_safe() {
        let guard = Guard::new(store());
        for height in [5, 6, 300] {
            let asked = commitment(height, 1);
            assert_eq!(guard.admit(&asked).await.unwrap().digest(), asked.digest());
            assert_eq!(guard.last(asked.origin).unwrap().unwrap().height, height);
        }
        assert!(guard.admit(&commitment(6, 1)).await.is_ok(), "signed before");
    }

    #[tokio::test]
    async fn two_digests_at_one_height_are_never_signed() {
        let store = store();
        let guard = Guard::new(store.clone());
        guard.admit(&commitment(5, 1)).await.unwrap();
        assert!(matches!(guard.admit(&commitment(5, 2)).await, Err(NotSafe::Conflict { height: 5, .. })));
        // Nor by another process that finds the records.
        let again = Guard::new(store);
        assert!(matches!(again.admit(&commitment(5, 2)).await, Err(NotSafe::Conflict { height: 5, .. })));
        assert!(matches!(again.observe(&commitment(5, 2)).await, Err(NotSafe::Conflict { height: 5, .. })));
    }

    #[tokio::test]
    async fn a_lower_height_is_not_signed() {
        let guard = Guard::new(store());
        guard.admit(&commitment(6, 1)).await.unwrap();
        assert!(matches!(guard.admit(&commitment(5, 1)).await, Err(NotSafe::Older { height: 5, last: 6, .. })));
    }

    #[tokio::test]
    async fn after_a_restart_nothing_is_signed_before_the_history_came_through_the_last_signature() {
        let store = store();
        Guard::new(store.clone()).admit(&commitment(5, 1)).await.unwrap();
        let guard = Guard::new(store);
        assert!(matches!(guard.admit(&commitment(6, 9)).await, Err(NotSafe::NotContinued { last: 5, .. })));
        guard.observe(&commitment(4, 1)).await.unwrap();
        assert!(guard.admit(&commitment(6, 9)).await.is_err(), "another height shows nothing");
        guard.observe(&commitment(5, 1)).await.unwrap();
        assert!(guard.admit(&commitment(6, 9)).await.is_ok());
    }

    #[tokio::test]
    async fn ten_at_once_get_one_record() {
        let guard = Arc::new(Guard::new(store()));
        let asked = (0..10u8).map(|lanes| {
            let guard = guard.clone();
            tokio::spawn(async move { guard.admit(&commitment(7, lanes)).await.is_ok() })
        });
        let admitted = futures_count(asked).await;
        assert_eq!(admitted, 1, "ten conflicting commitments, one signature");
    }

    async fn futures_count(tasks: impl Iterator<Item = tokio::task::JoinHandle<bool>>) -> usize {
        let tasks: Vec<_> = tasks.collect();
        let mut count = 0;
        for task in tasks {
            count += usize::from(task.await.unwrap());
        }
        count
    }
}
