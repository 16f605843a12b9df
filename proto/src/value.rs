//! $ERA between chains: what a `ValueFlow` message says, and the key of its ledger (docs/protocol.md §11, §12).

use alloy::{
    primitives::{Address, B256, U256, keccak256},
    sol_types::SolValue,
};

use crate::ids::{NetworkId, VERSION, tag};

/// The key under which every chain's facts keep its $ERA: `asset(era)`.
pub fn era_asset(network: NetworkId) -> B256 {
    let mut bytes = tag("era").to_vec();
    bytes.push(VERSION);
    bytes.extend_from_slice(network.0.as_slice());
    keccak256(bytes)
}

/// The payload of a `ValueFlow` message: so much was burnt here, and is minted there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// The token at the origin.
    pub token: Address,
    /// Whose it was, and who gets it back if it is not delivered.
    pub from: Address,
    /// How much, in the token's smallest unit.
    pub amount: U256,
    /// Whose it becomes.
    pub to: Address,
}

/// Bytes that are no transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not exactly abi.encode(address token, address from, uint256 amount, address to)")]
pub struct NoTransfer;

type Fields = (Address, Address, U256, Address);

impl Transfer {
    /// The length of [`Self::encode`].
    pub const LEN: usize = 128;

    /// `abi.encode(token, from, amount, to)`.
    pub fn encode(&self) -> Vec<u8> {
        (self.token, self.from, self.amount, self.to).abi_encode_params()
    }

    /// Reads [`Self::encode`], strictly.
    pub fn decode(payload: &[u8]) -> Result<Self, NoTransfer> {
        let (token, from, amount, to) = Fields::abi_decode_params_validate(payload).map_err(|_| NoTransfer)?;
        let transfer = Self { token, from, amount, to };
        if transfer.encode() == payload { Ok(transfer) } else { Err(NoTransfer) }
    }
}
