#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use alloy::primitives::FixedBytes;
use metalayer_node::epochs::{Epoch, EpochBook};
use metalayer_proto::{bls::SecretKey, commitment::Commitment, ids::NetworkId};

use super::*;
use crate::testing::{
    Attesters, Lane, NETWORK, archive, clock, gateway, message, metrics, published, records, transport,
};

struct Door {
    attesters: Attesters,
    records: Records,
    collector: Collector,
}

fn door() -> Door {
    door_over(archive())
}

/// A process that begins with what the archive has kept.
fn door_over(archive: Arc<Archive>) -> Door {
    let (attesters, clock) = (Attesters::new(), clock());
    let records = records(clock.clone());
    let origins = BTreeMap::from([(gateway(901), Partition(1))]);
    let collector = Collector::open(attesters.book(), origins, records.clone(), archive, clock, metrics()).unwrap();
    Door { attesters, records, collector }
}

pub(super) fn commitment() -> Commitment {
    let mut lane = Lane::default();
    lane.block(vec![message(0, 0)]);
    lane.commitment()
}

pub(super) fn attestation(secret: &SecretKey, commitment: Commitment) -> Attestation {
    Attestation { commitment, signature: FixedBytes::new(secret.sign(commitment.digest()).to_bytes()) }
}

pub(super) fn sealed(network: NetworkId, sender: usize, attestations: Vec<Attestation>) -> Vec<u8> {
    TransportBatch { network, sent_at_ms: 0, attestations }.seal(&transport(sender)).unwrap()
}

async fn records_of(door: &Door) -> Vec<AttestationRecord> {
    published(&door.records, 1).await
}

#[tokio::test]
async fn a_members_attestations_go_onto_the_bus_under_its_own_name() {
    let door = door();
    let attestation = attestation(&door.attesters.secrets[2], commitment());
    let (taken, proofs) = door.collector.take(&sealed(NETWORK, 2, vec![attestation])).await.unwrap();
    assert_eq!((taken, proofs.len()), (1, 0));
    let records = records_of(&door).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].attester, door.attesters.secrets[2].public_key().attester_id());
    let status = &door.collector.origins()[0];
    assert_eq!((status.commitments_signed, status.attested_height), (1, Some(1)));
}

#[tokio::test]
async fn garbage_posted_in_honest_attesters_names_is_dropped_and_nobody_is_blamed() {
    let door = door();
    let honest = sealed(NETWORK, 0, vec![attestation(&door.attesters.secrets[0], commitment())]);
    // Every attester named in turn: right key, wrong signature.
    for sender in 0..4 {
        let mut forged = sealed(NETWORK, sender, vec![attestation(&door.attesters.secrets[0], commitment())]);
        let last = forged.len() - 1;
        forged[last] ^= 1;
        let error = door.collector.take(&forged).await.unwrap_err();
        assert_eq!(error.reason(), "bad_signature");
    }
    assert!(records_of(&door).await.is_empty());
    assert_eq!(door.collector.take(&honest).await.unwrap().0, 1, "the honest one is heard all the same");
}

#[tokio::test]
async fn strangers_other_networks_and_cut_batches_are_refused() {
    let door = door();
    let one = || vec![attestation(&door.attesters.secrets[0], commitment())];
    let stranger = door.collector.take(&sealed(NETWORK, 8, one())).await.unwrap_err();
    assert_eq!(stranger.reason(), "unknown_key");
    let foreign = NetworkId(alloy::primitives::B256::repeat_byte(8));
    let mut elsewhere = commitment();
    elsewhere.network = foreign;
    let elsewhere = sealed(foreign, 0, vec![attestation(&door.attesters.secrets[0], elsewhere)]);
    assert_eq!(door.collector.take(&elsewhere).await.unwrap_err().reason(), "other_network");
    let whole = sealed(NETWORK, 0, one());
    for length in [0, 1, 50, whole.len() - 1] {
        assert_eq!(door.collector.take(&whole[..length]).await.unwrap_err().reason(), "malformed", "{length} bytes");
    }
    assert!(records_of(&door).await.is_empty());
}

