//! Who may show a leaf, and under what.

use alloy::primitives::B256;

use super::world::{World, derive::Reader, read};
use crate::{
    commitment::Commitment,
    derivation::{JudgedMessage, RootError, ShowError, Shown, TrustedRoot},
    ids::{LaneId, NetworkId},
    lane::{Frontier, LaneSlice, RangeProof},
    lanes::{LaneProof, LanesTree},
    message::MessageError,
    quorum::{ProvenCommitment, tests::Attesters},
};

/// Three messages of chain 2 to chain 1 after those of the world's beginning: a valid one, a void one, a valid one.
fn lane() -> (World, Reader, LaneId, Vec<JudgedMessage>) {
    let (world, reader) = read(|world| {
        world.generic(2, 1);
        world.transfer(2, 1, 10, false);
        world.generic(2, 1);
    });
    let lane = world.last(2, 1).lane();
    let judged = reader.judged[&lane].clone();
    (world, reader, lane, judged)
}

fn path(judged: &[JudgedMessage], sequence: u64) -> RangeProof {
    let leaves: Vec<_> = judged.iter().map(JudgedMessage::leaf).collect();
    LaneSlice::new(&Frontier::default(), &leaves).unwrap().prove_range(sequence, 1).unwrap()
}

#[test]
fn a_leaf_is_shown_by_message_and_path() {
    let (_, reader, lane, judged) = lane();
    let root = reader.derivations[&2].trusted_root(lane.destination).unwrap();
    assert_eq!((root.lane(), root.count()), (lane, 6));
    let (valid, void) = (&judged[3], &judged[4]);
    let bytes = valid.message.encode();
    let shown = root.show(3, Shown::Message(&bytes), &path(&judged, 3)).unwrap();
    assert_eq!((shown.id(), shown.valid().map(|(fee, _)| fee)), (valid.id, Some(valid.message.fee)));
    let shown = root.show(4, Shown::Void(void.id), &path(&judged, 4)).unwrap();
    assert_eq!((shown.id(), shown.valid()), (void.id, None));

    let refused = |sequence, shown, at| root.show(sequence, shown, &path(&judged, at)).unwrap_err();
    assert!(matches!(refused(3, Shown::Message(&bytes), 4), ShowError::Path(_)));
    assert!(matches!(refused(5, Shown::Message(&bytes), 5), ShowError::Elsewhere { got: 3, expected: 5, .. }));
    assert!(matches!(refused(3, Shown::Void(valid.id), 3), ShowError::Path(_)), "a valid message is not void");
    let void_bytes = void.message.encode();
    assert!(matches!(refused(4, Shown::Message(&void_bytes), 4), ShowError::Path(_)), "a void message is not valid");
    assert!(matches!(refused(3, Shown::Message(&bytes[1..]), 3), ShowError::Message(MessageError::Tag)));
}

#[test]
fn growth_shows_its_messages_only_if_it_leads_to_the_root() {
    let (_, reader, lane, _) = lane();
    let root = reader.derivations[&2].trusted_root(lane.destination).unwrap();
    let messages = reader.judged[&lane].clone();
    let whole = |messages| crate::derivation::LaneChange {
        destination: lane.destination,
        before: Frontier::default(),
        messages,
    };
    assert_eq!(root.show_growth(&whole(messages.clone())).unwrap().len(), 6);
    let growth = Err(ShowError::Growth { count: 6 });
    assert_eq!(root.show_growth(&whole(messages[..5].to_vec())), growth);
    let mut forged = messages.clone();
    forged[3].message.fee += 1;
    assert_eq!(root.show_growth(&whole(forged)), growth);
    let mut turned = messages.clone();
    turned[4].verdict = crate::derivation::Verdict::Valid;
    assert_eq!(root.show_growth(&whole(turned)), growth);
    let mut moved = messages;
    moved[0].message.sequence = 1;
    assert!(matches!(root.show_growth(&whole(moved)), Err(ShowError::Elsewhere { .. })));
}

#[test]
fn a_root_is_trusted_when_a_quorum_signed_the_commitment_it_stands_in() {
    let (_, reader, lane, judged) = lane();
    let derivation = &reader.derivations[&2];
    let commitment = derivation.commitment().unwrap();
    let attesters = Attesters::new(3, &[10; 4]);
    let (table, proof) = (&*attesters.table, attesters.proof(commitment.digest(), &[0, 1, 2]));
    let (state, lane_proof) = LanesTree::new(derivation.lanes()).unwrap().prove(lane.destination).unwrap();
    let proven = ProvenCommitment { commitment, proof };
    let network = commitment.network;
    let root = TrustedRoot::proven(network, &proven, table, &state, &lane_proof).unwrap();
    assert_eq!(Some(root), derivation.trusted_root(lane.destination));
    let bytes = judged[3].message.encode();
    root.show(3, Shown::Message(&bytes), &path(&judged, 3)).unwrap();

    let foreign = TrustedRoot::proven(NetworkId(B256::ZERO), &proven, table, &state, &lane_proof);
    assert!(matches!(foreign, Err(RootError::Network(_))));
    let longer = crate::lanes::LaneState { count: state.count + 1, ..state };
    assert!(matches!(TrustedRoot::proven(network, &proven, table, &longer, &lane_proof), Err(RootError::Lane(_))));
    let no_proof = LaneProof { siblings: vec![B256::ZERO; 33] };
    assert!(matches!(TrustedRoot::proven(network, &proven, table, &state, &no_proof), Err(RootError::Lane(_))));
    let unsigned = Commitment { facts_root: B256::ZERO, ..commitment };
    let unsigned = ProvenCommitment { commitment: unsigned, ..proven };
    assert!(matches!(TrustedRoot::proven(network, &unsigned, table, &state, &lane_proof), Err(RootError::Quorum(_))));
}
