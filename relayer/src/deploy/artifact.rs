//! The committed artifacts: what is deployed needs neither Node nor a compiler.

use alloy::primitives::Bytes;
use serde::Deserialize;

use super::DeployError;

/// A compiled contract of this repository.
#[derive(Debug, Clone, Copy)]
pub struct Artifact {
    name: &'static str,
    json: &'static str,
}

#[derive(Deserialize)]
struct Compiled {
    bytecode: Bytes,
}

macro_rules! artifacts {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        impl Artifact {
            $($(#[$doc])* pub const $constant: Self = Self {
                name: $name,
                json: include_str!(concat!("../../../contracts/artifacts/", $name, ".json")),
            };)*
        }
    };
}

artifacts! {
    /// Epochs, and the check of what was signed.
    ATTESTER_SET = "AttesterSet";
    /// The timelock of seven days.
    COUNCIL = "Council";
    /// $ERA's way from chain to chain.
    ERA_BRIDGE = "EraBridge";
    /// $ERA.
    ERA_TOKEN = "EraToken";
    /// What sends and delivers.
    GATEWAY = "Gateway";
    /// The hub's registry.
    HUB = "Hub";
    /// The hub's hand on a chain.
    HUB_AGENT = "HubAgent";
    /// $ERA's bridge that also sends what no honest one would; for networks that are thrown away.
    FAULTY_MODULE = "FaultyModule";
    /// Takes every message and does nothing; for networks that are thrown away.
    RECIPIENT = "Recipient";
    /// Takes no message until it is told to; for networks that are thrown away.
    REVERTING_ONCE_RECIPIENT = "RevertingOnceRecipient";
}

impl Artifact {
    /// The contract's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes of the transaction that creates it with these ABI-encoded constructor arguments.
    pub fn creation(&self, arguments: &[u8]) -> Result<Bytes, DeployError> {
        let compiled: Compiled =
            serde_json::from_str(self.json).map_err(|source| DeployError::Artifact { name: self.name, source })?;
        Ok([&compiled.bytecode, arguments].concat().into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_artifact_has_code_that_fits_a_transaction() {
        const INITCODE_MAX: usize = 49_152; // EIP-3860
        for artifact in [
            Artifact::ATTESTER_SET,
            Artifact::COUNCIL,
            Artifact::ERA_BRIDGE,
            Artifact::ERA_TOKEN,
            Artifact::GATEWAY,
            Artifact::HUB,
            Artifact::HUB_AGENT,
            Artifact::FAULTY_MODULE,
            Artifact::RECIPIENT,
            Artifact::REVERTING_ONCE_RECIPIENT,
        ] {
            let code = artifact.creation(&[]).unwrap();
            assert!((1..=INITCODE_MAX).contains(&code.len()), "{}: {} bytes", artifact.name(), code.len());
        }
    }
}
