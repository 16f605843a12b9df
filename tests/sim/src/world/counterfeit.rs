//! A rollup that lies: its state gives somebody $ERA that nobody sent there. Its contracts do the rest honestly.

use alloy::primitives::{Address, B256, U256, keccak256};
use devnet::era::ERA;

use crate::{chain::slots::mapped, founding::FoundedChain};

/// In a checkpoint of votes.
const TIME_BITS: usize = 48;

/// Gives `to` so much $ERA out of nothing. `supply` is all that there is on the chain.
pub(super) fn make_up(one: &FoundedChain, supply: U256, to: Address, amount_era: u64) -> U256 {
    let (chain, token) = (&one.chain, one.deployment.addresses.era);
    let amount = U256::from(amount_era) * ERA;
    let holds = |slot: &U256| chain.storage(token, *slot);
    let balances = chain.slots(token, |variable| mapped(B256::left_padding_from(to.as_slice()), variable));
    let mut supplies = chain.slots(token, |variable| variable);
    supplies.retain(|slot| holds(slot) == supply);
    // The supply once more, for votes: the last of a list, above the 48 bits of its time.
    let mut checkpoints = chain.slots(token, |variable| last_of(variable, holds(&variable)));
    checkpoints.retain(|slot| holds(slot) >> TIME_BITS == supply);

    for slot in balances.into_iter().chain(supplies) {
        chain.set_storage(token, slot, holds(&slot) + amount);
    }
    for slot in checkpoints {
        chain.set_storage(token, slot, holds(&slot) + (amount << TIME_BITS));
    }
    amount
}

/// Where the last of `length` elements of a list stands.
fn last_of(variable: U256, length: U256) -> U256 {
    let first = U256::from_be_bytes(keccak256(variable.to_be_bytes::<32>()).0);
    first.wrapping_add(length).wrapping_sub(U256::from(1))
}
