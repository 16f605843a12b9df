//! What may be signed, and what never.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloy::primitives::{Address, B256};
use metalayer_node::store::memory::MemoryStore;
use metalayer_proto::{
    ids::{ChainId, NetworkId},
    lane::{Frontier, LaneSlice},
};

use super::*;

const KEY: AttesterId = AttesterId(B256::repeat_byte(0xaa));

fn origin() -> GatewayId {
    GatewayId { chain: ChainId::new(901).unwrap(), gateway: Address::repeat_byte(2) }
}

fn commitment(height: u64, lanes: u8) -> Commitment {
    Commitment {
        version: 1,
        network: NetworkId(B256::repeat_byte(1)),
        origin: origin(),
        block_number: height,
        block_hash: B256::repeat_byte(3),
        lanes_root: B256::repeat_byte(lanes),
        facts_root: B256::ZERO,
    }
}

fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(&[TABLE]))
}

/// A guard that begins, and was told that nothing was signed.
fn begun(store: &Arc<dyn Store>) -> Guard {
    let guard = Guard::init(store.clone(), KEY).unwrap();
    guard.listened();
    guard
}

/// The same guard in another process.
fn reopened(store: &Arc<dyn Store>) -> Guard {
    let guard = Guard::open(store.clone(), KEY).unwrap();
    guard.listened();
    guard
}

#[tokio::test]
async fn a_greater_height_and_the_same_digest_again_are_safe() {
    let guard = begun(&store());
    for height in [5, 6, 300] {
        let asked = commitment(height, 1);
        assert_eq!(guard.admit(&asked, None).await.unwrap().digest(), asked.digest());
        assert_eq!(guard.last(asked.origin).unwrap().unwrap().height, height);
    }
    assert!(guard.admit(&commitment(6, 1), None).await.is_ok(), "signed before");
}

#[tokio::test]
async fn two_digests_at_one_height_are_never_signed() {
    let store = store();
    let guard = begun(&store);
    guard.admit(&commitment(5, 1), None).await.unwrap();
    assert!(matches!(guard.admit(&commitment(5, 2), None).await, Err(NotSafe::Conflict { height: 5, .. })));
    // Nor by another process that finds the records.
    let again = reopened(&store);
    assert!(matches!(again.admit(&commitment(5, 2), None).await, Err(NotSafe::Conflict { height: 5, .. })));
    assert!(matches!(again.observe(&commitment(5, 2)).await, Err(NotSafe::Conflict { height: 5, .. })));
}

#[tokio::test]
async fn a_lower_height_is_not_signed() {
    let guard = begun(&store());
    guard.admit(&commitment(6, 1), None).await.unwrap();
    assert!(matches!(guard.admit(&commitment(5, 1), None).await, Err(NotSafe::Older { height: 5, last: 6, .. })));
}

#[tokio::test]
async fn after_a_restart_nothing_is_signed_before_the_history_came_through_the_last_signature() {
    let store = store();
    begun(&store).admit(&commitment(5, 1), None).await.unwrap();
    let guard = reopened(&store);
    assert!(matches!(guard.admit(&commitment(6, 9), None).await, Err(NotSafe::NotContinued { last: 5, .. })));
    guard.observe(&commitment(4, 1)).await.unwrap();
    assert!(guard.admit(&commitment(6, 9), None).await.is_err(), "another height shows nothing");
    guard.observe(&commitment(5, 1)).await.unwrap();
    assert!(guard.admit(&commitment(6, 9), None).await.is_ok());
}

