//! The guard's record reaches the disk only after the signature has left.

use std::{sync::Arc, time::Duration};

use attester::guard;
use metalayer_node::store::{Change, Entry, Store, StoreError, Table};

use super::is_found;
use crate::world::{fittings::Fittings, plan::Plan};

/// How much later.
const LATE: Duration = Duration::from_secs(10);

struct Trusting;

impl Fittings for Trusting {
    fn store(&self, _: &str, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(LateGuard(store))
    }
}

struct LateGuard(Arc<dyn Store>);

impl Store for LateGuard {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.0.scan(table, prefix, from, limit)
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let is_guards = |change: &Change| match change {
            Change::Put(table, ..) | Change::Delete(table, _) => *table == guard::TABLE,
        };
        if !changes.iter().any(is_guards) {
            return self.0.write(changes);
        }
        let store = self.0.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            // It was promised already.
            let _ = store.write(changes);
        });
        Ok(())
    }
}

#[test]
fn a_guard_that_writes_after_the_signature_is_found() {
    is_found("guard after signature", &[2], Plan::calm, || Arc::new(Trusting));
}
