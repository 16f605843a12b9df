//! `attester keys`: makes the two keys, and shows what of them is public.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, Bytes};
use metalayer_node::{
    daemon::DaemonError,
    signer::{AttesterSigner, LocalSigner, SecretSeed},
};
use metalayer_proto::{bls::PossessionProof, ids::NetworkId};
use serde::Serialize;

use crate::{app::open_keys, config::Config};

const BLS_KEY: &str = "bls.key";
const TRANSPORT_KEY: &str = "transport.key";

/// What of an attester's keys is public.
#[derive(Debug, Serialize)]
pub struct PublicKeys {
    attester: String,
    bls_key: Bytes,
    transport_key: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<PathBuf>,
    /// What a registration wants beside the key: bound to one operator on one network.
    #[serde(skip_serializing_if = "Option::is_none")]
    possession: Option<Bytes>,
}

impl PublicKeys {
    fn of(signer: &LocalSigner) -> Self {
        Self {
            attester: signer.public_key().attester_id().to_string(),
            bls_key: signer.public_key().to_bytes().into(),
            transport_key: signer.transport_key().to_string(),
            files: Vec::new(),
            possession: None,
        }
    }
}

impl fmt::Display for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "written        {}", file.display())?;
        }
        writeln!(f, "attester       {}", self.attester)?;
        writeln!(f, "BLS key        {}", self.bls_key)?;
        write!(f, "transport key  {}", self.transport_key)?;
        self.possession.iter().try_for_each(|proof| write!(f, "\npossession     {proof}"))
    }
}

/// Makes two new keys in `folder`; files that are there are never overwritten.
///
/// # Errors
/// A file is there already, or cannot be written.
pub fn new(folder: &Path) -> Result<PublicKeys, DaemonError> {
    let start = |error: &dyn fmt::Display| DaemonError::Start(error.to_string());
    fs::create_dir_all(folder).map_err(|error| start(&error))?;
    let signer = LocalSigner::from_seeds(&SecretSeed::random(), &SecretSeed::random());
    let files = vec![folder.join(BLS_KEY), folder.join(TRANSPORT_KEY)];
    signer.save(&files[0], &files[1]).map_err(|error| DaemonError::Key(error.into()))?;
    Ok(PublicKeys { files, ..PublicKeys::of(&signer) })
}

/// Proves for a network that is still to be deployed that `operator` holds the keys in `folder`.
///
/// # Errors
/// The keys cannot be used.
pub fn prove(folder: &Path, operator: Address, network: NetworkId) -> Result<PublicKeys, DaemonError> {
    let signer = LocalSigner::open(&folder.join(BLS_KEY), &folder.join(TRANSPORT_KEY))?;
    let possession = PossessionProof::new(signer.secret_key(), network, operator).to_bytes().into();
    Ok(PublicKeys { possession: Some(possession), ..PublicKeys::of(&signer) })
}

/// Shows the keys that a configuration names; with an operator's account also the proof of possession for it.
///
/// # Errors
/// The configuration or the keys cannot be used.
pub fn show(config_file: &Path, operator: Option<Address>) -> Result<PublicKeys, DaemonError> {
    let config = Config::load(config_file)?;
    let signer = open_keys(&config)?;
    let network: NetworkId = config.network.id();
    let prove = |operator| PossessionProof::new(signer.secret_key(), network, operator).to_bytes().into();
    Ok(PublicKeys { possession: operator.map(prove), ..PublicKeys::of(&signer) })
}
