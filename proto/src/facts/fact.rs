//! One fact: what it is about, what it says, and both as canonical bytes.

use std::{fmt, str::FromStr};

use alloy::primitives::{Address, B256, U256, keccak256};

use super::{Credited, EpochEntry, ModuleRow, Route, leaf};
use crate::{
    bytes::{LengthError, Reader},
    ids::{ChainId, GatewayId, InvalidChainId, MessageId, VERSION, tag},
    message::UnknownKind,
};

/// What facts are about. A new rules version may add namespaces, never reinterpret one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// Policies of lanes, by destination chain.
    Route,
    /// The module table, by chain and contract.
    Module,
    /// The rules version in force.
    Rules,
    /// Announced epochs of the attester set.
    Epoch,
    /// Units of each asset that the origin rightfully holds.
    Ledger,
    /// Which arrivals were taken, by their origin.
    Credited,
    /// Arrivals that failed and wait for a retry or a refusal, by origin and sequence.
    Failed,
    /// What executors earned by delivering here, by origin and executor.
    Fees,
}

impl Namespace {
    const ALL: [Self; 8] =
        [Self::Route, Self::Module, Self::Rules, Self::Epoch, Self::Ledger, Self::Credited, Self::Failed, Self::Fees];

    /// The name that stands in the tag and in snapshots.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Module => "module",
            Self::Rules => "rules",
            Self::Epoch => "epoch",
            Self::Ledger => "ledger",
            Self::Credited => "credited",
            Self::Failed => "failed",
            Self::Fees => "fees",
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no namespace of facts")]
pub struct UnknownNamespace(String);

impl FromStr for Namespace {
    type Err = UnknownNamespace;

    fn from_str(text: &str) -> Result<Self, UnknownNamespace> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownNamespace(text.to_owned()))
    }
}

/// What one fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKey {
    /// The policy of the lane to this chain.
    Route(ChainId),
    /// What a contract on a chain is.
    Module {
        /// The contract's chain.
        chain: ChainId,
        /// The contract.
        contract: Address,
    },
    /// The rules version in force.
    Rules,
    /// The epoch of this number.
    Epoch(u64),
    /// The balance of the asset with this key.
    Ledger(B256),
    /// The arrivals from this origin that were taken.
    Credited(GatewayId),
    /// An arrival that failed and waits.
    Failed {
        /// Where it comes from.
        origin: GatewayId,
        /// Its sequence.
        sequence: u64,
    },
    /// What an executor earned by delivering from an origin.
    Fees {
        /// Whose messages were delivered.
        origin: GatewayId,
        /// Who delivered them.
        executor: Address,
    },
}

impl FactKey {
    /// The namespace.
    pub const fn namespace(&self) -> Namespace {
        match self {
            Self::Route(_) => Namespace::Route,
            Self::Module { .. } => Namespace::Module,
            Self::Rules => Namespace::Rules,
            Self::Epoch(_) => Namespace::Epoch,
            Self::Ledger(_) => Namespace::Ledger,
            Self::Credited(_) => Namespace::Credited,
            Self::Failed { .. } => Namespace::Failed,
            Self::Fees { .. } => Namespace::Fees,
        }
    }

    /// The canonical key bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Route(destination) => destination.to_be_bytes().to_vec(),
            Self::Module { chain, contract } => [&chain.to_be_bytes()[..], contract.as_slice()].concat(),
            Self::Rules => Vec::new(),
            Self::Epoch(epoch) => epoch.to_be_bytes().to_vec(),
            Self::Ledger(asset) => asset.to_vec(),
            Self::Credited(origin) => origin.to_bytes().to_vec(),
            Self::Failed { origin, sequence } => [&origin.to_bytes()[..], &sequence.to_be_bytes()].concat(),
            Self::Fees { origin, executor } => [&origin.to_bytes()[..], executor.as_slice()].concat(),
        }
    }

    /// Where the fact stands in the map.
    pub fn hash(&self) -> B256 {
        let mut bytes = tag(&format!("facts/{}", self.namespace())).to_vec();
        bytes.push(VERSION);
        bytes.extend(self.to_bytes());
        keccak256(bytes)
    }
}

