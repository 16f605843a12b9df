#![allow(clippy::unwrap_used, clippy::panic)]

use alloy::primitives::{Address, B256};
use metalayer_proto::{
    commitment::Commitment,
    derivation::{Snapshot, StoredError},
    facts::{Credited, Fact, FactsMap},
    ids::{ChainId, GatewayId, LaneId, NetworkId},
    lanes::{LaneState, LanesTree},
};

use super::*;
use crate::store::memory::MemoryStore;

fn gateway(chain: u64) -> GatewayId {
    GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::with_last_byte(1) }
}

fn leaf(to: u64, sequence: u64) -> LeafId {
    LeafId { lane: LaneId { origin: gateway(901), destination: gateway(to) }, sequence }
}

/// A void leaf, as it is stored.
fn arrival(leaf: LeafId) -> Arrival {
    let stored = [&[0][..], B256::repeat_byte(7).as_slice()].concat();
    Arrival::from_own_store(leaf, &stored).unwrap()
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(&TABLES))
}

fn shown(sent: &Sent, leaf: LeafId) -> bool {
    let mut arrivals = Arrivals::default();
    let any = sent.show(&[leaf], &mut arrivals).unwrap();
    assert_eq!(any, arrivals.get(leaf) == Some(&arrival(leaf)));
    any
}

fn open(store: &Arc<MemoryStore>, lane_rows_max: u64) -> Sent {
    Sent::open(store.clone(), lane_rows_max, &[901, 902].map(deployment)).unwrap()
}

fn deployment(chain: u64) -> Deployment {
    let (network, origin) = (NetworkId(B256::ZERO), gateway(chain));
    Deployment { network, origin, deployed_at: 1, hub: gateway(900), hub_registry: Address::ZERO, era: Address::ZERO }
}

/// A derivation at a height that has sent so many messages to 902, and has taken those below `taken` of 901.
fn derivation(chain: u64, height: u64, sent: u64, taken: u64) -> Derivation {
    let mut snapshot = Snapshot::default();
    if sent > 0 {
        let mut frontier = Frontier::default();
        (0..sent).for_each(|_| frontier.append(B256::repeat_byte(7)).unwrap());
        snapshot.lanes.insert(gateway(902), frontier);
    }
    let mut facts = FactsMap::default();
    if taken > 0 {
        facts.insert(Fact::Credited { origin: gateway(901), credited: Credited::new(taken, Vec::new()).unwrap() });
    }
    snapshot.facts = facts.snapshot();
    let state = |(destination, frontier): (&GatewayId, &Frontier)| LaneState {
        destination: *destination,
        count: frontier.count(),
        root: frontier.root(),
    };
    let commitment = Commitment {
        version: 1,
        network: NetworkId(B256::ZERO),
        origin: gateway(chain),
        block_number: height,
        block_hash: B256::repeat_byte(3),
        lanes_root: LanesTree::new(snapshot.lanes.iter().map(state).collect()).unwrap().root(),
        facts_root: facts.root(),
    };
    Derivation::restore(deployment(chain), &commitment, snapshot).unwrap()
}

/// What the derivation of a chain says that nobody asks for any more.
fn settle(sent: &Sent, chain: u64, leaves: &[LeafId]) {
    lock(&sent.settled).entry(gateway(chain)).or_default().extend(leaves);
}

#[test]
fn what_was_sent_is_shown_and_its_like_is_not() {
    let sent = open(&store(), 10);
    let places = [leaf(902, 0), leaf(902, 1), leaf(903, 0)];
    assert_eq!(sent.take(&places.map(arrival)), Ok(0));
    assert!(places.iter().all(|place| shown(&sent, *place)));
    assert!(!shown(&sent, leaf(902, 2)));
    assert_eq!(sent.take(&places.map(arrival)), Ok(0));
    assert_eq!(sent.rows_of(gateway(901).chain), 3, "what comes again counts once");
    let mut sent_by = Vec::new();
    sent.each_sent_by(gateway(901), |one| sent_by.push(one.leaf())).unwrap();
    assert_eq!(sent_by, places);
    sent.each_sent_by(gateway(902), |one| panic!("{one:?} is of another chain")).unwrap();
}

#[test]
fn a_full_lane_keeps_the_older_ones_and_says_how_many_did_not_fit() {
    let sent = open(&store(), 2);
    let of = |to| [leaf(to, 0), leaf(to, 1), leaf(to, 2)].map(arrival);
    assert_eq!(sent.take(&of(902)), Ok(1));
    assert_eq!(sent.take(&of(903)[..2]), Ok(0), "another lane has room of its own");
    assert!(shown(&sent, leaf(902, 1)) && !shown(&sent, leaf(902, 2)));
    settle(&sent, 902, &[leaf(902, 0)]);
    sent.keep(&derivation(901, 5, 3, 0)).unwrap();
    sent.keep(&derivation(902, 5, 0, 1)).unwrap();
    assert_eq!(sent.take(&of(902)[2..]), Ok(0));
}

