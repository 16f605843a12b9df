//! How this project opens RocksDB, and what its errors mean to an operator. Store and bus stand on it.

use std::path::Path;

use rocksdb::{ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Error, ErrorKind, Options, WriteOptions};

use super::{
    StoreError,
    directory::{self, Identity},
};

const MIB: usize = 1024 * 1024;

/// Opens the database of `identity` at `path` with exactly these column families, creating what is missing.
pub(crate) fn open(path: &Path, identity: &Identity, families: &[&str]) -> Result<DB, StoreError> {
    directory::claim(path, identity)?;
    let families = families.iter().map(|name| ColumnFamilyDescriptor::new(*name, table_options()));
    DB::open_cf_descriptors(&options(), path, families).map_err(|error| on_open(path, &error))
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // A torn end is a write that nobody was told of. Damage before it must stop us, not silently cut history off.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_max_background_jobs(2);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(MIB);
    options.set_db_write_buffer_size(64 * MIB);
    options.set_max_total_wal_size(128 << 20);
    options
}

fn table_options() -> Options {
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options
}

/// A write is on disk when it returns.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn on_open(path: &Path, error: &Error) -> StoreError {
    let text = error.to_string();
    if text.contains("Column families not opened") {
        let problem = format!("has tables that this version does not know ({text})");
        return directory::wrong(path, &problem, "run the version that wrote it");
    }
    // "lock hold by current process" or "While lock file: …/LOCK: Resource temporarily unavailable".
    let is_locked = text.contains("/LOCK: Resource temporarily unavailable") || text.contains("lock hold by current");
    if is_locked { StoreError::Locked(path.display().to_string()) } else { StoreError::from(error) }
}

impl From<&Error> for StoreError {
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        if error.kind() == ErrorKind::Corruption {
            return Self::Corrupt(text);
        }
        // RocksDB hands the operating system's words on, and no code.
        if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
            Self::Full(text)
        } else if text.contains("Read-only file system") || text.contains("Permission denied") {
            Self::NotWritable(text)
        } else {
            Self::Disk(text)
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}
