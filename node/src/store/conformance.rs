//! What every store does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Change, Entry, Store, StoreError, Table};

/// The tables that a store under test is opened with.
pub const LEFT: Table = Table("left");
/// The other one.
pub const RIGHT: Table = Table("right");

const ABSENT: Table = Table("absent");

/// Runs the suite; `open` makes an empty store with [`LEFT`] and [`RIGHT`], a new one for every name.
pub fn suite<S: Store>(open: impl Fn(&str) -> S) {
    a_key_has_its_newest_value(&open("newest"));
    a_batch_is_applied_in_order(&open("order"));
    a_batch_with_an_unknown_table_changes_nothing(&open("unknown"));
    tables_do_not_mix(&open("tables"));
    a_scan_is_ordered_and_stays_in_its_prefix(&open("scan"));
    a_scan_pages(&open("pages"));
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Change {
    Change::Put(table, key.to_vec(), value.to_vec())
}

fn keys(entries: Vec<Entry>) -> Vec<Vec<u8>> {
    entries.into_iter().map(|(key, _)| key).collect()
}

fn a_key_has_its_newest_value(store: &impl Store) {
    assert_eq!(store.get(LEFT, b"k").unwrap(), None);
    store.write(vec![put(LEFT, b"k", b"1")]).unwrap();
    store.write(vec![put(LEFT, b"k", b"")]).unwrap();
    assert_eq!(store.get(LEFT, b"k").unwrap(), Some(vec![]), "an empty value is a value");
    store.write(vec![Change::Delete(LEFT, b"k".to_vec()), Change::Delete(LEFT, b"never".to_vec())]).unwrap();
    assert_eq!(store.get(LEFT, b"k").unwrap(), None);
}

fn a_batch_is_applied_in_order(store: &impl Store) {
    let delete = |key: &[u8]| Change::Delete(LEFT, key.to_vec());
    store.write(vec![put(LEFT, b"a", b"1"), delete(b"a"), delete(b"b"), put(LEFT, b"b", b"1")]).unwrap();
    assert_eq!(store.get(LEFT, b"a").unwrap(), None);
    assert_eq!(store.get(LEFT, b"b").unwrap().unwrap(), b"1");
}

fn a_batch_with_an_unknown_table_changes_nothing(store: &impl Store) {
    let answer = store.write(vec![put(LEFT, b"k", b"1"), put(ABSENT, b"k", b"1")]);
    assert!(matches!(answer, Err(StoreError::UnknownTable("absent"))));
    assert_eq!(store.get(LEFT, b"k").unwrap(), None);
    assert!(matches!(store.get(ABSENT, b"k"), Err(StoreError::UnknownTable("absent"))));
    assert!(matches!(store.scan(ABSENT, b"", b"", 1), Err(StoreError::UnknownTable("absent"))));
}

fn tables_do_not_mix(store: &impl Store) {
    store.write(vec![put(LEFT, b"k", b"left"), put(RIGHT, b"k", b"right")]).unwrap();
    assert_eq!(store.get(LEFT, b"k").unwrap().unwrap(), b"left");
    assert_eq!(store.get(RIGHT, b"k").unwrap().unwrap(), b"right");
    assert_eq!(store.scan(RIGHT, b"", b"", 9).unwrap(), [(b"k".to_vec(), b"right".to_vec())]);
}

fn a_scan_is_ordered_and_stays_in_its_prefix(store: &impl Store) {
    let written: [&[u8]; 6] = [b"\xff\x01", b"b", b"a\xff", b"a", b"a\x00", b"\xff"];
    store.write(written.iter().map(|key| put(LEFT, key, b"v")).collect()).unwrap();
    assert_eq!(keys(store.scan(LEFT, b"a", b"", 9).unwrap()), [&b"a"[..], b"a\x00", b"a\xff"]);
    assert_eq!(keys(store.scan(LEFT, b"\xff", b"", 9).unwrap()), [&b"\xff"[..], b"\xff\x01"]);
    assert_eq!(store.scan(LEFT, b"", b"", 9).unwrap().len(), written.len());
    assert_eq!(store.scan(LEFT, b"c", b"", 9).unwrap(), []);
}

fn a_scan_pages(store: &impl Store) {
    store.write((0..5).map(|n| put(LEFT, &[b'p', n], &[n])).collect()).unwrap();
    assert_eq!(keys(store.scan(LEFT, b"p", b"", 2).unwrap()), [[b'p', 0], [b'p', 1]]);
    assert_eq!(keys(store.scan(LEFT, b"p", &[b'p', 2], 2).unwrap()), [[b'p', 2], [b'p', 3]]);
    assert_eq!(store.scan(LEFT, b"p", b"q", 2).unwrap(), [], "a start behind the prefix finds nothing");
    assert_eq!(store.scan(LEFT, b"p", b"", 0).unwrap(), []);
}
