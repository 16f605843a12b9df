//! However a history is cut into blocks, steps and restarts: the same verdicts, lanes, facts and commitments.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use proptest::{
    collection::{btree_set, vec},
    prelude::*,
};

use super::gateway::{Act, blocks, nothing, on_hub, play};
use crate::{
    derivation::{Derivation, JudgedMessage, Verdict, VerifiedBlock, VerifiedLog},
    ids::GatewayId,
    lane::{Frontier, LaneSlice},
    message::Kind,
};

fn act() -> impl Strategy<Value = Act> {
    let kind = || prop_oneof![4 => Just(Kind::Generic), 1 => Just(Kind::ValueFlow), 1 => Just(Kind::Mapping)];
    let send_kind = prop_oneof![8 => kind(), 1 => Just(Kind::Governance), 1 => Just(Kind::Control)];
    prop_oneof![
        8 => (2..5_u64, send_kind, 1..5_u8, 1..5_u8, vec(any::<u8>(), 0..40), any::<bool>()).prop_map(
            |(to, kind, sender, recipient, payload, ordered)| Act::Send { to, kind, sender, recipient, payload, ordered }
        ),
        2 => (2..5_u64, prop::bool::weighted(0.8)).prop_map(|(to, open)| Act::Route { to, open }),
        2 => (1..5_u64, 1..5_u8, 0..3_u32, kind())
            .prop_map(|(on, contract, module, kind)| Act::Module { on, contract, module, kind }),
        1 => Just(Act::Stranger),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    vec(act(), 1..60).prop_map(|acts| {
        let open = (2..5).map(|to| Act::Route { to, open: true });
        open.chain(acts).collect()
    })
}

/// The logs in blocks that end after the given positions.
fn cut(logs: &[VerifiedLog], ends: impl IntoIterator<Item = usize>) -> Vec<VerifiedBlock> {
    let mut cut = Vec::new();
    let mut from = 0;
    for to in ends.into_iter().map(|end| end.min(logs.len())).chain([logs.len()]) {
        cut.push(logs[from..to].to_vec());
        from = to;
    }
    blocks(cut)
}

/// What no cut may change.
#[derive(Debug, PartialEq)]
struct Derived {
    messages: BTreeMap<GatewayId, Vec<JudgedMessage>>,
    lanes: BTreeMap<GatewayId, Frontier>,
    lanes_root: B256,
    facts_root: B256,
}

fn derive(blocks: &[VerifiedBlock]) -> Derived {
    let mut derivation = Derivation::new(on_hub());
    let mut messages: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for block in blocks {
        for lane in derivation.apply(block, &nothing()).unwrap().lanes {
            let known = messages.entry(lane.destination).or_default();
            assert_eq!(lane.before.count(), known.len() as u64);
            let leaves: Vec<_> = lane.leaves().collect();
            let after = derivation.frontier(lane.destination).unwrap();
            assert_eq!(LaneSlice::new(&lane.before, &leaves).unwrap().root(), after.root());
            known.extend(lane.messages);
        }
    }
    let lanes_root = derivation.lanes_root();
    let facts_root = derivation.facts().root();
    Derived { messages, lanes: derivation.snapshot().lanes, lanes_root, facts_root }
}

proptest! {
    #[test]
    fn blocks_may_be_cut_anywhere(acts in acts(), ends in btree_set(0..70_usize, 0..30)) {
        let (logs, _): (Vec<_>, Vec<_>) = play(&acts).into_iter().unzip();
        let whole = derive(&cut(&logs, []));
        prop_assert_eq!(&derive(&cut(&logs, ends)), &whole);
        prop_assert_eq!(&derive(&cut(&logs, 1..logs.len())), &whole);
    }

    #[test]
    fn restarts_change_no_commitment(acts in acts(), ends in btree_set(0..70_usize, 0..30), restarts in vec(any::<bool>(), 31)) {
        let (logs, _): (Vec<_>, Vec<_>) = play(&acts).into_iter().unzip();
        let mut straight = Derivation::new(on_hub());
        let mut restarted = straight.clone();
        for (block, restart) in cut(&logs, ends).iter().zip(restarts) {
            let outcome = straight.apply(block, &nothing()).unwrap();
            prop_assert_eq!(restarted.apply(block, &nothing()).unwrap(), outcome);
            let commitment = straight.commitment().unwrap();
            prop_assert_eq!(restarted.commitment().unwrap(), commitment);
            if restart {
                restarted = Derivation::restore(on_hub(), &commitment, restarted.snapshot()).unwrap();
                prop_assert_eq!(restarted.next_block(), straight.next_block());
            }
        }
    }

    #[test]
    fn verdicts_are_those_of_an_independent_judge(acts in acts()) {
        let played = play(&acts);
        let logs: Vec<_> = played.iter().map(|(log, _)| log.clone()).collect();
        // One log a block, so that the outcomes stand in the order of the logs.
        let blocks = cut(&logs, 1..logs.len());
        let mut derivation = Derivation::new(on_hub());
        for (block, (_, expected)) in blocks.iter().zip(&played) {
            let outcome = derivation.apply(block, &nothing()).unwrap();
            let verdict = outcome.lanes.first().map(|lane| lane.messages[0].verdict == Verdict::Valid);
            prop_assert_eq!(verdict, *expected);
        }
    }
}