#[test]
fn a_settled_row_stays_until_both_ends_are_kept_past_it() {
    let store = store();
    let sent = open(&store, 10);
    sent.take(&[arrival(leaf(902, 0)), arrival(leaf(902, 1))]).unwrap();
    settle(&sent, 902, &[leaf(902, 0)]);
    assert!(shown(&sent, leaf(902, 0)), "902 would ask for it again");
    sent.keep(&derivation(902, 5, 0, 1)).unwrap();
    assert!(shown(&sent, leaf(902, 0)), "901 would write it again, and nobody would delete it then");

    // It is remembered over a restart that it is to be deleted.
    let sent = open(&store, 10);
    sent.keep(&derivation(901, 9, 2, 0)).unwrap();
    assert!(shown(&sent, leaf(902, 0)), "it is for 902 to delete");
    sent.keep(&derivation(902, 6, 0, 1)).unwrap();
    assert!(!shown(&sent, leaf(902, 0)) && shown(&sent, leaf(902, 1)));
    assert_eq!(sent.rows_of(gateway(901).chain), 1);
    assert_eq!(open(&store, 10).rows_of(gateway(901).chain), 1, "counted again");
}

#[test]
fn what_came_home_stays_while_its_destination_may_ask_for_it_again() {
    let sent = open(&store(), 10);
    sent.take(&[arrival(leaf(902, 0))]).unwrap();
    // 902 is kept before the message failed there; 901 has it back already.
    sent.keep(&derivation(902, 5, 0, 0)).unwrap();
    settle(&sent, 901, &[leaf(902, 0)]);
    sent.keep(&derivation(901, 9, 1, 0)).unwrap();
    assert!(shown(&sent, leaf(902, 0)));
    sent.keep(&derivation(902, 9, 0, 1)).unwrap();
    sent.keep(&derivation(901, 10, 1, 0)).unwrap();
    assert!(!shown(&sent, leaf(902, 0)));
}

#[test]
fn what_a_chain_that_is_not_derived_here_sent_is_deleted_once_it_is_taken() {
    let sent = Sent::open(store(), 10, &[deployment(902)]).unwrap();
    sent.take(&[arrival(leaf(902, 0))]).unwrap();
    settle(&sent, 902, &[leaf(902, 0)]);
    sent.keep(&derivation(902, 5, 0, 1)).unwrap();
    assert!(!shown(&sent, leaf(902, 0)));
}

#[test]
fn a_restart_goes_on_where_each_derivation_was_kept() {
    let store = store();
    let sent = open(&store, 10);
    sent.take(&[arrival(leaf(902, 0))]).unwrap();
    let at = |height| derivation(901, height, 1, 0);
    sent.keep_when_due(&at(KEEP_AFTER - 1)).unwrap();
    assert!(sent.kept(gateway(901)).is_none(), "not yet");
    sent.keep_when_due(&at(KEEP_AFTER)).unwrap();
    sent.keep_when_due(&at(2 * KEEP_AFTER - 1)).unwrap();
    let sent = open(&store, 10);
    let kept = sent.kept(gateway(901)).unwrap();
    assert_eq!(kept.commitment(), at(KEEP_AFTER).commitment());
    assert_eq!(kept.snapshot(), at(KEEP_AFTER).snapshot());
    assert!(sent.kept(gateway(902)).is_none());
    assert!(shown(&sent, leaf(902, 0)));
    sent.forget(gateway(901)).unwrap();
    assert!(open(&store, 10).kept(gateway(901)).is_none());
}

#[test]
fn while_nothing_is_kept_or_something_is_damaged_a_start_begins_anew() {
    let store = store();
    open(&store, 10).take(&[arrival(leaf(902, 0))]).unwrap();
    assert!(!shown(&open(&store, 10), leaf(902, 0)));
    let sent = open(&store, 10);
    sent.take(&[arrival(leaf(902, 0))]).unwrap();
    [derivation(901, 5, 1, 0), derivation(902, 5, 0, 0)].iter().for_each(|one| sent.keep(one).unwrap());
    let key = gateway(901).to_bytes().to_vec();
    let mut record = store.get(KEPT, &key).unwrap().unwrap();
    *record.last_mut().unwrap() ^= 1;
    store.write(vec![Change::Put(KEPT, key, record)]).unwrap();
    let sent = open(&store, 10);
    assert!(sent.kept(gateway(902)).is_none() && !shown(&sent, leaf(902, 0)));
}

#[test]
fn a_damaged_row_is_an_error() {
    let store = store();
    let sent = open(&store, 10);
    store.write(vec![Change::Put(ROWS, key(leaf(902, 0)), vec![9; 60])]).unwrap();
    let error = sent.show(&[leaf(902, 0)], &mut Arrivals::default()).unwrap_err();
    assert_eq!(error, SentError::Damaged(StoredError::Form(9)));
}
