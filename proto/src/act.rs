//! What a `Governance` message says (docs/protocol.md §11): one act of the hub, for one chain's `HubAgent`.

use alloy::{
    primitives::{Address, Bytes},
    sol_types::SolValue,
};

use crate::{
    facts::{EpochEntry, ModuleRow},
    ids::{ChainId, GatewayId, InvalidChainId},
    message::UnknownKind,
};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Act {
    /// What a contract is from now on.
    SetModule {
        /// The contract's chain.
        chain: ChainId,
        /// The contract.
        contract: Address,
        /// Its row; module 0 removes it.
        row: ModuleRow,
    },
    /// Which rules hold from now on.
    SetRulesVersion {
        /// The version.
        version: u32,
        /// From when on no block is signed whose history lacks it, in Unix seconds; 0: never.
        by: u64,
    },
    /// Who signs from when on.
    AnnounceEpoch {
        /// The epoch's number.
        epoch: u64,
        /// What is announced.
        entry: EpochEntry,
    },
    /// A call of the timelock to a module.
    CallModule {
        /// The module's contract.
        target: Address,
        /// What it is called with.
        data: Bytes,
    },
    /// Settles an arrival that attesters cannot agree on.
    RefuseUnproven {
        /// Where it was sent.
        origin: GatewayId,
        /// Its sequence.
        sequence: u64,
    },
    /// Declares a sent message void that attesters cannot agree on.
    Overrule {
        /// Where it was sent to.
        destination: GatewayId,
        /// Its sequence.
        sequence: u64,
    },
}

/// Bytes that are no act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAct {
    /// Not exactly `abi.encode(uint8 act, bytes body)`, or not the body of that act.
    #[error("not the one encoding of an act")]
    Encoding,
    /// A number that nobody has defined yet.
    #[error("{0} is the number of no act")]
    Unknown(u8),
    /// A chain is 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The kind is none of the kinds.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
}

/// The encoding and its bodies, as Solidity has them.
mod abi {
    alloy::sol! {
        struct Encoded { uint8 act; bytes body; }
        struct ModuleRow { uint64 chain; address module; uint32 moduleId; uint8 kind; uint64 version; }
        struct RulesVersion { uint32 version; uint64 by; }
        struct Epoch { uint64 epoch; bytes32 tableHash; uint64 activatesAt; uint64 expiresAt; }
        struct Call { address target; bytes data; }
        struct Leaf { uint64 chain; address gateway; uint64 sequence; }
    }
}

impl Act {
    /// The number that stands in its encoding.
    pub const fn number(&self) -> u8 {
        match self {
            Self::SetModule { .. } => 0,
            Self::SetRulesVersion { .. } => 1,
            Self::AnnounceEpoch { .. } => 2,
            Self::CallModule { .. } => 3,
            Self::RefuseUnproven { .. } => 4,
            Self::Overrule { .. } => 5,
        }
    }

    /// `abi.encode(uint8 act, bytes body)`.
    pub fn encode(&self) -> Vec<u8> {
        abi::Encoded { act: self.number(), body: self.body().into() }.abi_encode_params()
    }

    fn body(&self) -> Vec<u8> {
        match self {
            Self::SetModule { chain, contract, row } => {
                let ModuleRow { module, kind, version } = *row;
                let (chain, kind) = (chain.get(), kind.byte());
                abi::ModuleRow { chain, module: *contract, moduleId: module, kind, version }.abi_encode_params()
            }
            Self::SetRulesVersion { version, by } => {
                abi::RulesVersion { version: *version, by: *by }.abi_encode_params()
            }
            Self::AnnounceEpoch { epoch, entry } => {
                let EpochEntry { table_hash, activates_at, expires_at } = *entry;
                abi::Epoch { epoch: *epoch, tableHash: table_hash, activatesAt: activates_at, expiresAt: expires_at }
                    .abi_encode_params()
            }
            Self::CallModule { target, data } => abi::Call { target: *target, data: data.clone() }.abi_encode_params(),
            Self::RefuseUnproven { origin: gateway, sequence } | Self::Overrule { destination: gateway, sequence } => {
                let GatewayId { chain, gateway } = *gateway;
                abi::Leaf { chain: chain.get(), gateway, sequence: *sequence }.abi_encode_params()
            }
        }
    }

    /// Reads [`Self::encode`], strictly.
    pub fn decode(payload: &[u8]) -> Result<Self, NoAct> {
        let abi::Encoded { act: number, body } = encoded(abi::Encoded::abi_decode_params_validate(payload))?;
        let act = match number {
            0 => {
                let row = encoded(abi::ModuleRow::abi_decode_params_validate(&body))?;
                Self::SetModule {
                    chain: ChainId::new(row.chain)?,
                    contract: row.module,
                    row: ModuleRow { module: row.moduleId, kind: row.kind.try_into()?, version: row.version },
                }
            }
            1 => {
                let abi::RulesVersion { version, by } = encoded(abi::RulesVersion::abi_decode_params_validate(&body))?;
                Self::SetRulesVersion { version, by }
            }
            2 => {
                let abi::Epoch { epoch, tableHash: table_hash, activatesAt: activates_at, expiresAt: expires_at } =
                    encoded(abi::Epoch::abi_decode_params_validate(&body))?;
                Self::AnnounceEpoch { epoch, entry: EpochEntry { table_hash, activates_at, expires_at } }
            }
            3 => {
                let abi::Call { target, data } = encoded(abi::Call::abi_decode_params_validate(&body))?;
                Self::CallModule { target, data }
            }
            4 => {
                let (origin, sequence) = leaf(&body)?;
                Self::RefuseUnproven { origin, sequence }
            }
            5 => {
                let (destination, sequence) = leaf(&body)?;
                Self::Overrule { destination, sequence }
            }
            number => return Err(NoAct::Unknown(number)),
        };
        if act.encode() == payload { Ok(act) } else { Err(NoAct::Encoding) }
    }
}

fn leaf(body: &[u8]) -> Result<(GatewayId, u64), NoAct> {
    let abi::Leaf { chain, gateway, sequence } = encoded(abi::Leaf::abi_decode_params_validate(body))?;
    Ok((GatewayId { chain: ChainId::new(chain)?, gateway }, sequence))
}

fn encoded<T>(decoded: alloy::sol_types::Result<T>) -> Result<T, NoAct> {
    decoded.map_err(|_| NoAct::Encoding)
}
