use alloy::primitives::{B256, keccak256};
use proptest::{collection::btree_map, prelude::*};

use super::strategies;
use crate::{
    lane::LEAVES_MAX,
    lanes::{LaneProof, LaneProofError, LaneState, LanesError, LanesTree, no_lanes},
};

/// The root as the protocol defines it, level by level.
fn naive_root(lanes: &[LaneState]) -> B256 {
    let mut level: Vec<B256> = lanes.iter().map(LaneState::leaf).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [a, b] if a < b => keccak256([*a, *b].concat()),
                [a, b] => keccak256([*b, *a].concat()),
                one => one[0],
            })
            .collect();
    }
    level.pop().unwrap_or_else(|| keccak256("metalayer/no lanes"))
}

fn lanes() -> impl Strategy<Value = Vec<LaneState>> {
    btree_map(strategies::gateway(), (1..=LEAVES_MAX, strategies::b256()), 0..70).prop_map(|lanes| {
        lanes.into_iter().map(|(destination, (count, root))| LaneState { destination, count, root }).collect()
    })
}

proptest! {
    #[test]
    fn each_lane_is_proven_and_no_other(lanes in lanes(), stranger in strategies::gateway()) {
        let tree = LanesTree::new(lanes.clone()).unwrap();
        prop_assert_eq!(tree.root(), naive_root(&lanes));
        for lane in &lanes {
            let (proven, proof) = tree.prove(lane.destination).unwrap();
            prop_assert_eq!(&proven, lane);
            prop_assert_eq!(proof.verify(lane, tree.root()), Ok(()));
            for wrong in [
                LaneState { count: lane.count ^ 1, ..*lane },
                LaneState { root: keccak256(lane.root), ..*lane },
                LaneState { destination: stranger, ..*lane },
            ] {
                prop_assert!(proof.verify(&wrong, tree.root()).is_err());
            }
            prop_assert!(proof.verify(lane, B256::ZERO).is_err());
        }
        prop_assert!(tree.prove(stranger).is_none());
    }
}

fn lane(chain: u64, count: u64) -> LaneState {
    let mut lane = super::golden::samples::lanes()[0];
    lane.destination.chain = chain.try_into().unwrap();
    lane.count = count;
    lane
}

#[test]
fn no_lane_and_one_lane() {
    assert_eq!(LanesTree::new(vec![]).unwrap().root(), no_lanes());
    let one = lane(1, 1);
    let tree = LanesTree::new(vec![one]).unwrap();
    assert_eq!(tree.root(), one.leaf());
    assert_eq!(tree.prove(one.destination), Some((one, LaneProof::default())));
}

#[test]
fn lanes_that_cannot_stand_are_refused() {
    let order = |a, b| LanesTree::new(vec![lane(a, 1), lane(b, 1)]).unwrap_err();
    assert_eq!(order(2, 1), LanesError::Order(lane(1, 1).destination));
    assert_eq!(order(2, 2), LanesError::Order(lane(2, 1).destination));
    for count in [0, LEAVES_MAX + 1] {
        let error = LanesTree::new(vec![lane(1, count)]).unwrap_err();
        assert_eq!(error, LanesError::Count { destination: lane(1, 1).destination, count });
    }
}

#[test]
fn a_proof_has_a_bound() {
    let proof = LaneProof { siblings: vec![B256::ZERO; 33] };
    assert_eq!(proof.verify(&lane(1, 1), B256::ZERO), Err(LaneProofError::TooLong(33)));
}
