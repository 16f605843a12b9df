//! What collectors serve, as bytes.

use proptest::{collection::vec, prelude::*};

use super::{snapshot::snapshot, strategies};
use crate::{
    bls::SecretKey,
    commitment::Commitment,
    lane::{LEAVES_MAX, RangeProof},
    lanes::{LaneProof, LaneState},
    quorum::{Bitmap, ProvenCommitment, QuorumProof},
    served::{LeafContent, ProvenLane, ProvenSnapshot, ServedError, ServedLeaf, ServedLeaves},
};

/// A commitment with a proof in the form of one.
fn proven(commitment: Commitment) -> ProvenCommitment {
    let signature = SecretKey::from_seed(&[1; 32]).sign(commitment.digest());
    ProvenCommitment { commitment, proof: QuorumProof::new(3, signature, &Bitmap::from_bytes(9, &[0x80, 0]).unwrap()) }
}

fn content() -> impl Strategy<Value = LeafContent> {
    prop_oneof![
        strategies::message().prop_map(|message| LeafContent::Void(message.encode())),
        strategies::message().prop_map(|message| LeafContent::Message(message.encode())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_served_reads_back(
        commitment in strategies::commitment(),
        snapshot in snapshot(),
        (destination, count, root) in (strategies::gateway(), 1..=LEAVES_MAX, strategies::b256()),
        siblings in vec(strategies::b256(), 0..8),
        path in vec(strategies::b256(), 0..RangeProof::HASHES_MAX),
        content in content(),
        before in snapshot(),
    ) {
        let before = before.lanes.into_values().next().unwrap_or_default();
        let proven = proven(commitment);
        let one = ProvenSnapshot { proven: proven.clone(), snapshot };
        prop_assert_eq!(ProvenSnapshot::from_bytes(&one.to_bytes()).unwrap(), one);
        let lane = LaneState { destination, count, root };
        let one = ProvenLane { proven, lane, proof: LaneProof { siblings } };
        prop_assert_eq!(ProvenLane::from_bytes(&one.to_bytes()).unwrap(), one);
        let one = ServedLeaf { path: RangeProof::from_bytes(&path.concat()).unwrap(), content };
        prop_assert_eq!(ServedLeaf::from_bytes(&one.to_bytes()).unwrap(), one);
        let one = ServedLeaves { before, leaves: path };
        prop_assert_eq!(ServedLeaves::from_bytes(&one.to_bytes()).unwrap(), one);
    }
}

#[test]
fn a_leaf_of_no_form_or_a_cut_path_is_refused() {
    let leaf = ServedLeaf { path: RangeProof::default(), content: LeafContent::Void(vec![0; 32]) };
    let mut bytes = leaf.to_bytes();
    bytes[1] = 7;
    assert!(matches!(ServedLeaf::from_bytes(&bytes), Err(ServedError::Form(7))));
    bytes[0] = 2;
    assert!(matches!(ServedLeaf::from_bytes(&bytes), Err(ServedError::Length(_))));
    bytes[0] = u8::MAX;
    bytes.resize(1 + 255 * 32, 0);
    assert!(matches!(ServedLeaf::from_bytes(&bytes), Err(ServedError::Path(_))));
}
