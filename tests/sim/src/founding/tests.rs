#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_network_is_founded_on_final_blocks_and_the_same_every_time() {
    let [once, again] = [found_in_a_thread().unwrap(), Founded::copy().unwrap()];
    assert_eq!(once.network, again.network);
    for (one, other) in once.chains.iter().zip(&again.chains) {
        assert_eq!(one.chain.latest(), one.chain.finalized());
        assert_eq!(one.chain.latest(), other.chain.latest());
    }
}
