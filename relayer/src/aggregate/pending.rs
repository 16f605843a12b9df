//! Signatures of one origin on their way to a quorum.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use alloy::primitives::B256;
use metalayer_node::bus::Offset;
use metalayer_proto::{
    bls::{AttesterId, UncheckedSignature},
    commitment::Commitment,
    envelope::AttestationRecord,
    quorum::{Aggregator, EpochTable, ProvenCommitment},
};

/// How many heights of one attester wait at most; above that its lowest is dropped.
const HEIGHTS_MAX: usize = 64;

/// One commitment and who signed it.
struct Candidate {
    commitment: Commitment,
    signatures: BTreeMap<AttesterId, UncheckedSignature>,
    /// The first record that is needed to come to this candidate again.
    first: Offset,
}

/// The commitments of one origin that some epoch has not proven.
#[derive(Default)]
pub(super) struct Pending {
    candidates: BTreeMap<(u64, B256), Candidate>,
    heights: BTreeMap<AttesterId, BTreeSet<u64>>,
    /// Whose signature was bad once: theirs are checked alone before they are added, never ignored.
    pub(super) quarantined: BTreeSet<AttesterId>,
}

/// What adding an attestation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It waits.
    Waits,
    /// It waits, and the attester's lowest height was dropped for it.
    DroppedLowest,
    /// The same attester has signed another digest at this height. Both wait: which is bad is not ours to say.
    Equivocates,
}

impl Pending {
    pub(super) fn add(&mut self, offset: Offset, record: AttestationRecord) -> Added {
        let AttestationRecord { commitment, attester, signature } = record;
        let (height, digest) = (commitment.block_number, commitment.digest());
        let equivocates = self
            .candidates
            .range((height, B256::ZERO)..=(height, B256::repeat_byte(0xff)))
            .any(|((_, other), candidate)| *other != digest && candidate.signatures.contains_key(&attester));
        let candidate = self.candidates.entry((height, digest)).or_insert_with(|| Candidate {
            commitment,
            signatures: BTreeMap::new(),
            first: offset,
        });
        candidate.signatures.insert(attester, signature);
        let heights = self.heights.entry(attester).or_default();
        heights.insert(height);
        let too_many = heights.len() > HEIGHTS_MAX;
        if too_many && let Some(lowest) = heights.pop_first() {
            self.forget(attester, lowest);
        }
        match (equivocates, too_many) {
            (true, _) => Added::Equivocates,
            (false, true) => Added::DroppedLowest,
            (false, false) => Added::Waits,
        }
    }

    fn forget(&mut self, attester: AttesterId, height: u64) {
        self.candidates.retain(|(at, _), candidate| {
            *at != height || {
                candidate.signatures.remove(&attester);
                !candidate.signatures.is_empty()
            }
        });
    }

    /// The highest commitment above `proven` that a quorum of `table` has signed, with its proof; and whose signatures turned out
    /// to be bad on the way, each checked alone.
    pub(super) fn prove(
        &mut self,
        table: &Arc<EpochTable>,
        proven: Option<u64>,
    ) -> (Option<ProvenCommitment>, Vec<AttesterId>) {
        let mut blamed = Vec::new();
        let above = self.candidates.iter_mut().filter(|((height, _), _)| proven.is_none_or(|proven| *height > proven));
        for (_, candidate) in above.rev() {
            let stake = |id: &AttesterId| {
                let place = table.position(*id).map(usize::from);
                place.and_then(|place| table.members().get(place)).map_or(0, |member| member.stake.get())
            };
            if !table.is_quorum(candidate.signatures.keys().map(stake).sum()) {
                continue;
            }
            let mut aggregator = Aggregator::new(table.clone(), candidate.commitment.digest());
            let (alone, together): (BTreeMap<_, _>, BTreeMap<_, _>) = candidate
                .signatures
                .iter()
                .filter_map(|(id, signature)| Some((table.position(*id)?, (*id, *signature))))
                .partition(|(_, (id, _))| self.quarantined.contains(id));
            let alone = alone.into_iter().map(|entry| BTreeMap::from([entry]));
            for batch in std::iter::once(together).chain(alone) {
                let signatures = batch.iter().map(|(place, (_, signature))| (*place, *signature)).collect();
                // Every place is the table's own, so that none is out of range.
                let bad = aggregator.add(&signatures).unwrap_or_default();
                blamed.extend(bad.iter().filter_map(|place| batch.get(place)).map(|(id, _)| *id));
            }
            for id in &blamed {
                candidate.signatures.remove(id);
            }
            if let Some(proof) = aggregator.proof() {
                let proven = ProvenCommitment { commitment: candidate.commitment, proof };
                self.quarantined.extend(&blamed);
                return (Some(proven), blamed);
            }
        }
        self.quarantined.extend(&blamed);
        (None, blamed)
    }

    /// Forgets everything up to a proven height.
    pub(super) fn proven(&mut self, height: u64) {
        self.candidates.retain(|(at, _), _| *at > height);
        self.heights.retain(|_, heights| {
            *heights = heights.split_off(&(height + 1));
            !heights.is_empty()
        });
    }

