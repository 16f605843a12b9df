//! A gateway that does not look whether it has given a message back before.

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{B256, U256},
    sol_types::SolEvent,
};
use metalayer_proto::events::abi::Reclaimed;
use serde_json::json;

use super::is_found;
use crate::{
    chain::slots::mapped,
    founding::{Founded, FoundedChain},
    world::{
        fittings::Fittings,
        plan::{Plan, Troubles},
    },
};

struct Generous;

impl Fittings for Generous {
    fn repeated(&self, founded: &Founded, place: usize) {
        let here = &founded.chains[place];
        let gateway = here.deployment.addresses.gateway;
        for id in reclaimed(here) {
            for slot in here.chain.slots(gateway, |variable| mapped(id, variable)) {
                here.chain.set_storage(gateway, slot, U256::ZERO);
            }
        }
    }
}

/// What was given back on a chain.
fn reclaimed(one: &FoundedChain) -> Vec<B256> {
    let filter = json!([{
        "fromBlock": "earliest",
        "toBlock": "latest",
        "address": [one.deployment.addresses.gateway],
        "topics": [Reclaimed::SIGNATURE_HASH],
    }]);
    let logs = one.chain.answer(&json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": filter }));
    let logs = logs["result"].as_array().cloned().unwrap_or_default();
    logs.iter().filter_map(|log| log["topics"][1].as_str()?.parse().ok()).collect()
}

/// Long enough for what is void to be given back.
fn plan(seed: u64) -> Plan {
    let troubles = Troubles { repetition: 500, ..Troubles::default() };
    Plan { messages: 30, lasts: Duration::from_secs(180), troubles, ..Plan::calm(seed) }
}

#[test]
fn a_reclaim_that_is_not_once_is_found() {
    is_found("reclaim not once", &[3, 4], plan, || Arc::new(Generous));
}
