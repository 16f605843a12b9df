//! Keys that sign each digest once in the life of this program: time goes into schedules.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use alloy::primitives::B256;
use metalayer_node::signer::{AttesterSigner, LocalSigner};
use metalayer_proto::{
    batch::{SealError, TransportBatch, TransportKey},
    bls::{AttesterId, PublicKey, Signature},
};

/// How many signatures are remembered before all are forgotten.
const KEPT: usize = 100_000;

/// Keys whose signatures are remembered by (key, digest): the same digest always has the same signature.
pub(super) struct Memoised(LocalSigner);

impl Memoised {
    pub(super) fn new(signer: LocalSigner) -> Self {
        Self(signer)
    }
}

impl AttesterSigner for Memoised {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn transport_key(&self) -> TransportKey {
        self.0.transport_key()
    }

    fn sign(&self, digest: B256) -> Signature {
        static SIGNED: OnceLock<Mutex<HashMap<(AttesterId, B256), Signature>>> = OnceLock::new();
        let key = (self.public_key().attester_id(), digest);
        let mut signed = SIGNED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if signed.len() > KEPT {
            signed.clear();
        }
        *signed.entry(key).or_insert_with(|| self.0.sign(digest))
    }

    fn seal(&self, batch: &TransportBatch) -> Result<Vec<u8>, SealError> {
        self.0.seal(batch)
    }
}
