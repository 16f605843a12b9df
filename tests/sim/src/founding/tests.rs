#![allow(clippy::unwrap_used)]

use std::time::{SystemTime, UNIX_EPOCH};

use devnet::console::Console;

use super::*;

#[test]
fn a_network_is_founded_on_final_blocks_and_the_same_every_time() {
    let [once, again] = [found_in_a_thread(Epochs::One).unwrap(), Founded::copy(Epochs::One).unwrap()];
    assert_eq!(once.network, again.network);
    for (one, other) in once.chains.iter().zip(&again.chains) {
        assert_eq!(one.chain.latest(), one.chain.finalized());
        assert_eq!(one.chain.latest(), other.chain.latest());
    }
}

#[tokio::test]
async fn gas_costs_what_it_costs_on_a_real_node() {
    let (holder, chain) = (devnet::node::Node::rich().unwrap(), ChainId::new(CHAINS[FAULTY].1).unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let served = Served::start(SimChain::new(chain, now, &[(holder.address(), RICH_WEI)])).await.unwrap();
    let measured = devnet::gas::measure_on(served.url(), chain, &Console::new()).await.unwrap();
    assert!(measured.all_met(), "{}", measured.table());
}
