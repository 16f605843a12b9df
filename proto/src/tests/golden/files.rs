//! The golden files, and what is drawn for them.

use std::{env, fs, path::Path};

use alloy::{
    hex,
    primitives::{B256, keccak256},
};
use serde_json::Value;

/// Names a random set: every drawn word is another one, and the files are written to `proto/golden/random` instead of compared.
const SEED: &str = "METALAYER_GOLDEN_SEED";

pub(crate) fn golden(name: &str, value: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let text = format!("{value:#}\n");
    if env::var_os(SEED).is_some() {
        let random = folder.join("random");
        fs::create_dir_all(&random).unwrap();
        return fs::write(random.join(name), text).unwrap();
    }
    let path = folder.join(name);
    if env::var_os("METALAYER_WRITE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(*value == written, "{name} differs: what is signed has changed");
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    hex::encode_prefixed(bytes)
}

/// The word that a name stands for.
pub(crate) fn drawn(name: impl AsRef<[u8]>) -> B256 {
    match env::var(SEED) {
        Ok(seed) => keccak256([seed.as_bytes(), name.as_ref()].concat()),
        Err(_) => keccak256(name),
    }
}

/// `golden`, or in a random set a number from 1 to `max`.
pub(crate) fn number(name: &str, golden: u128, max: u128) -> u128 {
    if env::var_os(SEED).is_none() {
        return golden;
    }
    let half = u128::from_be_bytes(*drawn(name).first_chunk().unwrap());
    half % max + 1
}
