//! The index: what became of each message, by its id. It answers after a restart and after the bus has forgotten.
//!
//! A cache like everything a relayer keeps: deleted, it is built again from what the bus still has.

mod entry;
mod lanes;
mod stage;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::B256;
use metalayer_node::{
    bus::Offset,
    store::{Change, Store, StoreError, Table},
};
use metalayer_proto::{
    ids::{GatewayId, LaneId, MessageId},
    item::Item,
    message::Message,
    served::LeafContent,
    topics::{Partition, Topic},
};

pub use entry::{MessageEntry, OutcomeEntry, SentAt, SentEntry};
pub use lanes::{PathError, Snapshot};
pub use stage::{IndexError, IndexStage, Parts};

use crate::archive::{Archive, ArchiveError, BegunLane};

/// Key: the message's id. Value: a [`MessageEntry`] as JSON.
const MESSAGES: Table = Table("messages");
/// Key: the message's id. Value: its canonical bytes, until it is delivered.
const BODIES: Table = Table("bodies");
/// Key: origin and destination. Value: count and root of the newest snapshot.
const SNAPSHOTS: Table = Table("snapshots");
/// Key: topic and partition. Value: the next offset to read, 8 bytes.
const OFFSETS: Table = Table("offsets");
/// The tables of the index's store.
pub const TABLES: [Table; 6] =
    [MESSAGES, BODIES, SNAPSHOTS, OFFSETS, metalayer_node::lanes::TABLES[0], metalayer_node::lanes::TABLES[1]];

/// What is known of messages.
#[derive(Clone)]
pub struct Index(Arc<dyn Store>);

impl Index {
    /// The index in `store`, which has [`TABLES`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// What is known of a message.
    pub fn find(&self, id: MessageId) -> Result<Option<MessageEntry>, StoreError> {
        let value = self.0.get(MESSAGES, id.0.as_slice())?;
        value
            .map(|value| serde_json::from_slice(&value).map_err(|error| StoreError::Corrupt(error.to_string())))
            .transpose()
    }

    /// A message whole, if it was seen leaving and is not known to be delivered.
    pub fn body(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        let value = self.0.get(BODIES, id.0.as_slice())?;
        value.map(|value| Message::decode(&value).map_err(|error| StoreError::Corrupt(error.to_string()))).transpose()
    }

    /// Takes over what was open where an origin was begun, once.
    pub fn begin(&self, archive: &Archive, origin: GatewayId) -> Result<(), ArchiveError> {
        let Some((_, lanes)) = archive.begun_lanes(origin)? else { return Ok(()) };
        let mut below: BTreeMap<LaneId, Vec<_>> = BTreeMap::new();
        let mut changes = Vec::new();
        archive.each_open(origin, |leaf, count, content| {
            let (LeafContent::Message(bytes) | LeafContent::Void(bytes)) = &content;
            let message = Message::decode(bytes).map_err(|error| ArchiveError::Damaged(error.to_string()))?;
            let id = message.id();
            if let Some(path) = archive.path(leaf, count)? {
                below.entry(leaf.lane).or_default().push((leaf.sequence, id.leaf(), path));
            }
            if self.find(id)?.is_none() {
                let entry = MessageEntry::was_open(&message, matches!(content, LeafContent::Void(_)));
                let value = serde_json::to_vec(&entry).map_err(|error| StoreError::Disk(error.to_string()))?;
                changes.push(Change::Put(MESSAGES, id.0.to_vec(), value));
                changes.push(Change::Put(BODIES, id.0.to_vec(), bytes.clone()));
            }
            Ok(())
        })?;
        self.0.write(changes)?;
        for BegunLane { state, before, items } in lanes {
            let lane = LaneId { origin, destination: state.destination };
            let ids: Vec<_> = items.iter().map(id_leaf).collect();
            self.begin_ids(lane, &before, below.get(&lane).map_or(&[], Vec::as_slice), &ids)?;
        }
        Ok(())
    }

    fn next_offset(&self, topic: Topic, partition: Partition) -> Result<Offset, StoreError> {
        let value = self.0.get(OFFSETS, &offset_key(topic, partition))?;
        let bytes = value.and_then(|value| value.try_into().ok()).unwrap_or_default();
        Ok(Offset(u64::from_be_bytes(bytes)))
    }

    /// Entries, what else was found, and how far was read, together or not at all.
    fn save(
        &self,
        entries: impl IntoIterator<Item = MessageEntry>,
        mut changes: Vec<Change>,
        (topic, partition, next): (Topic, Partition, Offset),
    ) -> Result<(), StoreError> {
        changes.push(Change::Put(OFFSETS, offset_key(topic, partition), next.0.to_be_bytes().to_vec()));
        for entry in entries {
            let (key, is_delivered) = (entry.id.0.to_vec(), entry.is_delivered());
            let value = serde_json::to_vec(&entry).map_err(|error| StoreError::Disk(error.to_string()))?;
            changes.push(Change::Put(MESSAGES, key.clone(), value));
            if is_delivered {
                // Nobody asks for anything with it any more.
                changes.push(Change::Delete(BODIES, key));
            }
        }
        self.0.write(changes)
    }
}

/// Its leaf in the gateway's own tree, in which what is void stands by its id too.
fn id_leaf(item: &Item) -> B256 {
    match item {
        Item::Void(id) => id.leaf(),
        item => item.leaf(),
    }
}

fn offset_key(topic: Topic, partition: Partition) -> Vec<u8> {
    format!("{topic}/{partition}").into_bytes()
}
