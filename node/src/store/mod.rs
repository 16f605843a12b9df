//! The store: a daemon's local state. A cache of the chains (I10), but for the attester's guard.
//!
//! Ordered keys in named tables, and batches that are written whole or not at all.

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
#[derive(Debug, thiserror::Error)]
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
    /// The disk failed, is full or read-only.
    #[error("store: {0}")]
    Disk(String),
}

/// Ordered keys in named tables. Calls block on the disk for microseconds and are made from async code directly.
pub trait Store: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` entries whose key starts with `prefix` and is `from` or greater, ascending.
    #[allow(clippy::type_complexity)]
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>;

    /// Writes all changes or none; on disk when it returns (I2 rests on this).
    fn write(&self, changes: Vec<Change>) -> Result<(), StoreError>;
}
