//! The store on RocksDB: a column family a table, every write synced.

use std::path::Path;

use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, WriteBatch};

use super::{Change, Entry, Store, StoreError, Table, database, directory::Identity};

/// A store in a directory of its own, held by this process alone.
pub struct RocksStore {
    db: DB,
}

impl RocksStore {
    /// Opens the store of `identity` at `path` with `tables`, creating what is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it open, [`StoreError::WrongDirectory`] if it is another's or has
    /// tables not named here, else what the disk says.
    pub fn open(path: &Path, identity: &Identity, tables: &[Table]) -> Result<Self, StoreError> {
        let families: Vec<_> = tables.iter().map(|table| table.0).collect();
        Ok(Self { db: database::open(path, identity, &families)? })
    }

    fn family(&self, table: Table) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(table.0).ok_or(StoreError::UnknownTable(table.0))
    }
}

impl Store for RocksStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(table)?, key)?)
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let start = prefix.max(from);
        let entries = self.db.iterator_cf(self.family(table)?, IteratorMode::From(start, Direction::Forward));
        entries
            .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
            .take(limit)
            .map(|entry| entry.map(|(key, value)| (key.into_vec(), value.into_vec())).map_err(StoreError::from))
            .collect()
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for change in changes {
            match change {
                Change::Put(table, key, value) => batch.put_cf(self.family(table)?, key, value),
                Change::Delete(table, key) => batch.delete_cf(self.family(table)?, key),
            }
        }
        Ok(self.db.write_opt(batch, &database::synced())?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use alloy::primitives::B256;
    use metalayer_proto::ids::NetworkId;

    use super::*;
    use crate::store::conformance::{self, LEFT, RIGHT};

    fn identity() -> Identity {
        Identity { kind: "test-store", format: 1, network: NetworkId(B256::ZERO) }
    }

    fn open(path: &Path) -> Result<RocksStore, StoreError> {
        RocksStore::open(path, &identity(), &[LEFT, RIGHT])
    }

    #[test]
    fn the_rocks_store_conforms() {
        let place = tempfile::tempdir().unwrap();
        conformance::suite(|name| open(&place.path().join(name)).unwrap());
    }

    #[test]
    fn what_was_written_is_there_after_reopening() {
        let place = tempfile::tempdir().unwrap();
        open(place.path()).unwrap().write(vec![Change::Put(LEFT, b"k".to_vec(), b"v".to_vec())]).unwrap();
        assert_eq!(open(place.path()).unwrap().get(LEFT, b"k").unwrap().unwrap(), b"v");
    }

    #[test]
    fn a_second_opening_is_refused_as_locked() {
        let place = tempfile::tempdir().unwrap();
        let first = open(place.path()).unwrap();
        assert!(matches!(open(place.path()), Err(StoreError::Locked(_))));
        drop(first);
        open(place.path()).unwrap();
    }

    #[test]
    fn tables_of_a_newer_version_are_refused_with_the_remedy() {
        let place = tempfile::tempdir().unwrap();
        drop(RocksStore::open(place.path(), &identity(), &[LEFT, RIGHT, Table("newer")]).unwrap());
        let error = open(place.path()).err().unwrap();
        assert!(matches!(error, StoreError::WrongDirectory { .. }));
        assert!(error.to_string().contains("run the version that wrote it"), "{error}");
    }

    #[test]
    fn damage_is_told_as_damage() {
        let place = tempfile::tempdir().unwrap();
        drop(open(place.path()).unwrap());
        std::fs::write(place.path().join("CURRENT"), "MANIFEST-nowhere\n").unwrap();
        assert!(matches!(open(place.path()), Err(StoreError::Corrupt(_) | StoreError::Disk(_))));
    }
}
