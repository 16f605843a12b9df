//! The store: a daemon's local state. A cache of the chains (I10), but for the attester's guard.
//!
//! Ordered keys in named tables, and batches that are written whole or not at all.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub(crate) mod database;
pub mod directory;
pub mod memory;
pub mod rocks;

/// A table of the store. Each daemon declares its own as constants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Table(pub &'static str);

/// One change of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Sets a key.
    Put(Table, Vec<u8>, Vec<u8>),
    /// Removes a key; none there is no error.
    Delete(Table, Vec<u8>),
}

/// Why the store did not do it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the data directory {0} is open in another process; stop that one first")]
    Locked(String),
    /// The directory belongs to another network or format.
    #[error("the data directory {path} {problem}; {remedy}")]
    WrongDirectory {
        /// Where.
        path: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A table that was not declared when the store was opened.
    #[error("no table `{0}` in this store")]
    UnknownTable(&'static str),
    /// The disk is full; what was to be written was not.
    #[error("the disk is full ({0}); make room, then start again")]
    Full(String),
    /// The disk is read-only, or this user may not write there.
    #[error("the data directory cannot be written ({0}); make it writable for this user, then start again")]
    NotWritable(String),
    /// What is on the disk is not what was written.
    #[error("the data directory is damaged ({0}); restore or delete it, as the runbook says")]
    Corrupt(String),
    /// The disk failed otherwise.
    #[error("store: {0}")]
    Disk(String),
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Ordered keys in named tables. Calls block for as long as the disk takes (a write: one sync) and are made from async
/// code directly.
pub trait Store: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` entries whose key starts with `prefix` and is `from` or greater, ascending.
    fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Writes all changes or none; on disk when it returns (I2 rests on this).
    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError>;
}

/// How many entries are deleted at once.
const CLEARED_AT_ONCE: usize = 10_000;

/// Deletes all entries whose key starts with `prefix`, page by page: after a crash some may be left.
pub fn clear(store: &dyn Store, table: Table, prefix: &[u8]) -> Result<(), StoreError> {
    loop {
        let old = store.scan(table, prefix, &[], CLEARED_AT_ONCE)?;
        if old.is_empty() {
            return Ok(());
        }
        store.write(old.into_iter().map(|(key, _)| Change::Delete(table, key)).collect())?;
    }
}
