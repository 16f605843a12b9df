//! The store in memory, for simulation and tests.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Change, Entry, Store, StoreError, Table};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store that lives as long as its process; a simulated daemon that is restarted gets the same one again.
pub struct MemoryStore {
    tables: Mutex<HashMap<Table, Rows>>,
}

impl MemoryStore {
    /// An empty store with `tables`.
    pub fn new(tables: &[Table]) -> Self {
        Self { tables: Mutex::new(tables.iter().map(|table| (*table, Rows::new())).collect()) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Table, Rows>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let tables = self.lock();
        let rows = tables.get(&table).ok_or(StoreError::UnknownTable(table.0))?;
        Ok(rows.get(key).cloned())
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let tables = self.lock();
        let rows = tables.get(&table).ok_or(StoreError::UnknownTable(table.0))?;
        let entries = rows.range::<[u8], _>((Bound::Included(prefix.max(from)), Bound::Unbounded));
        let entries = entries.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut tables = self.lock();
        let table_of = |change: &Change| match change {
            Change::Put(table, ..) | Change::Delete(table, _) => *table,
        };
        if let Some(unknown) = changes.iter().map(table_of).find(|table| !tables.contains_key(table)) {
            return Err(StoreError::UnknownTable(unknown.0));
        }
        for change in changes {
            let Some(rows) = tables.get_mut(&table_of(&change)) else { continue };
            match change {
                Change::Put(_, key, value) => rows.insert(key, value),
                Change::Delete(_, key) => rows.remove(&key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{self, LEFT, RIGHT};

    #[test]
    fn the_memory_store_conforms() {
        conformance::suite(|_| MemoryStore::new(&[LEFT, RIGHT]));
    }
}
