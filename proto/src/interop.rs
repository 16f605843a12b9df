//! ERC-7930 interoperable addresses of EVM contracts, in minimal form.
//!
//! `0x0001 ‖ 0x0000 (eip155) ‖ length of the chain reference ‖ chain reference ‖ 20 ‖ address`. The chain reference is the
//! chain id, big-endian, without leading zeros: 1 to 8 bytes.

use alloy::primitives::{Address, Bytes};

use crate::{
    bytes::{LengthError, Reader},
    ids::{ChainId, GatewayId, InvalidChainId},
};

const VERSION: u16 = 1;
const EIP155: u16 = 0;
const REFERENCE_MAX: usize = 8;

/// Why bytes are no interoperable address of an EVM contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InteropError {
    /// Too short or too long.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// A version nobody has defined yet.
    #[error("interoperable address version {0} is unknown")]
    Version(u16),
    /// No EVM chain.
    #[error("chain type {0:#06x} is not eip155")]
    ChainType(u16),
    /// Missing, longer than 8 bytes, or with a leading zero.
    #[error("a chain reference has 1 to 8 bytes without a leading zero")]
    Reference,
    /// The chain is 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// An EVM address has 20 bytes.
    #[error("an EVM address has 20 bytes, not {0}")]
    Address(u8),
}

/// The minimal form of `contract` on `chain`.
pub fn format(chain: ChainId, contract: Address) -> Bytes {
    let id = chain.to_be_bytes();
    let zeros = id.iter().take_while(|byte| **byte == 0).count();
    let reference = &id[zeros..];
    let mut bytes = Vec::with_capacity(6 + REFERENCE_MAX + 20);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&EIP155.to_be_bytes());
    bytes.extend(u8::try_from(reference.len()));
    bytes.extend_from_slice(reference);
    bytes.push(20);
    bytes.extend_from_slice(contract.as_slice());
    bytes.into()
}

/// Reads the minimal form, strictly: whatever is read formats to the same bytes again.
pub fn parse(bytes: &[u8]) -> Result<(ChainId, Address), InteropError> {
    let mut reader = Reader::new(bytes);
    match reader.u16()? {
        VERSION => {}
        version => return Err(InteropError::Version(version)),
    }
    match reader.u16()? {
        EIP155 => {}
        chain_type => return Err(InteropError::ChainType(chain_type)),
    }
    let length = usize::from(reader.u8()?);
    let reference = reader.bytes(length)?;
    if length > REFERENCE_MAX || reference.first().is_none_or(|byte| *byte == 0) {
        return Err(InteropError::Reference);
    }
    let mut id = [0; REFERENCE_MAX];
    id[REFERENCE_MAX - length..].copy_from_slice(reference);
    match reader.u8()? {
        20 => {}
        length => return Err(InteropError::Address(length)),
    }
    let address = reader.address()?;
    reader.end()?;
    Ok((ChainId::new(u64::from_be_bytes(id))?, address))
}

/// The minimal form of a gateway's address.
pub fn format_gateway(gateway: GatewayId) -> Bytes {
    format(gateway.chain, gateway.gateway)
}
