//! Proofs that somebody sent.

use std::{sync::Arc, time::Duration};

use metalayer_node::{clock::UnixMillis, signer::AttesterSigner};

use super::bench::{commitment, gateway, network, prove, signer};
use crate::proven::Proven;

const NOW: UnixMillis = UnixMillis(1_000);

fn proven() -> Proven {
    Proven::new(Arc::new(network().epoch_book()), signer(1).public_key().attester_id())
}

#[test]
fn only_a_proof_that_holds_counts() {
    let proven = proven();
    let mut bad = prove(commitment(901, 7));
    bad.commitment.block_number = 8;
    assert!(proven.take(&bad, NOW).is_err());
    let good = prove(commitment(901, 7));
    assert!(proven.take(&good, UnixMillis(4_000_000_000_000)).is_err(), "its epoch has expired");
    assert_eq!(proven.newest(gateway(901)), None);
    assert_eq!(proven.take(&good, NOW).unwrap(), good.commitment);
    assert!(proven.covers(gateway(901), good.commitment.lanes_root, NOW));
    assert!(!proven.covers(gateway(900), good.commitment.lanes_root, NOW));
}

#[test]
fn an_older_proof_never_replaces_a_newer() {
    let proven = proven();
    let (old, new) = (prove(commitment(901, 7)), prove(commitment(901, 9)));
    proven.take(&new, NOW).unwrap();
    assert_eq!(proven.take(&old, NOW).unwrap(), new.commitment);
    assert_eq!(proven.newest(gateway(901)), Some(new.commitment));
}

#[test]
fn a_height_is_long_covered_after_an_hour() {
    let proven = proven();
    proven.take(&prove(commitment(901, 256)), NOW).unwrap();
    let hour = NOW.after(Duration::from_secs(3_600));
    assert!(!proven.long_covers(gateway(901), 256, hour));
    let later = hour.after(Duration::from_millis(1));
    assert!(proven.long_covers(gateway(901), 256, later));
    assert!(!proven.long_covers(gateway(901), 257, later));
    assert!(!proven.long_covers(gateway(900), 256, later));
}