/// One remembered thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The policy of the lane to `destination`.
    Route {
        /// The lane's other chain.
        destination: ChainId,
        /// The policy.
        route: Route,
    },
    /// What `contract` on `chain` is.
    Module {
        /// The contract's chain.
        chain: ChainId,
        /// The contract.
        contract: Address,
        /// Its row of the module table.
        row: ModuleRow,
    },
    /// The rules version in force.
    Rules(u32),
    /// An announced epoch.
    Epoch {
        /// Its number.
        epoch: u64,
        /// What was announced.
        entry: EpochEntry,
    },
    /// How many units of an asset the origin rightfully holds.
    Ledger {
        /// The asset's key.
        asset: B256,
        /// Its units.
        units: U256,
    },
    /// Which arrivals from `origin` were taken.
    Credited {
        /// Where they come from.
        origin: GatewayId,
        /// Which they are.
        credited: Credited,
    },
    /// An arrival that failed and waits for a retry or a refusal.
    Failed {
        /// Where it comes from.
        origin: GatewayId,
        /// Its sequence.
        sequence: u64,
        /// Its id.
        id: MessageId,
    },
    /// All that `executor` earned by delivering from `origin`.
    Fees {
        /// Whose messages were delivered.
        origin: GatewayId,
        /// Who delivered them.
        executor: Address,
        /// Total ever earned, in the smallest unit of $ERA.
        total: U256,
    },
}

/// Why bytes are no fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// Not exactly as long as it should be.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// A chain is 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The kind byte is none of the kinds.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// A removed route has no entry.
    #[error("a removed route is left out")]
    Removed,
    /// A removed module has no kind: its byte is 0.
    #[error("a removed module has kind 0")]
    RemovedKind,
    /// Another way to write the same set of sequences exists.
    #[error("the bitmap is not written in its one form")]
    Bitmap,
}

impl Fact {
    /// What it is about.
    pub const fn key(&self) -> FactKey {
        match self {
            Self::Route { destination, .. } => FactKey::Route(*destination),
            Self::Module { chain, contract, .. } => FactKey::Module { chain: *chain, contract: *contract },
            Self::Rules(_) => FactKey::Rules,
            Self::Epoch { epoch, .. } => FactKey::Epoch(*epoch),
            Self::Ledger { asset, .. } => FactKey::Ledger(*asset),
            Self::Credited { origin, .. } => FactKey::Credited(*origin),
            Self::Failed { origin, sequence, .. } => FactKey::Failed { origin: *origin, sequence: *sequence },
            Self::Fees { origin, executor, .. } => FactKey::Fees { origin: *origin, executor: *executor },
        }
    }

    /// The canonical value bytes.
    pub fn value(&self) -> Vec<u8> {
        match self {
            Self::Route { route, .. } => route.encode(),
            Self::Module { row, .. } => row.encode(),
            Self::Rules(version) => version.to_be_bytes().to_vec(),
            Self::Epoch { entry, .. } => entry.encode(),
            Self::Ledger { units, .. } => units.to_be_bytes::<32>().to_vec(),
            Self::Credited { credited, .. } => credited.encode(),
            Self::Failed { id, .. } => id.0.to_vec(),
            Self::Fees { total, .. } => total.to_be_bytes::<32>().to_vec(),
        }
    }

    /// Its leaf in the map.
    pub fn leaf(&self) -> B256 {
        leaf(self.key().hash(), keccak256(self.value()))
    }

    /// Reads a fact from its namespace, key bytes and value bytes, strictly.
    pub fn decode(namespace: Namespace, key: &[u8], value: &[u8]) -> Result<Self, FactError> {
        let (mut key, mut value) = (Reader::new(key), Reader::new(value));
        let fact = match namespace {
            Namespace::Route => {
                Self::Route { destination: ChainId::new(key.u64()?)?, route: Route::decode(&mut value)? }
            }
            Namespace::Module => Self::Module {
                chain: ChainId::new(key.u64()?)?,
                contract: key.address()?,
                row: ModuleRow::decode(&mut value)?,
            },
            Namespace::Rules => Self::Rules(value.u32()?),
            Namespace::Epoch => Self::Epoch { epoch: key.u64()?, entry: EpochEntry::decode(&mut value)? },
            Namespace::Ledger => Self::Ledger { asset: key.b256()?, units: units(&mut value)? },
            Namespace::Credited => {
                Self::Credited { origin: gateway(&mut key)?, credited: Credited::decode(&mut value)? }
            }
            Namespace::Failed => {
                Self::Failed { origin: gateway(&mut key)?, sequence: key.u64()?, id: MessageId(value.b256()?) }
            }
            Namespace::Fees => {
                Self::Fees { origin: gateway(&mut key)?, executor: key.address()?, total: units(&mut value)? }
            }
        };
        key.end()?;
        value.end()?;
        Ok(fact)
    }
}

fn gateway(reader: &mut Reader<'_>) -> Result<GatewayId, FactError> {
    Ok(GatewayId { chain: ChainId::new(reader.u64()?)?, gateway: reader.address()? })
}

fn units(reader: &mut Reader<'_>) -> Result<U256, FactError> {
    Ok(U256::from_be_bytes::<32>(reader.array()?))
}
