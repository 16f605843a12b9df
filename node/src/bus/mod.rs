//! The bus: durable, partitioned logs of records, between the stages of a relayer.
//!
//! A partition is a chain's, passed explicitly, never hashed. The lane is the unit of order, the chain the unit of
//! ownership: a group consumes exactly one topic, and whoever owns a partition there is the only one who may append
//! records that must not come from two hands ([`Bus::append_owned`]).
//!
//! **The bus is untrusted** (I7): whatever is read from it is checked by its reader.

mod changes;
mod checks;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod feed;
pub mod memory;
pub mod rocks;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use metalayer_proto::topics::{Group, Partition, Topic};

use crate::store::StoreError;

/// A record's position in its partition, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Offset(pub u64);

/// What is published: an envelope's bytes under an optional key, by which compacted topics keep the newest only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Topic it goes to.
    pub topic: Topic,
    /// Partition, the chain's number.
    pub partition: Partition,
    /// Key; needed on compacted topics, where an empty `value` deletes what the key had (a tombstone).
    pub key: Vec<u8>,
    /// The envelope's bytes, at most [`RECORD_BYTES_MAX`].
    pub value: Vec<u8>,
}

/// A record as it is read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Where it stands.
    pub offset: Offset,
    /// The key it was published under.
    pub key: Vec<u8>,
    /// The envelope's bytes.
    pub value: Vec<u8>,
}

/// The longest record that is taken, in bytes: a block of 128 messages of 32 KiB and their proofs fit.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest key that is taken, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// The most bytes of records that one answer holds, unless its first record alone is longer.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Who wrote a low-water mark: the instance that may trust its own local state (DESIGN's bus contract).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct InstanceId(pub String);

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a group needs no more: every record below `offset`, and who said so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LowWaterMark {
    /// The first record that is still needed.
    pub offset: Offset,
    /// The instance that committed it.
    pub instance: InstanceId,
}

/// The right to act for a partition, until it is revoked. Carries the lease by which the bus refuses a former owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ownership {
    /// The group whose member owns it.
    pub group: Group,
    /// The topic the group consumes.
    pub topic: Topic,
    /// What is owned.
    pub partition: Partition,
    /// Grows with every assignment of this partition.
    pub lease: u64,
}

/// What a member of a group is told.
#[derive(Debug)]
pub enum GroupEvent {
    /// The partition is this member's from now on; records follow from the low-water mark (from the oldest record if
    /// there is none).
    Assigned(Ownership, Option<LowWaterMark>),
    /// Records of an owned partition, in order, at least one.
    Records(Partition, Vec<Stored>),
    /// The partition is to be given up: finish what is in flight, then drop or complete the guard. Whatever is
    /// appended after that under the old ownership is refused.
    Revoked(Partition, Drained),
    /// Nothing happened within the wait that the caller allowed.
    Idle,
}

/// Held by a member that is losing a partition until it has drained it; the bus hands the partition on when this is
/// dropped, or when the session's deadline passes.
#[derive(Debug)]
pub struct Drained(pub(crate) Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Drained {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            // The bus may have stopped waiting; the lease protects what follows.
            let _ = done.send(());
        }
    }
}

/// Why the bus did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The offset is no longer (or not yet) kept: backfill from the chain; never skip.
    #[error(
        "{topic} {partition}: offset {wanted} is outside of what is kept, {low} to {next}; backfill from the chain"
    )]
    OutOfRange {
        /// Topic that was read.
        topic: Topic,
        /// Partition that was read.
        partition: Partition,
        /// Offset asked for.
        wanted: Offset,
        /// Oldest that is kept.
        low: Offset,
        /// One past the newest.
        next: Offset,
    },
    /// The partition belongs to somebody else by now; what was to be appended was not.
    #[error("{topic} {partition}: lease {lease} is no longer the owner's; nothing was appended")]
    NotOwner {
        /// Topic of the ownership.
        topic: Topic,
        /// Partition of the ownership.
        partition: Partition,
        /// The lease that was shown.
        lease: u64,
    },
    /// The record is longer than [`RECORD_BYTES_MAX`], or lacks the key that its topic needs.
    #[error("record refused: {0}")]
    BadRecord(&'static str),
    /// No chain has this number on this bus.
    #[error("{topic} has no partition {partition}: no chain was registered with that number")]
    NoPartition {
        /// Topic that was named.
        topic: Topic,
        /// Partition that it lacks.
        partition: Partition,
    },
    /// The group has its one member, and this bus serves no more.
    #[error("group {0} has a member already, and the embedded bus serves one")]
    Occupied(Group),
    /// The embedded bus's own directory: locked, another network's, full, damaged.
    #[error("bus: {0}")]
    Disk(#[from] StoreError),
    /// The broker cannot be reached, or the bus is being closed.
    #[error("bus: {0}")]
    Unavailable(String),
}

impl BusError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Durable, partitioned logs.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Appends a record; resolves when it is durable.
    async fn publish(&self, record: Record) -> Result<Offset, BusError>;

    /// Appends a record that only the owner of a partition may write, refused to one who has lost it.
    ///
    /// `record.partition` must be the owned one; the topic may be another (the journal of what the group consumes).
    async fn append_owned(&self, ownership: &Ownership, record: Record) -> Result<Offset, BusError>;

    /// Reads outside any group: up to `limit` records from `from` on, waiting up to `wait` for the first.
    ///
    /// An empty answer means that nothing came in time. `from` below what is kept, or beyond what was ever written, is
    /// [`BusError::OutOfRange`]. On a compacted topic offsets have gaps, which are passed over.
    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError>;

    /// The oldest offset that is kept, and one past the newest.
    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError>;

    /// Joins a group on its one topic.
    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn Member>, BusError>;
}

/// A member of a group. Dropping it leaves the group.
#[async_trait]
pub trait Member: Send {
    /// What happens next, or [`GroupEvent::Idle`] when nothing does within `wait`.
    ///
    /// # Errors
    /// [`BusError::OutOfRange`], once, when a partition's low-water mark or the record that was to follow is no longer
    /// kept, so that the owner can backfill from the chain; what is kept then follows from its oldest.
    async fn next(&mut self, wait: Duration) -> Result<GroupEvent, BusError>;

    /// Says that the group needs nothing below `low` any more; durable when it resolves.
    async fn commit(&mut self, ownership: &Ownership, low: Offset) -> Result<(), BusError>;
}
