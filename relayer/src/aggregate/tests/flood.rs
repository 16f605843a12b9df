//! SECURITY: garbage posted in honest attesters' names, ten thousand batches in a second.

use metalayer_proto::batch::{Attestation, TransportBatch, TransportKey};

use super::*;
use crate::testing::transport;

const FORGED: u64 = 10_000;
/// Between two milliseconds of the second.
const AT_ONCE: u64 = 10;
/// How many heights honest attesters sign meanwhile.
const ROUNDS: u64 = 10;
/// Whoever floods is no attester.
const STRANGER: usize = 8;

fn sealed(sender: usize, sent_at_ms: u64, signer: &SecretKey, commitment: Commitment) -> Vec<u8> {
    let signature = signer.sign(commitment.digest()).to_bytes().into();
    let attestations = vec![Attestation { commitment, signature }];
    TransportBatch { network: NETWORK, sent_at_ms, attestations }.seal(&transport(sender)).unwrap()
}

/// A batch of the stranger's under an attester's name.
fn in_the_name_of(attester: usize, batch: &[u8]) -> Vec<u8> {
    let [own, other] = [STRANGER, attester].map(|sender| TransportKey::from(&transport(sender)).0);
    let place = batch.windows(own.len()).position(|bytes| bytes == own).unwrap();
    let mut forged = batch.to_vec();
    forged[place..place + other.len()].copy_from_slice(&other);
    forged
}

#[tokio::test]
async fn ten_thousand_forged_batches_in_a_second_hold_up_no_quorum_and_blame_nobody() {
    let mut bench = bench().await;
    let begun = bench.clock.now();
    for round in 0..ROUNDS {
        let commitment = bench.send(round..round + 1).await;
        // What would be signatures of somebody else's, if anybody believed them.
        let garbage = sealed(STRANGER, round, &bench.attesters.secrets[3], commitment);
        for number in 0..FORGED / ROUNDS {
            let forged = in_the_name_of(usize::try_from(number % 4).unwrap(), &garbage);
            assert_eq!(bench.collector.take(&forged).await.unwrap_err().reason(), "bad_signature");
            if number.is_multiple_of(AT_ONCE) {
                bench.clock.advance(Duration::from_millis(1));
            }
            if number.is_multiple_of(300) && number < 900 {
                let honest = usize::try_from(number / 300).unwrap();
                let honest = sealed(honest, round, &bench.attesters.secrets[honest], commitment);
                assert_eq!(bench.collector.take(&honest).await.unwrap().0, 1);
            }
        }
        bench.run().await;
        assert_eq!(bench.ready().await.len(), usize::try_from(round).unwrap() + 1, "each height has its quorum");
    }
    assert_eq!(bench.clock.now().since(begun), Duration::from_secs(1));

    // Of the garbage nothing is left, and nobody is thought the worse of.
    let attestations: Vec<AttestationRecord> = published(&bench.records, 1).await;
    assert_eq!(attestations.len(), 3 * usize::try_from(ROUNDS).unwrap());
    assert!(bench.stage.pending.quarantined.is_empty());
    assert!(bench.collector.attestations_of(bench.attesters.secrets[3].public_key().attester_id()).is_empty());
}
