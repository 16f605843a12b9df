//! The outbox: attestations on their way to the collectors.
//!
//! Each collector has its own, so that a slow one delays no other (I9). Per origin the newest attestation is kept until
//! a proof covers it and is due again every 30 s; of those not yet posted at most 64 an origin wait, the lowest is dropped.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metalayer_node::clock::UnixMillis;
use metalayer_proto::{
    batch::{ATTESTATIONS_MAX, Attestation},
    ids::GatewayId,
};
use tokio::sync::Notify;

/// How many attestations of one origin wait at most.
pub const WAITING_MAX: usize = 64;

/// How long after it was posted the newest attestation is posted again, if no proof covers it.
pub const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// One collector's outbox.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<BTreeMap<GatewayId, OriginBox>>,
    filled: Arc<Notify>,
}

#[derive(Default)]
struct OriginBox {
    /// Not yet posted, by height.
    waiting: BTreeMap<u64, Attestation>,
    /// The newest that was posted and that no proof covers yet, and when it was.
    posted: Option<(Attestation, UnixMillis)>,
}

impl Outbox {
    /// Adds an attestation; true if the lowest one of its origin had to be dropped for it.
    pub fn put(&self, attestation: Attestation) -> bool {
        let dropped = {
            let mut state = self.lock();
            let waiting = &mut state.entry(attestation.commitment.origin).or_default().waiting;
            waiting.insert(attestation.commitment.block_number, attestation);
            waiting.len() > WAITING_MAX && waiting.pop_first().is_some()
        };
        self.filled.notify_one();
        dropped
    }

    /// What is to be posted now, at most a batch: first what waits, then what is to be repeated.
    pub fn due(&self, now: UnixMillis) -> Vec<Attestation> {
        let state = self.lock();
        let waiting = state.values().flat_map(|origin| origin.waiting.values());
        let repeated = state.values().filter_map(|origin| match &origin.posted {
            Some((attestation, at)) if origin.waiting.is_empty() && now >= at.after(REPEAT_AFTER) => Some(attestation),
            _ => None,
        });
        waiting.chain(repeated).take(ATTESTATIONS_MAX).copied().collect()
    }

    /// When something is due again without anything new; never if everything is covered.
    pub fn next_repeat(&self) -> Option<UnixMillis> {
        self.lock().values().filter_map(|origin| origin.posted.map(|(_, at)| at.after(REPEAT_AFTER))).min()
    }

    /// Takes note that a batch was posted.
    pub fn posted(&self, batch: &[Attestation], now: UnixMillis) {
        let mut state = self.lock();
        for attestation in batch {
            let height = attestation.commitment.block_number;
            let origin = state.entry(attestation.commitment.origin).or_default();
            origin.waiting.remove(&height);
            let newest = origin.posted.is_none_or(|(posted, _)| posted.commitment.block_number <= height);
            if newest {
                origin.posted = Some((*attestation, now));
            }
        }
    }

    /// Takes note that more of `origin` is proven: what was posted need not be said again if its height is covered.
    pub fn covered(&self, origin: GatewayId, is_covered: impl Fn(u64) -> bool) {
        if let Some(origin) = self.lock().get_mut(&origin)
            && origin.posted.is_some_and(|(attestation, _)| is_covered(attestation.commitment.block_number))
        {
            origin.posted = None;
        }
    }

    /// Notified when something was put in.
    pub fn filled(&self) -> Arc<Notify> {
        self.filled.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GatewayId, OriginBox>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use alloy::primitives::{Address, B256, FixedBytes};
    use metalayer_proto::{
        commitment::Commitment,
        ids::{ChainId, NetworkId},
    };

    use super::*;

    const START: UnixMillis = UnixMillis(1_000_000);

    fn attestation(chain: u64, height: u64) -> Attestation {
        let origin = GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::repeat_byte(2) };
        Attestation {
            commitment: Commitment {
                version: 1,
                network: NetworkId(B256::repeat_byte(1)),
                origin,
                block_number: height,
                block_hash: B256::ZERO,
                lanes_root: B256::ZERO,
                facts_root: B256::ZERO,
            },
            signature: FixedBytes::ZERO,
        }
    }

    #[test]
    fn what_was_posted_is_due_again_after_its_time_until_a_proof_covers_it() {
        let outbox = Outbox::default();
        let one = attestation(901, 7);
        outbox.put(one);
        assert_eq!(outbox.due(START), [one]);
        outbox.posted(&[one], START);
        assert!(outbox.due(START).is_empty());
        let later = outbox.next_repeat().unwrap();
        assert_eq!(later, START.after(REPEAT_AFTER));
        assert_eq!(outbox.due(later), [one]);
        outbox.covered(one.commitment.origin, |height| height <= 6);
        assert_eq!(outbox.due(later), [one], "a proof below it does not cover it");
        outbox.covered(one.commitment.origin, |height| height <= 7);
        assert!(outbox.due(later).is_empty());
        assert_eq!(outbox.next_repeat(), None);
    }

    #[test]
    fn a_post_that_failed_stays_due() {
        let outbox = Outbox::default();
        outbox.put(attestation(901, 7));
        assert_eq!(outbox.due(START).len(), 1);
        assert_eq!(outbox.due(START).len(), 1);
    }

    #[test]
    fn only_so_many_wait_an_origin_and_the_lowest_goes() {
        let outbox = Outbox::default();
        let dropped = (0..100).filter(|height| outbox.put(attestation(901, *height))).count();
        assert_eq!(dropped, 100 - WAITING_MAX);
        assert!(!outbox.put(attestation(902, 1)), "another origin has its own room");
        let due = outbox.due(START);
        assert_eq!(due.len(), WAITING_MAX + 1);
        assert_eq!(due[0].commitment.block_number, 100 - WAITING_MAX as u64);
    }
}
