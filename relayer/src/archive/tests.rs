#![allow(clippy::unwrap_used, clippy::panic)]

use alloy::primitives::Address;
use metalayer_node::store::memory::MemoryStore;
use metalayer_proto::{
    derivation::{Deployment, LaneChange, VoidReason},
    lane::Frontier,
    message::{Kind, Message},
};

use super::*;
use crate::testing::{NETWORK, gateway, judged, message, metrics};

fn archive() -> Archive {
    Archive::open(Arc::new(MemoryStore::new(&TABLES)), [gateway(901)], metrics()).unwrap()
}

fn lane() -> LaneId {
    LaneId { origin: gateway(901), destination: gateway(902) }
}

/// What a chain's derivation says of a block, before it has a state of its own.
fn derived(archive: &Archive, chain: u64, outcome: &BlockOutcome) {
    let (hub, era) = (gateway(900), Address::ZERO);
    let deployment =
        Deployment { network: NETWORK, origin: gateway(chain), deployed_at: 1, hub, hub_registry: hub.gateway, era };
    archive.derived(&Derivation::new(deployment), outcome).unwrap();
}

fn block(timestamp: u64, lanes: Vec<LaneChange>, settled: Vec<LeafId>) -> BlockOutcome {
    BlockOutcome { number: 1, hash: Default::default(), timestamp, lanes, settled }
}

/// The lane's next messages, the third of all void.
fn grow(frontier: &mut Frontier, messages: u64) -> LaneChange {
    let before = frontier.clone();
    let next = |sequence| {
        let mut one = judged(message(sequence, 0));
        if sequence == 2 {
            one.verdict = Verdict::Void(VoidReason::NoRules(Kind::Mapping));
        }
        frontier.append(one.leaf()).unwrap();
        one
    };
    let messages = (before.count()..before.count() + messages).map(next).collect();
    LaneChange { destination: gateway(902), before, messages }
}

#[test]
fn every_message_is_served_with_its_path_under_every_later_root() {
    let (archive, mut frontier) = (archive(), Frontier::default());
    let mut roots = vec![frontier.root()];
    for messages in [1, 3, 2] {
        let change = grow(&mut frontier, messages);
        let outcome = block(1, vec![change], Vec::new());
        derived(&archive, 901, &outcome);
        // Derived once more after a restart.
        derived(&archive, 901, &outcome);
        roots.resize(usize::try_from(frontier.count()).unwrap(), Default::default());
        roots.push(frontier.root());
    }
    for count in [1, 4, 6] {
        let root = roots[usize::try_from(count).unwrap()];
        for sequence in 0..count {
            let served = archive.leaf(LeafId { lane: lane(), sequence }, count).unwrap().unwrap();
            let leaf = match &served.content {
                LeafContent::Message(bytes) => {
                    let message = Message::decode(bytes).unwrap();
                    assert_eq!(message.sequence, sequence);
                    message.id().leaf()
                }
                LeafContent::Void(bytes) => {
                    assert_eq!(sequence, 2);
                    Message::decode(bytes).unwrap().id().void_leaf()
                }
            };
            assert_eq!(served.path.verify(sequence, &[leaf], count, root), Ok(()));
        }
        let growth = archive.consistency(lane(), 1, count).unwrap().unwrap();
        assert_eq!(growth.verify(roots[1], root), Ok(()));
    }
    assert!(archive.leaf(LeafId { lane: lane(), sequence: 6 }, 6).unwrap().is_none());
    assert!(archive.leaf(LeafId { lane: lane(), sequence: 0 }, 7).unwrap().is_none());
    assert!(archive.consistency(lane(), 1, 7).unwrap().is_none());
    assert!(archive.lane(lane()).is_none(), "nothing is proven");
}

#[test]
fn a_message_is_served_for_a_week_after_it_was_settled() {
    let (archive, mut frontier) = (archive(), Frontier::default());
    derived(&archive, 901, &block(1, vec![grow(&mut frontier, 3)], Vec::new()));
    let leaf = |sequence| LeafId { lane: lane(), sequence };
    let is_there = |sequence| archive.leaf(leaf(sequence), 3).unwrap().is_some();
    let week = KEPT_SETTLED.as_secs();
    derived(&archive, 902, &block(100, Vec::new(), vec![leaf(0)]));
    derived(&archive, 902, &block(100 + week, Vec::new(), vec![leaf(1)]));
    assert!(is_there(0));
    derived(&archive, 902, &block(101 + week, Vec::new(), vec![leaf(1)]));
    assert!(!is_there(0) && is_there(1) && is_there(2));
    assert!(archive.consistency(lane(), 1, 3).unwrap().is_some(), "the tree stays");
}