#[tokio::test]
async fn ten_at_once_get_one_record() {
    let guard = Arc::new(begun(&store()));
    let tasks: Vec<_> = (0..10u8)
        .map(|lanes| {
            let guard = guard.clone();
            tokio::spawn(async move { guard.admit(&commitment(7, lanes), None).await.is_ok() })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += usize::from(task.await.unwrap());
    }
    assert_eq!(admitted, 1, "ten conflicting commitments, one signature");
}

#[tokio::test]
async fn records_are_begun_once_and_belong_to_one_key() {
    let store = store();
    assert!(matches!(Guard::open(store.clone(), KEY), Err(GuardError::Missing)));
    begun(&store);
    assert!(matches!(Guard::init(store.clone(), KEY), Err(GuardError::Exists)));
    let other = AttesterId(B256::repeat_byte(0xbb));
    assert!(matches!(Guard::open(store, other), Err(GuardError::OtherKey(owner)) if owner == KEY.0));
}

#[tokio::test]
async fn nothing_is_signed_before_somebody_was_asked() {
    let guard = Guard::init(store(), KEY).unwrap();
    assert!(matches!(guard.admit(&commitment(5, 1), None).await, Err(NotSafe::NotListened(_))));
    guard.listened();
    assert!(guard.admit(&commitment(5, 1), None).await.is_ok());
}

#[tokio::test]
async fn an_old_copy_of_the_records_signs_nothing_more_until_a_floor_is_imported() {
    let store = store();
    let guard = begun(&store);
    guard.admit(&commitment(5, 1), None).await.unwrap();
    // On the machine that had the newer records, height 8 was signed.
    assert!(!guard.hear(&commitment(8, 1)).await.unwrap());
    for height in [6, 8, 9] {
        assert!(matches!(guard.admit(&commitment(height, 1), None).await, Err(NotSafe::Behind { heard: 8, .. })));
    }
    // A restart forgets nothing, and a lower height heard later does not lower what is known.
    let guard = reopened(&store);
    assert!(!guard.hear(&commitment(7, 1)).await.unwrap());
    assert!(matches!(guard.admit(&commitment(9, 1), None).await, Err(NotSafe::Behind { heard: 8, .. })));

    let floor = Signed { height: 8, digest: Some(commitment(8, 1).digest()) };
    assert_eq!(guard.import(origin(), floor).await.unwrap(), floor);
    assert!(matches!(guard.admit(&commitment(9, 1), None).await, Err(NotSafe::NotContinued { last: 8, .. })));
    assert!(matches!(guard.observe(&commitment(8, 2)).await, Err(NotSafe::Conflict { height: 8, .. })));
    guard.observe(&commitment(8, 1)).await.unwrap();
    assert!(guard.admit(&commitment(9, 1), None).await.is_ok());
}

#[tokio::test]
async fn what_is_on_record_or_below_it_is_no_news() {
    let guard = begun(&store());
    guard.admit(&commitment(5, 1), None).await.unwrap();
    guard.admit(&commitment(9, 1), None).await.unwrap();
    for (height, lanes, known) in [(9, 1, true), (5, 1, true), (3, 7, true), (9, 2, false)] {
        assert_eq!(guard.hear(&commitment(height, lanes)).await.unwrap(), known, "height {height}");
    }
    assert!(matches!(guard.admit(&commitment(10, 1), None).await, Err(NotSafe::Behind { heard: 9, .. })));
}

#[tokio::test]
async fn at_or_below_a_floor_of_unknown_digest_nothing_is_signed() {
    let guard = begun(&store());
    let floor = Signed { height: 8, digest: None };
    guard.import(origin(), floor).await.unwrap();
    for height in [7, 8] {
        assert!(matches!(guard.admit(&commitment(height, 1), None).await, Err(NotSafe::Older { last: 8, .. })));
    }
    assert!(matches!(guard.admit(&commitment(9, 1), None).await, Err(NotSafe::NotContinued { .. })));
    guard.observe(&commitment(8, 1)).await.unwrap();
    assert!(guard.admit(&commitment(9, 1), None).await.is_ok());
}

#[tokio::test]
async fn a_floor_never_lowers_what_is_on_record() {
    let guard = begun(&store());
    guard.admit(&commitment(9, 1), None).await.unwrap();
    let kept = guard.import(origin(), Signed { height: 4, digest: None }).await.unwrap();
    assert_eq!(kept, Signed { height: 9, digest: Some(commitment(9, 1).digest()) });
    assert!(matches!(guard.admit(&commitment(8, 1), None).await, Err(NotSafe::Older { last: 9, .. })));
}

/// The lane to chain 902 with so many leaves, the first of which is `first`.
fn lane(first: u8, count: usize) -> (LaneState, LaneSlice) {
    let mut leaves = vec![B256::repeat_byte(7); count];
    leaves[0] = B256::repeat_byte(first);
    let slice = LaneSlice::new(&Frontier::default(), &leaves).unwrap();
    let destination = GatewayId { chain: ChainId::new(902).unwrap(), ..origin() };
    (LaneState { destination, count: slice.count(), root: slice.root() }, slice)
}

#[tokio::test]
async fn a_start_must_extend_every_lane_that_was_signed() {
    let store = store();
    let (signed, _) = lane(1, 3);
    let guard = begun(&store);
    guard.admit(&commitment(5, 1), Some(&[signed])).await.unwrap();
    let extend = async |height, lanes: &[LaneState], shown: Option<&LaneSlice>| {
        let growth = shown.map(|slice| (signed.destination, slice.prove_consistency(3).unwrap())).into_iter().collect();
        let guard = reopened(&store);
        let commitment = &commitment(height, 2);
        guard.extend(Extension { commitment, lanes, growth: &growth }).await.map(|()| guard)
    };
    let ((longer, grown), (other, changed), (shorter, _)) = (lane(1, 6), lane(2, 6), lane(1, 2));
    assert!(matches!(extend(9, &[], None).await, Err(NotExtended::Shrunk { signed: 3, .. })));
    assert!(matches!(extend(9, &[shorter], None).await, Err(NotExtended::Shrunk { signed: 3, .. })));
    assert!(matches!(extend(9, &[longer], None).await, Err(NotExtended::NotShown(_))));
    assert!(matches!(extend(9, &[other], Some(&changed)).await, Err(NotExtended::Changed { .. })));
    assert!(matches!(extend(9, &[other], Some(&grown)).await, Err(NotExtended::Changed { .. })));
    let guard = extend(9, &[longer], Some(&grown)).await.unwrap();
    assert!(guard.admit(&commitment(10, 3), None).await.is_ok(), "it continues what was signed");

    // Its lanes are not on record: nothing above it is known to extend it.
    assert!(matches!(extend(11, &[longer], Some(&grown)).await, Err(NotExtended::LanesUnknown(10))));
    assert!(matches!(extend(5, &[signed], None).await, Err(NotExtended::NotSafe(NotSafe::Conflict { height: 5, .. }))));
    let guard = extend(4, &[], None).await.unwrap();
    let early = guard.admit(&commitment(11, 3), None).await;
    assert!(matches!(early, Err(NotSafe::NotContinued { last: 10, .. })), "it is yet to come there");
}

#[tokio::test]
async fn below_the_last_only_what_a_quorum_has_proven_is_safe() {
    let store = store();
    let guard = begun(&store);
    guard.admit(&commitment(5, 1), None).await.unwrap();
    guard.admit(&commitment(10, 1), None).await.unwrap();
    assert!(matches!(guard.admit(&commitment(7, 1), None).await, Err(NotSafe::Older { .. })));
    assert!(guard.admit_proven(&commitment(7, 1), None).await.is_ok());
    assert_eq!(guard.last(origin()).unwrap().unwrap().height, 10, "it stays the last");
    assert!(guard.admit(&commitment(11, 1), None).await.is_ok(), "which the history goes on from");
    for height in [5, 7, 10] {
        let conflict = guard.admit_proven(&commitment(height, 2), None).await;
        assert!(matches!(conflict, Err(NotSafe::Conflict { .. })), "height {height}: {conflict:?}");
    }
    let again = reopened(&store).admit_proven(&commitment(8, 1), None).await;
    assert!(matches!(again, Err(NotSafe::NotContinued { last: 11, .. })), "{again:?}");
}

#[tokio::test]
async fn nothing_under_a_floor_is_safe_whoever_has_proven_it() {
    let guard = begun(&store());
    guard.import(origin(), Signed { height: 20, digest: None }).await.unwrap();
    guard.observe(&commitment(20, 1)).await.unwrap();
    guard.admit(&commitment(30, 1), None).await.unwrap();
    for height in [15, 20] {
        let below = guard.admit_proven(&commitment(height, 1), None).await;
        assert!(matches!(below, Err(NotSafe::Older { .. })), "height {height}: {below:?}");
    }
    assert!(guard.admit_proven(&commitment(25, 1), None).await.is_ok());
}
