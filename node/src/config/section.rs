//! One table of a configuration, read key by key.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fmt::Display,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use toml::{Table, Value};

use super::{nearest::nearest, problem::Problems, secret};

/// One table of a configuration.
///
/// Each reader notes what is wrong and returns `None` then, so that reading goes on and finds the rest. **Read every
/// key before combining what was read**: when the section is dropped, the keys that were never asked for are reported
/// as unknown, each with the nearest name that was.
#[derive(Debug)]
pub struct Section<'a> {
    table: &'a Table,
    path: String,
    problems: Problems,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(table: &'a Table, path: String, problems: Problems) -> Self {
        Self { table, path, problems, asked: RefCell::default() }
    }

    /// Where `key` of this section stands: `chains[2].rpc`.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Notes that `key` is wrong.
    pub fn problem(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.problems.add(self.path_of(key), problem, remedy);
    }

    /// Whether `key` is there; counts as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Text that must be there and not be empty. `what` says what to write.
    pub fn text(&self, key: &str, what: &str) -> Option<&'a str> {
        let text = self.required(key, what)?.as_str();
        let text = text.filter(|text| !text.is_empty());
        self.or_wrong(key, text, what)
    }

    /// Text that may be absent.
    pub fn optional_text(&self, key: &str, what: &str) -> Option<&'a str> {
        self.has(key).then(|| self.text(key, what))?
    }

    /// Text that must be there and parse as a `T`.
    pub fn parsed<T: FromStr>(&self, key: &str, what: &str) -> Option<T> {
        let text = self.text(key, what)?;
        self.or_wrong(key, text.parse().ok(), what)
    }

    /// Text that parses as a `T`, or `default` where the key is absent.
    pub fn parsed_or<T: FromStr>(&self, key: &str, what: &str, default: T) -> Option<T> {
        if self.has(key) { self.parsed(key, what) } else { Some(default) }
    }

    /// Several texts that must be there, each parsing as a `T`; at least one.
    pub fn list<T: FromStr>(&self, key: &str, what: &str) -> Option<Vec<T>> {
        let list = self.required(key, what)?.as_array().filter(|list| !list.is_empty());
        let list = self.or_wrong(key, list, format!("a list of at least one: {what}"))?;
        let parsed: Vec<Option<T>> = (0..)
            .zip(list)
            .map(|(index, item): (usize, _)| {
                let item = item.as_str().and_then(|text| text.parse().ok());
                self.or_wrong(&format!("{key}[{index}]"), item, what)
            })
            .collect();
        parsed.into_iter().collect()
    }

    /// A whole number that must be there, in `range`.
    pub fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let (low, high) = (range.start(), range.end());
        let what = match *high {
            u64::MAX => format!("a whole number from {low} on"),
            _ => format!("a whole number from {low} to {high}"),
        };
        let number = self.required(key, &what)?.as_integer().and_then(|number| u64::try_from(number).ok());
        self.or_wrong(key, number.filter(|number| range.contains(number)), &what)
    }

    /// A whole number in `range`, or `default` where the key is absent.
    pub fn integer_or(&self, key: &str, range: RangeInclusive<u64>, default: u64) -> Option<u64> {
        if self.has(key) { self.integer(key, range) } else { Some(default) }
    }

    /// Milliseconds in `range`, or `default` where the key (whose name ends in `_ms`) is absent.
    pub fn millis_or(&self, key: &str, range: RangeInclusive<u64>, default: u64) -> Option<Duration> {
        self.integer_or(key, range, default).map(Duration::from_millis)
    }

    /// True or false, or `default` where the key is absent.
    pub fn flag_or(&self, key: &str, default: bool) -> Option<bool> {
        match self.value(key) {
            None => Some(default),
            Some(value) => self.or_wrong(key, value.as_bool(), "true or false"),
        }
    }

    /// A path that must be there; one that is relative starts from `folder`, the configuration file's own.
    pub fn file(&self, key: &str, what: &str, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.text(key, what)?))
    }

    /// The secret in the file that `key` (its name ends in `_file`) names: its first line, without surrounding space.
    pub fn secret(&self, key: &str, what: &str, folder: &Path) -> Option<zeroize::Zeroizing<String>> {
        let file = self.file(key, what, folder)?;
        secret::read_secret_file(&file).map_err(|error| self.problem(key, error.to_string(), error.remedy())).ok()
    }

    /// Whether `key` is there and a table; counts as asking for it.
    pub fn is_table(&self, key: &str) -> bool {
        self.value(key).is_some_and(Value::is_table)
    }

    /// A table that must be there.
    pub fn section(&self, key: &str, what: &str) -> Option<Section<'a>> {
        let table = self.required(key, what)?.as_table();
        let table = self.or_wrong(key, table, what)?;
        Some(Section::new(table, self.path_of(key), self.problems.clone()))
    }

    /// A table that may be absent.
    pub fn optional_section(&self, key: &str, what: &str) -> Option<Section<'a>> {
        self.has(key).then(|| self.section(key, what))?
    }

    /// Tables that must be there, at least one: `[[key]]`.
    pub fn sections(&self, key: &str, what: &str) -> Vec<Section<'a>> {
        let Some(value) = self.required(key, what) else { return Vec::new() };
        let tables: Option<Vec<&Table>> =
            value.as_array().map(|list| list.iter().map(Value::as_table).collect()).unwrap_or_default();
        let tables = tables.filter(|tables| !tables.is_empty());
        let tables = self.or_wrong(key, tables, what).unwrap_or_default();
        let section =
            |(index, table)| Section::new(table, format!("{}[{index}]", self.path_of(key)), self.problems.clone());
        tables.into_iter().enumerate().map(section).collect()
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.table.get(key)
    }

    fn required(&self, key: &str, what: &str) -> Option<&'a Value> {
        let value = self.value(key);
        if value.is_none() {
            self.problem(key, "it is missing", format!("write {what}"));
        }
        value
    }

    /// Notes a wrong value unless there is a right one. The value itself is not repeated: it may be a secret.
    fn or_wrong<T>(&self, key: &str, right: Option<T>, what: impl Display) -> Option<T> {
        if right.is_none() {
            self.problem(key, "it is not what it should be", format!("write {what}"));
        }
        right
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(*key)) {
            let absent = asked.iter().map(String::as_str).filter(|name| !self.table.contains_key(*name));
            let remedy = match nearest(key, absent) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "remove it".to_owned(),
            };
            self.problems.add(self.path_of(key), "no such key", remedy);
        }
    }
}
