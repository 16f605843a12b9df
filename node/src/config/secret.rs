//! Secrets: in files of their own that nobody else may read, never in the configuration, a log or an error (I12).

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// The longest secret that is read, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The bits by which others than the owner could read or change a file.
const FOREIGN_MODE: u32 = 0o077;

/// Why a secret could not be read or written. Never holds what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Others may read or change it.
    #[error("{} may be read by others (mode {mode:03o})", file.display())]
    Exposed {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a file already.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// The content is not what it should be.
    #[error("{} does not hold {what}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// It is not there, or the system refuses.
    #[error("{}: {problem}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's words.
        problem: String,
    },
}

impl SecretError {
    /// What to do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Exposed { file, .. } => format!("run `chmod 600 {}`", file.display()),
            Self::Exists(_) => "choose another path; a key is never overwritten".to_owned(),
            Self::Content { what, .. } => format!("write {what} and nothing else into it"),
            Self::Io { .. } => "check the path and that this user may read it".to_owned(),
        }
    }
}

/// The secret in a file that only its owner may read: its one line, without surrounding space.
pub fn read_secret_file(file: &Path) -> Result<Zeroizing<String>, SecretError> {
    let io = |error: std::io::Error| SecretError::Io { file: file.to_owned(), problem: error.to_string() };
    let opened = File::open(file).map_err(io)?;
    // Of the opened file, not of the path: nobody can exchange it in between.
    let metadata = opened.metadata().map_err(io)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & FOREIGN_MODE != 0 {
        return Err(SecretError::Exposed { file: file.to_owned(), mode });
    }
    // Reserved once: a buffer that grows leaves copies behind.
    let capacity = usize::try_from(metadata.len().min(SECRET_BYTES_MAX)).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    opened.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(io)?;
    let line = Zeroizing::new(text.trim().to_owned());
    if line.is_empty() || line.contains('\n') {
        return Err(SecretError::Content { file: file.to_owned(), what: "one line" });
    }
    Ok(line)
}

/// The 32 bytes of a key whose file holds 64 hexadecimal digits, with or without `0x`.
pub fn read_secret_key(file: &Path) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    let text = read_secret_file(file)?;
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(&text), key.as_mut_slice())
        .map_err(|_| SecretError::Content { file: file.to_owned(), what: "a key of 64 hexadecimal digits" })?;
    Ok(key)
}

/// Writes a key into a new file that only its owner may read; on disk when it returns.
pub fn create_secret_file(file: &Path, key: &[u8; 32]) -> Result<(), SecretError> {
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => SecretError::Exists(file.to_owned()),
        _ => SecretError::Io { file: file.to_owned(), problem: error.to_string() },
    };
    let mut line = Zeroizing::new([0_u8; 67]);
    line[..2].copy_from_slice(b"0x");
    line[66] = b'\n';
    // Exactly 64 digits fit.
    let _ = hex::encode_to_slice(key, &mut line[2..66]);
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(io)?;
    created.write_all(line.as_slice()).map_err(io)?;
    created.sync_all().map_err(io)
}
