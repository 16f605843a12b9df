//! The index: what became of each message, by its id. It answers after a restart and after the bus has forgotten.
//!
//! A cache like everything a relayer keeps: deleted, it is built again from what the bus still has.

mod entry;
mod stage;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use metalayer_node::{
    bus::Offset,
    store::{Change, Store, StoreError, Table},
};
use metalayer_proto::{
    ids::MessageId,
    topics::{Partition, Topic},
};

pub use entry::{MessageEntry, OutcomeEntry, SentEntry};
pub use stage::{IndexError, IndexStage, Parts};

/// Key: the message's id. Value: a [`MessageEntry`] as JSON.
const MESSAGES: Table = Table("messages");
/// Key: topic and partition. Value: the next offset to read, 8 bytes.
const OFFSETS: Table = Table("offsets");
/// The tables of the index's store.
pub const TABLES: [Table; 2] = [MESSAGES, OFFSETS];

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

    fn next_offset(&self, topic: Topic, partition: Partition) -> Result<Offset, StoreError> {
        let value = self.0.get(OFFSETS, &offset_key(topic, partition))?;
        let bytes = value.and_then(|value| value.try_into().ok()).unwrap_or_default();
        Ok(Offset(u64::from_be_bytes(bytes)))
    }

    /// Entries and how far was read, together or not at all.
    fn save(
        &self,
        entries: impl IntoIterator<Item = MessageEntry>,
        (topic, partition, next): (Topic, Partition, Offset),
    ) -> Result<(), StoreError> {
        let mut changes = vec![Change::Put(OFFSETS, offset_key(topic, partition), next.0.to_be_bytes().to_vec())];
        for entry in entries {
            let value = serde_json::to_vec(&entry).map_err(|error| StoreError::Disk(error.to_string()))?;
            changes.push(Change::Put(MESSAGES, entry.id.0.to_vec(), value));
        }
        self.0.write(changes)
    }
}

fn offset_key(topic: Topic, partition: Partition) -> Vec<u8> {
    format!("{topic}/{partition}").into_bytes()
}
