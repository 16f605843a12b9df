//! Where a contract keeps things, found by what is there: the order of its variables is its own affair.

use alloy::primitives::{Address, B256, U256, keccak256};

use super::SimChain;

/// Among so many first slots each variable of a contract is.
const VARIABLES: u64 = 64;

/// The slot of `key` in the mapping that stands at `variable`.
pub fn mapped(key: B256, variable: U256) -> U256 {
    keccak256([key.as_slice(), &variable.to_be_bytes::<32>()].concat()).into()
}

impl SimChain {
    /// The slots of `contract` that `of` finds from a variable's own, and in which something is.
    pub fn slots(&self, contract: Address, of: impl Fn(U256) -> U256) -> Vec<U256> {
        let slots = (0..VARIABLES).map(|variable| of(U256::from(variable)));
        slots.filter(|slot| !self.storage(contract, *slot).is_zero()).collect()
    }
}