#[tokio::test]
async fn an_unknown_origin_and_a_signature_that_is_no_point_are_left_out() {
    let door = door();
    let secret = &door.attesters.secrets[0];
    let mut unknown = commitment();
    unknown.origin = gateway(950);
    let mut no_point = attestation(secret, commitment());
    no_point.signature = FixedBytes::repeat_byte(0x11);
    let batch = vec![attestation(secret, unknown), no_point, attestation(secret, commitment())];
    assert_eq!(door.collector.take(&sealed(NETWORK, 0, batch)).await.unwrap().0, 1);
    assert_eq!(records_of(&door).await.len(), 1);
}

#[tokio::test]
async fn an_attesters_newest_attestation_of_each_origin_is_kept() {
    let door = door();
    let secret = &door.attesters.secrets[2];
    let at = |height| {
        let mut commitment = commitment();
        commitment.block_number = height;
        attestation(secret, commitment)
    };
    door.collector.take(&sealed(NETWORK, 2, vec![at(7), at(5)])).await.unwrap();
    assert_eq!(door.collector.attestations_of(secret.public_key().attester_id()), [at(7)]);
    let other = door.attesters.secrets[1].public_key().attester_id();
    assert_eq!(door.collector.attestations_of(other), []);
}

/// SECURITY: the guard's records restored from an old backup, and a collector that was just restarted.
#[tokio::test]
async fn what_an_attester_has_signed_is_answered_right_after_a_restart() {
    let archive = archive();
    let before = door_over(archive.clone());
    let secret = &before.attesters.secrets[2];
    let at = |height| {
        let mut commitment = commitment();
        commitment.block_number = height;
        attestation(secret, commitment)
    };
    for batch in [vec![at(5), at(7)], vec![at(6)]] {
        before.collector.take(&sealed(NETWORK, 2, batch)).await.unwrap();
    }
    let after = door_over(archive);
    assert_eq!(after.collector.attestations_of(secret.public_key().attester_id()), [at(7)]);
}

#[tokio::test]
async fn the_newest_proof_of_an_origin_is_answered_and_never_an_older_one() {
    let door = door();
    let proven = |height| {
        let mut commitment = commitment();
        commitment.block_number = height;
        door.attesters.prove(commitment, 3)
    };
    door.collector.proven(proven(7));
    door.collector.proven(proven(5));
    let batch = sealed(NETWORK, 0, vec![attestation(&door.attesters.secrets[0], commitment())]);
    let (_, proofs) = door.collector.take(&batch).await.unwrap();
    assert_eq!(proofs, [proven(7)]);
    assert_eq!(door.collector.newest_proof(ChainId::new(901).unwrap(), None), Some(proven(7)));
    assert_eq!(door.collector.newest_proof(ChainId::new(902).unwrap(), None), None);
}

#[tokio::test]
async fn each_epoch_has_its_own_newest_proof_until_it_expires() {
    let (first, second) = (Attesters::new(), Attesters::of_epoch(2, [2, 3, 4, 5]));
    let clock = clock();
    let epochs = Arc::new(EpochBook::new(NETWORK, [Epoch { expires_at: 10, ..first.epoch() }, second.epoch()]));
    let origins = BTreeMap::from([(gateway(901), Partition(1))]);
    let collector =
        Collector::open(epochs, origins, records(clock.clone()), archive(), clock.clone(), metrics()).unwrap();
    let chain = ChainId::new(901).unwrap();
    let at = |height| Commitment { block_number: height, ..commitment() };
    let (old, new) = (first.prove(at(7), 3), second.prove(at(5), 3));
    collector.proven(old.clone());
    collector.proven(new.clone());
    assert_eq!(collector.newest_proof(chain, None), Some(old.clone()));
    assert_eq!(collector.newest_proof(chain, Some(1)), Some(old.clone()));
    assert_eq!(collector.newest_proof(chain, Some(2)), Some(new.clone()));
    let batch = sealed(NETWORK, 0, vec![attestation(&first.secrets[0], commitment())]);
    assert_eq!(collector.take(&batch).await.unwrap().1, [old, new.clone()]);

    clock.advance(Duration::from_secs(10));
    collector.proven(new.clone());
    assert_eq!(collector.newest_proof(chain, None), Some(new));
    assert_eq!(collector.newest_proof(chain, Some(1)), None);
}
