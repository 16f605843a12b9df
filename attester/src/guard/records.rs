//! What the guard has on disk, and how it is laid out.
//!
//! | key | value |
//! | --- | --- |
//! | `k` | the attester id that the records belong to |
//! | `s ‖ GatewayId ‖ !height` | the digest that was signed there; empty: a floor, at or below which nothing more is signed |
//! | `h ‖ GatewayId` | the greatest height known to be signed by this key, of which there is no record |
//!
//! Heights are inverted, so that an origin's newest stands first.

use std::sync::Arc;

use alloy::primitives::B256;
use metalayer_node::store::{Change, Store, StoreError, Table};
use metalayer_proto::{bls::AttesterId, ids::GatewayId};

/// Where the guard's records are.
pub const TABLE: Table = Table("guard");

const KEY: &[u8] = b"k";
const SIGNED: u8 = b's';
const HEARD: u8 = b'h';

/// What was signed last of an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signed {
    /// Its height.
    pub height: u64,
    /// Its digest; `None` for a floor, of which only the height is known.
    pub digest: Option<B256>,
}

/// The records of one key.
pub(super) struct Records(pub(super) Arc<dyn Store>);

impl Records {
    /// Whose they are; `None` before they were begun.
    pub(super) fn owner(&self) -> Result<Option<B256>, StoreError> {
        Ok(self.0.get(TABLE, KEY)?.and_then(|value| B256::try_from(value.as_slice()).ok()))
    }

    pub(super) fn begin(&self, owner: AttesterId) -> Result<(), StoreError> {
        self.0.write(vec![Change::Put(TABLE, KEY.to_vec(), owner.0.to_vec())])
    }

    pub(super) fn last(&self, origin: GatewayId) -> Result<Option<Signed>, StoreError> {
        let newest = self.0.scan(TABLE, &signed_prefix(origin), &[], 1)?;
        Ok(newest.first().and_then(|(key, value)| decode(key, value)))
    }

    pub(super) fn at(&self, origin: GatewayId, height: u64) -> Result<Option<Signed>, StoreError> {
        let key = signed_key(origin, height);
        Ok(self.0.get(TABLE, &key)?.and_then(|value| decode(&key, &value)))
    }

    pub(super) fn sign(&self, origin: GatewayId, signed: Signed) -> Result<(), StoreError> {
        self.0.write(vec![put_signed(origin, signed)])
    }

    /// The greatest height this key is known to have signed without a record.
    pub(super) fn heard(&self, origin: GatewayId) -> Result<Option<u64>, StoreError> {
        let value = self.0.get(TABLE, &heard_key(origin))?;
        Ok(value.and_then(|value| Some(u64::from_be_bytes(value.try_into().ok()?))))
    }

    pub(super) fn hear(&self, origin: GatewayId, height: u64) -> Result<(), StoreError> {
        self.0.write(vec![Change::Put(TABLE, heard_key(origin), height.to_be_bytes().to_vec())])
    }

    /// A new last record, which also answers whatever was heard.
    pub(super) fn import(&self, origin: GatewayId, signed: Signed) -> Result<(), StoreError> {
        self.0.write(vec![put_signed(origin, signed), Change::Delete(TABLE, heard_key(origin))])
    }
}

fn put_signed(origin: GatewayId, signed: Signed) -> Change {
    let digest = signed.digest.map_or_else(Vec::new, |digest| digest.to_vec());
    Change::Put(TABLE, signed_key(origin, signed.height), digest)
}

fn signed_prefix(origin: GatewayId) -> Vec<u8> {
    [&[SIGNED][..], &origin.to_bytes()].concat()
}

fn signed_key(origin: GatewayId, height: u64) -> Vec<u8> {
    [&signed_prefix(origin)[..], &(!height).to_be_bytes()].concat()
}

fn heard_key(origin: GatewayId) -> Vec<u8> {
    [&[HEARD][..], &origin.to_bytes()].concat()
}

fn decode(key: &[u8], value: &[u8]) -> Option<Signed> {
    let inverted = key.get(1 + GatewayId::LEN..)?.try_into().ok()?;
    let digest = if value.is_empty() { None } else { Some(B256::try_from(value).ok()?) };
    Some(Signed { height: !u64::from_be_bytes(inverted), digest })
}
