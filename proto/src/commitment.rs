//! The commitment: what attesters sign (docs/protocol.md §6).

use std::sync::LazyLock;

use alloy::primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{
    bytes::{LengthError, Reader},
    ids::{ChainId, GatewayId, InvalidChainId, NetworkId},
};

/// One origin's lanes and facts at one final block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Commitment {
    /// The rules version in force at that block.
    pub version: u32,
    /// The network.
    pub network: NetworkId,
    /// The origin.
    pub origin: GatewayId,
    /// The block's number.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: B256,
    /// The root over all its lanes.
    pub lanes_root: B256,
    /// The root over its facts.
    pub facts_root: B256,
}

/// Why bytes are no commitment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitmentError {
    /// Not exactly as long as a commitment.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// Its chain is 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
}

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version)";
const TYPE: &str = "Commitment(uint32 version,bytes32 network,uint64 originChainId,address originGateway,\
                    uint64 blockNumber,bytes32 blockHash,bytes32 lanesRoot,bytes32 factsRoot)";

static DOMAIN_SEPARATOR: LazyLock<B256> =
    LazyLock::new(|| keccak256([keccak256(DOMAIN_TYPE).0, keccak256("Metalayer").0, keccak256("1").0].as_flattened()));

impl Commitment {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = 168;

    /// The EIP-712 digest, which is signed.
    pub fn digest(&self) -> B256 {
        let words = [
            keccak256(TYPE),
            U256::from(self.version).into(),
            self.network.0,
            U256::from(self.origin.chain.get()).into(),
            self.origin.gateway.into_word(),
            U256::from(self.block_number).into(),
            self.block_hash,
            self.lanes_root,
            self.facts_root,
        ];
        let mut bytes = vec![0x19, 0x01];
        bytes.extend_from_slice(DOMAIN_SEPARATOR.as_slice());
        bytes.extend_from_slice(keccak256(words.concat()).as_slice());
        keccak256(bytes)
    }

    /// The packed bytes in which it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(self.network.0.as_slice());
        self.encode_body(&mut bytes);
        bytes
    }

    /// Reads [`Self::to_bytes`], strictly.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CommitmentError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u32()?;
        let network = NetworkId(reader.b256()?);
        let commitment = Self::decode_body(&mut reader, version, network)?;
        reader.end()?;
        Ok(commitment)
    }

    /// All after the network, as it stands here and in a transport batch.
    pub(crate) fn encode_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.origin.to_bytes());
        out.extend_from_slice(&self.block_number.to_be_bytes());
        out.extend_from_slice(self.block_hash.as_slice());
        out.extend_from_slice(self.lanes_root.as_slice());
        out.extend_from_slice(self.facts_root.as_slice());
    }

    pub(crate) fn decode_body(
        reader: &mut Reader<'_>,
        version: u32,
        network: NetworkId,
    ) -> Result<Self, CommitmentError> {
        Ok(Self {
            version,
            network,
            origin: GatewayId { chain: ChainId::new(reader.u64()?)?, gateway: reader.address()? },
            block_number: reader.u64()?,
            block_hash: reader.b256()?,
            lanes_root: reader.b256()?,
            facts_root: reader.b256()?,
        })
    }
}
