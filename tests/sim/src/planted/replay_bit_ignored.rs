//! A gateway that does not look whether it has delivered a message before.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{B256, U256};
use metalayer_proto::ids::GatewayId;

use super::is_found;
use crate::{
    chain::slots::mapped,
    founding::Founded,
    world::{
        fittings::Fittings,
        plan::{Plan, Troubles},
    },
};

struct Oblivious;

impl Fittings for Oblivious {
    fn repeated(&self, founded: &Founded, place: usize) {
        let (chain, gateway) = (&founded.chains[place].chain, founded.chains[place].deployment.addresses.gateway);
        for origin in founded.chains.iter().map(|one| key(one.deployment.gateway())) {
            // `Origin.taken`, the second of its struct: the word of the first 256 sequences.
            let taken = |variable| mapped(B256::ZERO, mapped(origin, variable) + U256::from(1));
            for slot in chain.slots(gateway, taken) {
                chain.set_storage(gateway, slot, U256::ZERO);
            }
        }
    }
}

/// The key of a gateway in the contracts' mappings: a bytes28, to the left.
fn key(id: GatewayId) -> B256 {
    let mut key = B256::ZERO;
    key[..8].copy_from_slice(&id.chain.get().to_be_bytes());
    key[8..28].copy_from_slice(id.gateway.as_slice());
    key
}

fn plan(seed: u64) -> Plan {
    let troubles = Troubles { repetition: 500, ..Troubles::default() };
    Plan { lasts: Duration::from_secs(60), troubles, ..Plan::calm(seed) }
}

#[test]
fn a_replay_bit_that_is_ignored_is_found() {
    is_found("replay bit ignored", &[3], plan, || Arc::new(Oblivious));
}
