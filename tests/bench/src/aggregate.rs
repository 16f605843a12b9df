//! From 350 signatures, as attesters post them, to an aggregate that is verified: by us and by blst.

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use alloy::primitives::B256;
use blst::{BLST_ERROR, min_sig as other};
use metalayer_proto::{
    bls::{PublicKey, SecretKey, Signature, UncheckedSignature},
    quorum::{Aggregator, EpochTable, Member, Stake},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    cpu,
    error::BenchError,
    figures::{Figure, Figures},
};

const SECTION: &str = "350 signatures to a verified aggregate (CPU time of one thread)";
const MEMBERS: u16 = 350;
const RUNS: usize = 21;
/// Ours is `bls12_381`, written in Rust alone; blst is assembly.
const BLST: &str = "blst";
const DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// The most that an aggregate may cost, in microseconds.
const AGGREGATE_MAX: f64 = 3_000.0;

/// Members of one epoch who all signed one digest.
struct Signed {
    table: Arc<EpochTable>,
    digest: B256,
    /// By place in the table.
    signatures: Vec<[u8; Signature::LEN]>,
    keys: Vec<PublicKey>,
    their_keys: Vec<other::PublicKey>,
}

impl Signed {
    fn draw() -> Result<Self, BenchError> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let digest = B256::new(random.random());
        let mut secrets: Vec<_> = (0..MEMBERS).map(|_| SecretKey::from_seed(&random.random())).collect();
        secrets.sort_by_cached_key(|secret| secret.public_key().x_bytes());
        let keys: Vec<_> = secrets.iter().map(SecretKey::public_key).collect();
        let stake = Stake::new(1)?;
        let members = keys.iter().map(|key| Member { key: *key, stake }).collect();
        let signatures = secrets.iter().map(|secret| secret.sign(digest).to_bytes()).collect();
        let of_blst = |secret: &SecretKey| other::SecretKey::deserialize(&*secret.to_bytes()).map(|one| one.sk_to_pk());
        let their_keys = secrets.iter().map(of_blst).collect::<Result<_, _>>();
        let their_keys = their_keys.map_err(|_| BenchError::Wrong("blst refuses a key"))?;
        Ok(Self { table: Arc::new(EpochTable::new(1, members)?), digest, signatures, keys, their_keys })
    }

    /// As the aggregator does it: each point is checked for the curve, the sum for its subgroup and by the pairing.
    fn by_us(&self) -> bool {
        let parsed = self.signatures.iter().map(|bytes| UncheckedSignature::from_bytes(bytes));
        let Ok(parsed) = parsed.collect::<Result<Vec<_>, _>>() else { return false };
        let batch: BTreeMap<u16, _> = (0..).zip(parsed).collect();
        let mut aggregator = Aggregator::new(self.table.clone(), self.digest);
        aggregator.add(&batch).is_ok_and(|bad| bad.is_empty()) && aggregator.proof().is_some()
    }

    /// The same by blst, which is told the sum of all keys, as the table has it.
    fn by_blst(&self, key: &other::PublicKey) -> bool {
        let parsed = self.signatures.iter().map(|bytes| other::Signature::deserialize(bytes));
        let Ok(parsed) = parsed.collect::<Result<Vec<_>, _>>() else { return false };
        let Ok(sum) = other::AggregateSignature::aggregate(&parsed.iter().collect::<Vec<_>>(), false) else {
            return false;
        };
        let verified = sum.to_signature().verify(true, self.digest.as_slice(), DST, &[], key, false);
        verified == BLST_ERROR::BLST_SUCCESS
    }
}

/// What verifying one signature costs with blst, in microseconds: a measure of this machine.
pub(crate) fn measure(figures: &mut Figures) -> Result<f64, BenchError> {
    let signed = Signed::draw()?;
    let sum = other::AggregatePublicKey::aggregate(&signed.their_keys.iter().collect::<Vec<_>>(), false);
    let sum = sum.map_err(|_| BenchError::Wrong("blst refuses the sum of keys"))?.to_public_key();
    if !signed.by_us() || !signed.by_blst(&sum) {
        return Err(BenchError::Wrong("an aggregate that is right is refused"));
    }
    let one = Signature::from_bytes(&signed.signatures[0])?;
    let their_one =
        other::Signature::deserialize(&one.to_bytes()).map_err(|_| BenchError::Wrong("blst refuses a signature"))?;
    let [ours, theirs, single, their_single] = cpu::medians(
        RUNS,
        [
            &mut || assert!(black_box(signed.by_us())),
            &mut || assert!(black_box(signed.by_blst(&sum))),
            &mut || assert!(black_box(signed.keys[0].verify(signed.digest, &one)).is_ok()),
            &mut || {
                let verified = their_one.verify(true, signed.digest.as_slice(), DST, &[], &signed.their_keys[0], false);
                assert_eq!(black_box(verified), BLST_ERROR::BLST_SUCCESS);
            },
        ],
    );
    figures.add(Figure::new(SECTION, "350 of 350 signatures", ours, "µs").beside(BLST, theirs).at_most(AGGREGATE_MAX));
    figures.add(Figure::new(SECTION, "one signature, verified alone", single, "µs").beside(BLST, their_single));
    figures.add(Figure::new(SECTION, "350, one by one", 350.0 * single, "µs").beside("aggregate", ours));
    Ok(their_single)
}