    /// The first attestation record that is still needed, if any waits.
    pub(super) fn first_needed(&self) -> Option<Offset> {
        self.candidates.values().map(|candidate| candidate.first).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::testing::{Attesters, Lane, message};

    fn commitment(height: u64) -> Commitment {
        let mut lane = Lane { height: height - 1, ..Lane::default() };
        lane.block(vec![message(0, 0)]);
        lane.commitment()
    }

    fn record(attesters: &Attesters, attester: usize, signed: Commitment, said: Commitment) -> AttestationRecord {
        let secret = &attesters.secrets[attester];
        AttestationRecord {
            commitment: said,
            attester: secret.public_key().attester_id(),
            signature: secret.sign(signed.digest()).into(),
        }
    }

    fn id(attesters: &Attesters, attester: usize) -> AttesterId {
        attesters.secrets[attester].public_key().attester_id()
    }

    #[test]
    fn the_highest_commitment_with_more_than_two_thirds_is_proven() {
        let attesters = Attesters::new();
        let mut pending = Pending::default();
        for (offset, (height, attester)) in (0..).zip([(5, 0), (6, 0), (5, 1), (6, 1), (5, 2)]) {
            pending.add(Offset(offset), record(&attesters, attester, commitment(height), commitment(height)));
        }
        let (proven, blamed) = pending.prove(&attesters.table, None);
        let proven = proven.unwrap();
        assert!(blamed.is_empty());
        assert_eq!(proven.commitment.block_number, 5, "55 of 100 are no quorum at height 6");
        proven.verify(&attesters.table).unwrap();
        pending.proven(5);
        assert_eq!(pending.first_needed(), Some(Offset(1)));
    }

    #[test]
    fn each_epoch_proves_for_itself_what_its_members_signed() {
        let (first, second) = (Attesters::new(), Attesters::of_epoch(2, [3, 4, 5, 6]));
        let mut pending = Pending::default();
        let said = commitment(5);
        for attester in 0..4 {
            pending.add(Offset(0), record(&first, attester, said, said));
        }
        assert!(pending.prove(&first.table, None).0.is_some());
        assert!(pending.prove(&first.table, Some(5)).0.is_none(), "it is proven already");
        assert!(pending.prove(&second.table, None).0.is_none(), "two of its members have signed, 55 of 100");
        pending.add(Offset(1), record(&second, 2, said, said));
        let proven = pending.prove(&second.table, None).0.unwrap();
        assert_eq!(proven.proof.epoch(), 2);
        proven.verify(&second.table).unwrap();
    }

    #[test]
    fn a_bad_signature_is_found_and_only_its_signer_is_blamed() {
        let attesters = Attesters::new();
        let mut pending = Pending::default();
        let right = commitment(5);
        for attester in [0, 1, 3] {
            pending.add(Offset(0), record(&attesters, attester, right, right));
        }
        pending.add(Offset(0), record(&attesters, 2, commitment(9), right));
        let (proven, blamed) = pending.prove(&attesters.table, None);
        proven.unwrap().verify(&attesters.table).unwrap();
        assert_eq!(blamed, [id(&attesters, 2)]);
    }

    #[test]
    fn who_was_quarantined_is_checked_alone_and_counts_when_the_signature_holds() {
        let attesters = Attesters::new();
        let mut pending = Pending::default();
        let (first, second) = (commitment(5), commitment(6));
        for attester in [0, 1, 3] {
            pending.add(Offset(0), record(&attesters, attester, first, first));
        }
        pending.add(Offset(0), record(&attesters, 2, second, first));
        assert_eq!(pending.prove(&attesters.table, None).1, [id(&attesters, 2)]);
        pending.proven(5);
        for attester in [0, 1, 2] {
            pending.add(Offset(1), record(&attesters, attester, second, second));
        }
        let (proven, blamed) = pending.prove(&attesters.table, None);
        proven.unwrap().verify(&attesters.table).unwrap();
        assert!(blamed.is_empty());
    }

    #[test]
    fn two_digests_at_one_height_are_noticed() {
        let attesters = Attesters::new();
        let mut pending = Pending::default();
        let (one, mut other) = (commitment(5), commitment(5));
        other.facts_root = B256::repeat_byte(9);
        assert_eq!(pending.add(Offset(0), record(&attesters, 0, one, one)), Added::Waits);
        assert_eq!(pending.add(Offset(1), record(&attesters, 1, other, other)), Added::Waits);
        assert_eq!(pending.add(Offset(2), record(&attesters, 0, other, other)), Added::Equivocates);
    }

    #[test]
    fn of_one_attester_only_so_many_heights_wait() {
        let attesters = Attesters::new();
        let mut pending = Pending::default();
        let dropped = (1..=70)
            .filter(|height| {
                let said = commitment(*height);
                pending.add(Offset(*height), record(&attesters, 0, said, said)) == Added::DroppedLowest
            })
            .count();
        assert_eq!(dropped, 70 - HEIGHTS_MAX);
        assert_eq!(pending.first_needed(), Some(Offset(7)), "the lowest were dropped");
    }
}
