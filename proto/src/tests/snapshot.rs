//! A snapshot's bytes: one way to write each, and nothing else is read.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::{facts::fact, lane::frontier, strategies};
use crate::{
    derivation::{Snapshot, SnapshotBytesError},
    facts::FactsMap,
    ids::GatewayId,
    lane::Frontier,
};

fn lanes() -> impl Strategy<Value = BTreeMap<GatewayId, Frontier>> {
    let lane = vec(strategies::b256(), 1..20).prop_map(|leaves| frontier(&leaves));
    proptest::collection::btree_map(strategies::gateway(), lane, 0..6)
}

pub(super) fn snapshot() -> impl Strategy<Value = Snapshot> {
    (lanes(), vec(fact(), 0..12)).prop_map(|(lanes, facts)| {
        let mut map = FactsMap::default();
        facts.into_iter().for_each(|fact| map.insert(fact));
        Snapshot { lanes, facts: map.snapshot() }
    })
}

proptest! {
    #[test]
    fn a_snapshot_reads_back_whole_and_never_cut_or_longer(snapshot in snapshot(), cut in any::<u16>(), extra in any::<u8>()) {
        let mut bytes = snapshot.to_bytes();
        prop_assert_eq!(Snapshot::from_bytes(&bytes), Ok(snapshot));
        let cut = usize::from(cut) % bytes.len();
        prop_assert!(Snapshot::from_bytes(&bytes[..cut]).is_err());
        bytes.push(extra);
        prop_assert!(matches!(Snapshot::from_bytes(&bytes), Err(SnapshotBytesError::Length(_))));
    }

    #[test]
    fn whatever_is_read_is_written_in_one_way(snapshot in snapshot(), at in any::<u16>(), bit in 0..8_u32) {
        let mut bytes = snapshot.to_bytes();
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(read) = Snapshot::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

#[test]
fn lanes_out_of_order_and_what_nobody_defined_are_refused() {
    let lanes = [902, 903].map(|chain| (super::golden::samples::gateway(chain), frontier(&super::lane::leaves(1))));
    let snapshot = Snapshot { lanes: lanes.into(), facts: Vec::new() };
    let bytes = snapshot.to_bytes();
    // Tag, version and number of lanes; then two lanes of one hash each; then no facts.
    let (head, lanes) = (&bytes[..37], &bytes[37..bytes.len() - 4]);
    let (one, two) = lanes.split_at(lanes.len() / 2);
    let read = |order: [&[u8]; 2]| Snapshot::from_bytes(&[head, order[0], order[1], &[0; 4]].concat());
    assert_eq!(read([one, two]), Ok(snapshot));
    assert!(matches!(read([two, one]), Err(SnapshotBytesError::Order(_))));
    assert!(matches!(read([one, one]), Err(SnapshotBytesError::Order(_))));
    let mut other = bytes.clone();
    other[32] = 2;
    assert_eq!(Snapshot::from_bytes(&other), Err(SnapshotBytesError::Version(2)));
    other[0] ^= 1;
    assert_eq!(Snapshot::from_bytes(&other), Err(SnapshotBytesError::Tag));
    let no_lanes_one_fact = [&head[..33], &[0; 4], &[0, 0, 0, 1], &[0, 0, 0, 1], b"x", &[0; 8]].concat();
    assert!(matches!(Snapshot::from_bytes(&no_lanes_one_fact), Err(SnapshotBytesError::Namespace(_))));
    let long = vec![0; Snapshot::BYTES_MAX + 1];
    assert_eq!(Snapshot::from_bytes(&long), Err(SnapshotBytesError::TooLong(long.len())));
}
