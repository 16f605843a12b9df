//! One run's folder: copies of the binaries, configuration, data, logs, and who was started.
//!
//! Binaries are copied because another clone may rebuild the shared target folder while a demo runs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The clone that the current folder is in; outside of any, the current folder.
pub fn clone_root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let root = here.ancestors().find(|folder| folder.join("contracts/package.json").is_file());
    root.unwrap_or(&here).to_owned()
}

/// A run's folder below the clone's ignored `.run/`.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Where all runs of a clone are.
    pub fn all_of(clone: &Path) -> PathBuf {
        clone.join(".run")
    }

    /// Creates a fresh folder `KIND-N` below `parent`; two runs get two.
    pub fn create(parent: &Path, kind: &str) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let mut number = 1;
        loop {
            let path = parent.join(format!("{kind}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path: path.canonicalize()? }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A subfolder, created if it is missing.
    pub fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Copies a binary into the run, and says where.
    pub fn copy_binary(&self, binary: &Path) -> io::Result<PathBuf> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", binary.display()));
        let copy = self.folder("bin")?.join(binary.file_name().unwrap_or_default());
        // Not by this process: a child that another thread starts meanwhile would have the copy open for writing until it runs its own
        // program, and nobody could run the copy ("text file busy").
        let status = Command::new("cp").arg(binary).arg(&copy).status().map_err(named)?;
        if status.success() { Ok(copy) } else { Err(named(io::Error::other(format!("cp: {status}")))) }
    }

    /// Writes a line into a file that nobody else may read, and says where.
    pub fn write_secret(&self, name: &str, line: &str) -> io::Result<PathBuf> {
        let file = self.folder("secrets")?.join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?.write_all(line.as_bytes())?;
        Ok(file)
    }

    /// Notes a started process, so that `devnet stop` can end it if this program cannot.
    pub fn note_process(&self, name: &str, pid: u32) -> io::Result<()> {
        fs::write(self.folder("pids")?.join(name), format!("{pid}\n"))
    }

    /// Removes everything but the logs, keys above all, and says where these are.
    pub fn keep_logs(&self) -> io::Result<PathBuf> {
        let logs = self.path.join("logs");
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path == logs {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(logs)
    }

    /// Removes the folder and all in it.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(self.path)
    }
}
