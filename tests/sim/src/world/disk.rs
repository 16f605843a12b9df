//! A disk that outlives its process.

use std::sync::Arc;

use metalayer_node::store::{Change, Entry, Store, StoreError, Table, memory::MemoryStore};

use super::life::{Ended, Life};

/// What a process sees of a disk: gone when the process is.
pub(super) struct Mounted {
    life: Life,
    disk: Arc<MemoryStore>,
}

impl Mounted {
    /// `disk`, as the process of this life has it open.
    pub(super) fn new(life: Life, disk: Arc<MemoryStore>) -> Self {
        Self { life, disk }
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.life.has_ended() { Err(gone(Ended)) } else { Ok(()) }
    }
}

/// Nobody hears it: whoever is told has ended.
fn gone(_: Ended) -> StoreError {
    StoreError::Disk("this process has ended".to_owned())
}

impl Store for Mounted {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.alive()?;
        self.disk.get(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.alive()?;
        self.disk.scan(table, prefix, from, limit)
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let tables = changes.iter().map(|change| match change {
            Change::Put(table, ..) | Change::Delete(table, _) => table.0,
        });
        let what = format!("writes {}", tables.collect::<Vec<_>>().join(" "));
        self.life.write(what, || self.disk.write(changes)).map_err(gone)?
    }
}
