//! What the guard has on disk, and how it is laid out.
//!
//! | key | value |
//! | --- | --- |
//! | `k` | the attester id that the records belong to |
//! | `s ‖ GatewayId ‖ !height` | the digest that was signed there; empty: a floor, at or below which nothing more is signed |
//! | `l ‖ GatewayId` | `u64 height ‖ lanes × (GatewayId ‖ u64 count ‖ root)`: the lanes of what was signed last, if it was at that height |
//! | `h ‖ GatewayId` | the greatest height known to be signed by this key, of which there is no record |
//!
//! Heights are inverted, so that an origin's newest stands first.

use std::sync::Arc;

use alloy::primitives::B256;
use metalayer_node::store::{Change, Store, StoreError, Table};
use metalayer_proto::{
    bls::AttesterId,
    ids::{ChainId, GatewayId},
    lanes::LaneState,
};

/// Where the guard's records are.
pub const TABLE: Table = Table("guard");

const KEY: &[u8] = b"k";
const SIGNED: u8 = b's';
const LANES: u8 = b'l';
const HEARD: u8 = b'h';

/// How many records above a height are looked through for a floor.
const RECORDS_ABOVE_MAX: usize = 4_096;

/// A lane's destination, count and root.
const LANE_LEN: usize = GatewayId::LEN + 8 + 32;

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

    /// Whether something at `height` or above stands under a floor, or may: more records than are looked through lie above it.
    pub(super) fn floor_from(&self, origin: GatewayId, height: u64) -> Result<bool, StoreError> {
        let newest = self.0.scan(TABLE, &signed_prefix(origin), &[], RECORDS_ABOVE_MAX)?;
        let above = newest.iter().filter_map(|(key, value)| decode(key, value)).take_while(|one| one.height >= height);
        let above: Vec<_> = above.collect();
        Ok(above.len() == RECORDS_ABOVE_MAX || above.iter().any(|one| one.digest.is_none()))
    }

    pub(super) fn sign(
        &self,
        origin: GatewayId,
        signed: Signed,
        lanes: Option<&[LaneState]>,
    ) -> Result<(), StoreError> {
        let mut changes = vec![put_signed(origin, signed)];
        let lanes = lanes.map(|lanes| Change::Put(TABLE, lanes_key(origin), encode_lanes(signed.height, lanes)));
        changes.extend(lanes);
        self.0.write(changes)
    }

    /// The lanes of what was signed at `height`, if that was the last that was signed with its lanes on record.
    pub(super) fn lanes(&self, origin: GatewayId, height: u64) -> Result<Option<Vec<LaneState>>, StoreError> {
        let value = self.0.get(TABLE, &lanes_key(origin))?;
        let lanes = value.and_then(|value| decode_lanes(&value));
        Ok(lanes.filter(|(at, _)| *at == height).map(|(_, lanes)| lanes))
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

fn lanes_key(origin: GatewayId) -> Vec<u8> {
    [&[LANES][..], &origin.to_bytes()].concat()
}

fn encode_lanes(height: u64, lanes: &[LaneState]) -> Vec<u8> {
    let mut bytes = height.to_be_bytes().to_vec();
    for lane in lanes {
        bytes.extend_from_slice(&lane.destination.to_bytes());
        bytes.extend_from_slice(&lane.count.to_be_bytes());
        bytes.extend_from_slice(lane.root.as_slice());
    }
    bytes
}

fn decode_lanes(bytes: &[u8]) -> Option<(u64, Vec<LaneState>)> {
    let (height, lanes) = bytes.split_first_chunk()?;
    let lanes = lanes.chunks(LANE_LEN).map(decode_lane).collect::<Option<_>>()?;
    Some((u64::from_be_bytes(*height), lanes))
}

fn decode_lane(bytes: &[u8]) -> Option<LaneState> {
    let (chain, rest) = bytes.split_first_chunk()?;
    let (gateway, rest) = rest.split_first_chunk::<20>()?;
    let (count, root) = rest.split_first_chunk()?;
    let destination = GatewayId { chain: ChainId::new(u64::from_be_bytes(*chain)).ok()?, gateway: gateway.into() };
    Some(LaneState { destination, count: u64::from_be_bytes(*count), root: B256::try_from(root).ok()? })
}

fn heard_key(origin: GatewayId) -> Vec<u8> {
    [&[HEARD][..], &origin.to_bytes()].concat()
}

fn decode(key: &[u8], value: &[u8]) -> Option<Signed> {
    let inverted = key.get(1 + GatewayId::LEN..)?.try_into().ok()?;
    let digest = if value.is_empty() { None } else { Some(B256::try_from(value).ok()?) };
    Some(Signed { height: !u64::from_be_bytes(inverted), digest })
}
