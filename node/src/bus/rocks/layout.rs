//! How the bus lies in RocksDB: a column family a topic for its records, and five for what is known about them.
//!
//! | family | key | value |
//! | --- | --- | --- |
//! | a topic's name | partition u32, offset u64 | published at u64 (Unix ms), key length u16, key, value |
//! | `ranges` | topic, partition u32 | oldest kept u64, next u64 |
//! | `newest` | topic, partition u32, key | offset of the key's newest record u64 (compacted topics) |
//! | `tombstones` | topic, partition u32, offset u64 | published at u64, key |
//! | `leases` | group, partition u32 | lease u64 |
//! | `marks` | group, partition u32 | low-water mark u64, instance |
//!
//! Numbers are big-endian, so that keys sort as they count; names end with a zero byte.

use metalayer_proto::topics::{Group, Partition, Topic};
use rocksdb::{ColumnFamily, DB};

use crate::{
    bus::{InstanceId, LowWaterMark, Offset, Stored},
    clock::UnixMillis,
    store::StoreError,
};

pub(super) const RANGES: &str = "ranges";
pub(super) const NEWEST: &str = "newest";
pub(super) const TOMBSTONES: &str = "tombstones";
pub(super) const LEASES: &str = "leases";
pub(super) const MARKS: &str = "marks";

/// All families the database is opened with.
pub(super) fn families() -> Vec<&'static str> {
    let topics = Topic::ALL.into_iter().map(Topic::name);
    topics.chain([RANGES, NEWEST, TOMBSTONES, LEASES, MARKS]).collect()
}

/// A family that was declared when the database was opened.
pub(super) fn family<'a>(db: &'a DB, name: &'static str) -> Result<&'a ColumnFamily, StoreError> {
    db.cf_handle(name).ok_or(StoreError::UnknownTable(name))
}

/// What is kept of a partition: from `low` on, up to and without `next`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Range {
    pub(super) low: Offset,
    pub(super) next: Offset,
}

impl Range {
    pub(super) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.low.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.next.0.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let (low, next) = bytes.split_first_chunk().ok_or_else(damaged)?;
        Ok(Self { low: Offset(u64::from_be_bytes(*low)), next: Offset(number(next)?) })
    }
}

/// Within a topic's own family.
pub(super) fn record_key(partition: Partition, offset: Offset) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&partition.0.to_be_bytes());
    key[4..].copy_from_slice(&offset.0.to_be_bytes());
    key
}

/// In `ranges`, and the beginning of the keys of `newest` and `tombstones`.
pub(super) fn topic_key(topic: Topic, partition: Partition) -> Vec<u8> {
    named(topic.name(), partition)
}

/// In `leases` and `marks`.
pub(super) fn group_key(group: Group, partition: Partition) -> Vec<u8> {
    named(group.name(), partition)
}

fn named(name: &str, partition: Partition) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.push(0);
    key.extend_from_slice(&partition.0.to_be_bytes());
    key
}

pub(super) fn newest_key(topic: Topic, partition: Partition, key: &[u8]) -> Vec<u8> {
    [topic_key(topic, partition), key.to_vec()].concat()
}

pub(super) fn tombstone_key(topic: Topic, partition: Partition, offset: Offset) -> Vec<u8> {
    [topic_key(topic, partition), offset.0.to_be_bytes().to_vec()].concat()
}

/// A record as it lies on the disk. The key's length was checked against its bound, so that it fits.
pub(super) fn encode_record(published: UnixMillis, key: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let key_length = u16::try_from(key.len()).map_err(|_| damaged())?;
    Ok([&published.0.to_be_bytes()[..], &key_length.to_be_bytes(), key, value].concat())
}

pub(super) fn decode_record(offset: Offset, bytes: &[u8]) -> Result<(UnixMillis, Stored), StoreError> {
    let (published, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
    let (key_length, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
    let key_length = usize::from(u16::from_be_bytes(*key_length));
    let (key, value) = rest.split_at_checked(key_length).ok_or_else(damaged)?;
    let stored = Stored { offset, key: key.to_vec(), value: value.to_vec() };
    Ok((UnixMillis(u64::from_be_bytes(*published)), stored))
}

/// The offset in a key made by [`record_key`] or [`tombstone_key`].
pub(super) fn offset_in(key: &[u8]) -> Result<Offset, StoreError> {
    key.last_chunk().map(|bytes| Offset(u64::from_be_bytes(*bytes))).ok_or_else(damaged)
}

pub(super) fn encode_tombstone(published: UnixMillis, key: &[u8]) -> Vec<u8> {
    [&published.0.to_be_bytes()[..], key].concat()
}

pub(super) fn decode_tombstone(bytes: &[u8]) -> Result<(UnixMillis, &[u8]), StoreError> {
    let (published, key) = bytes.split_first_chunk().ok_or_else(damaged)?;
    Ok((UnixMillis(u64::from_be_bytes(*published)), key))
}

pub(super) fn encode_mark(mark: &LowWaterMark) -> Vec<u8> {
    [&mark.offset.0.to_be_bytes()[..], mark.instance.0.as_bytes()].concat()
}

pub(super) fn decode_mark(bytes: &[u8]) -> Result<LowWaterMark, StoreError> {
    let (offset, instance) = bytes.split_first_chunk().ok_or_else(damaged)?;
    let instance = String::from_utf8(instance.to_vec()).map_err(|_| damaged())?;
    Ok(LowWaterMark { offset: Offset(u64::from_be_bytes(*offset)), instance: InstanceId(instance) })
}

/// A value that is one number.
pub(super) fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| damaged())
}

fn damaged() -> StoreError {
    StoreError::Corrupt("the bus holds a value that it never wrote".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_read_back(published: u64, key in prop::collection::vec(any::<u8>(), 0..64), value: Vec<u8>) {
            let bytes = encode_record(UnixMillis(published), &key, &value).unwrap();
            let stored = Stored { offset: Offset(3), key, value };
            prop_assert_eq!(decode_record(Offset(3), &bytes).unwrap(), (UnixMillis(published), stored));
        }

        #[test]
        fn nothing_makes_the_decoders_panic(bytes: Vec<u8>) {
            let _ = (decode_record(Offset(0), &bytes), decode_tombstone(&bytes), decode_mark(&bytes));
            let _ = (offset_in(&bytes), number(&bytes), Range::from_bytes(&bytes));
        }

        #[test]
        fn keys_sort_as_they_count(a: (u32, u64), b: (u32, u64)) {
            let key = |(partition, offset)| record_key(Partition(partition), Offset(offset));
            prop_assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
        }
    }
}
