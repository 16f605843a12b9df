//! What a data directory is for: its `FORMAT` file, looked at before anything else in it is.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use metalayer_proto::ids::NetworkId;

use super::StoreError;

const FILE: &str = "FORMAT";
const UNFINISHED: &str = "FORMAT.new";

/// What a data directory holds, in which format, of which network. One that holds something else is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Whose data, in one word: `relayer-bus`, `attester-guard`.
    pub kind: &'static str,
    /// Version of what is written in it; a daemon that writes it otherwise counts it up.
    pub format: u32,
    /// The network the data belongs to.
    pub network: NetworkId,
}

impl Identity {
    fn to_text(&self) -> String {
        format!("kind {}\nformat {}\nnetwork {}\n", self.kind, self.format, self.network)
    }
}

/// Makes `path` the directory of `identity` if it is new or empty; refuses it if it is anything else.
pub(crate) fn claim(path: &Path, identity: &Identity) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|error| from_io(path, &error))?;
    match fs::read_to_string(path.join(FILE)) {
        Ok(text) => check(path, identity, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => begin(path, identity),
        Err(error) => Err(from_io(path, &error)),
    }
}

fn begin(path: &Path, identity: &Identity) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.map_err(|error| from_io(path, &error))?;
    if entries.iter().any(|entry| entry.file_name() != UNFINISHED) {
        return Err(wrong(
            path,
            "holds files, but no FORMAT: it is no data directory",
            "name a new or empty directory",
        ));
    }
    write_whole(path, &identity.to_text()).map_err(|error| from_io(path, &error))
}

/// Writes the file so that a crash leaves either all of it or none.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path.join(UNFINISHED))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(path.join(UNFINISHED), path.join(FILE))?;
    File::open(path)?.sync_all()
}

fn check(path: &Path, identity: &Identity, text: &str) -> Result<(), StoreError> {
    if text == identity.to_text() {
        return Ok(());
    }
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let (Some(kind), Some(format), Some(network)) = (field("kind"), field("format"), field("network")) else {
        return Err(wrong(
            path,
            "has a FORMAT file that cannot be read",
            "restore it from a backup, or name a new directory",
        ));
    };
    if kind != identity.kind {
        let problem = format!("holds the data of `{kind}`, not of `{}`", identity.kind);
        return Err(wrong(path, &problem, "name another directory"));
    }
    if network != identity.network.to_string() {
        let problem = format!("belongs to network {network}, not to {}", identity.network);
        return Err(wrong(path, &problem, "name another directory, one for each network"));
    }
    let mut remedy = String::from("run the version that wrote it");
    if format.parse::<u32>().is_ok_and(|format| format < identity.format) {
        // Writing to a string cannot fail.
        let _ = write!(remedy, ", or name a new directory");
    }
    Err(wrong(path, &format!("is written in format {format}; this version reads {}", identity.format), &remedy))
}

pub(super) fn wrong(path: &Path, problem: &str, remedy: &str) -> StoreError {
    StoreError::WrongDirectory {
        path: path.display().to_string(),
        problem: problem.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn from_io(path: &Path, error: &io::Error) -> StoreError {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(text),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => StoreError::NotWritable(text),
        _ => StoreError::Disk(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use alloy::primitives::B256;

    use super::*;

    fn identity() -> Identity {
        Identity { kind: "test", format: 2, network: NetworkId(B256::repeat_byte(7)) }
    }

    fn refusal(path: &Path, identity: &Identity) -> String {
        match claim(path, identity) {
            Err(error @ StoreError::WrongDirectory { .. }) => error.to_string(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_new_directory_is_claimed_and_known_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        claim(&path, &identity()).unwrap();
        claim(&path, &identity()).unwrap();
        let text = fs::read_to_string(path.join(FILE)).unwrap();
        assert_eq!(text, format!("kind test\nformat 2\nnetwork 0x{}\n", "07".repeat(32)));
    }

    #[test]
    fn a_crash_while_claiming_is_survived() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(UNFINISHED), "ki").unwrap();
        claim(place.path(), &identity()).unwrap();
        claim(place.path(), &identity()).unwrap();
    }

    #[test]
    fn a_directory_of_something_else_is_refused_with_the_remedy() {
        let place = tempfile::tempdir().unwrap();
        claim(place.path(), &identity()).unwrap();
        let other_network = Identity { network: NetworkId(B256::ZERO), ..identity() };
        assert!(refusal(place.path(), &other_network).contains("one for each network"));
        let other_kind = Identity { kind: "other", ..identity() };
        assert!(refusal(place.path(), &other_kind).contains("holds the data of `test`"));
        let older_program = Identity { format: 1, ..identity() };
        assert!(refusal(place.path(), &older_program).contains("run the version that wrote it"));
        let newer_program = Identity { format: 3, ..identity() };
        assert!(refusal(place.path(), &newer_program).contains("or name a new directory"));
    }

    #[test]
    fn foreign_files_are_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("diary.txt"), "").unwrap();
        assert!(refusal(place.path(), &identity()).contains("name a new or empty directory"));
        fs::write(place.path().join(FILE), "nonsense").unwrap();
        assert!(refusal(place.path(), &identity()).contains("cannot be read"));
    }

    #[test]
    fn a_full_and_a_read_only_disk_are_told_apart() {
        let of = |kind: io::ErrorKind| from_io(Path::new("x"), &kind.into());
        assert!(matches!(of(io::ErrorKind::StorageFull), StoreError::Full(_)));
        assert!(matches!(of(io::ErrorKind::ReadOnlyFilesystem), StoreError::NotWritable(_)));
        assert!(matches!(of(io::ErrorKind::PermissionDenied), StoreError::NotWritable(_)));
        assert!(matches!(of(io::ErrorKind::TimedOut), StoreError::Disk(_)));
    }
}
