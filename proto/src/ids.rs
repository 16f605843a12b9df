//! Identifiers: chains, gateways, lanes, the network (docs/protocol.md §1).

use std::{fmt, num::NonZeroU64, str::FromStr};

use alloy::primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// An EVM network by its EIP-155 id. In text it is CAIP-2: `eip155:901`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ChainId(NonZeroU64);

/// A number that is no chain: zero, or text that is not CAIP-2 for an EVM network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no chain; write eip155:NUMBER with a number from 1 on")]
pub struct InvalidChainId(String);

impl ChainId {
    /// The chain with EIP-155 id `id`; an error for 0.
    pub fn new(id: u64) -> Result<Self, InvalidChainId> {
        NonZeroU64::new(id).map(Self).ok_or_else(|| InvalidChainId(id.to_string()))
    }

    /// The EIP-155 id.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The id as it stands in canonical bytes.
    pub const fn to_be_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }
}

impl TryFrom<u64> for ChainId {
    type Error = InvalidChainId;

    fn try_from(id: u64) -> Result<Self, InvalidChainId> {
        Self::new(id)
    }
}

impl From<ChainId> for u64 {
    fn from(chain: ChainId) -> Self {
        chain.get()
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}", self.0)
    }
}

impl fmt::Debug for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChainId {
    type Err = InvalidChainId;

    fn from_str(text: &str) -> Result<Self, InvalidChainId> {
        text.strip_prefix("eip155:")
            .filter(|digits| !digits.starts_with(['+', '0']))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| InvalidChainId(text.to_owned()))
    }
}

/// A gateway on a chain: one end of a lane. A redeployed gateway is another `GatewayId`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GatewayId {
    /// The chain the gateway is deployed on.
    pub chain: ChainId,
    /// Its address there.
    pub gateway: Address,
}

impl GatewayId {
    /// The length of [`Self::to_bytes`].
    pub const LEN: usize = 28;

    /// `u64 chain ‖ address gateway`.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.chain.to_be_bytes());
        bytes[8..].copy_from_slice(self.gateway.as_slice());
        bytes
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chain, self.gateway)
    }
}

/// Text that names no gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no gateway; write eip155:NUMBER:0xADDRESS")]
pub struct InvalidGatewayId(String);

impl FromStr for GatewayId {
    type Err = InvalidGatewayId;

    fn from_str(text: &str) -> Result<Self, InvalidGatewayId> {
        let parts = text
            .rsplit_once(':')
            .and_then(|(chain, gateway)| Some(Self { chain: chain.parse().ok()?, gateway: gateway.parse().ok()? }));
        parts.ok_or_else(|| InvalidGatewayId(text.to_owned()))
    }
}

impl fmt::Debug for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An ordered pair of gateways, the unit of numbering.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LaneId {
    /// Where messages of this lane are sent.
    pub origin: GatewayId,
    /// Where they are delivered.
    pub destination: GatewayId,
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.origin.chain, self.destination.chain)
    }
}

/// A whole Metalayer network; stands in everything that is signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetworkId(pub B256);

impl NetworkId {
    /// The id of the network called `name`, whose registry is `hub_registry` on `hub_chain`.
    pub fn new(name: &str, hub_chain: ChainId, hub_registry: Address) -> Self {
        let mut bytes = tag("network").to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(keccak256(name).as_slice());
        bytes.extend_from_slice(&hub_chain.to_be_bytes());
        bytes.extend_from_slice(hub_registry.as_slice());
        Self(keccak256(bytes))
    }

    /// The id of a network whose registry does not stand yet, which no network that stands has: its first attesters prove for it
    /// that they hold their keys.
    pub fn planned(name: &str, hub_chain: ChainId) -> Self {
        Self::new(name, hub_chain, Address::ZERO)
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// keccak256 of a message's canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub B256);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The version byte of every tagged structure.
pub(crate) const VERSION: u8 = 1;

/// The domain tag of a structure: `keccak256("metalayer/NAME")`.
pub(crate) fn tag(name: &str) -> B256 {
    keccak256(format!("metalayer/{name}"))
}
