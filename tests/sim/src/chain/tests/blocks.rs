//! Blocks that are made, taken back and made again.

use metalayer_node::chain::ChainWriter;

use super::*;

const COUNTER: Address = Address::repeat_byte(0xc0);

fn count(chain: &SimChain) -> u64 {
    chain.storage(COUNTER, U256::ZERO).to()
}

#[tokio::test]
async fn a_reorg_takes_back_what_contracts_remember() {
    for lost in [Lost::Nothing, Lost::Transactions] {
        let chain = chain();
        counter(&chain, COUNTER);
        let writer = writer(&chain);
        let mut sent = Vec::new();
        for nonce in 0..3 {
            sent.push(writer.send_raw(Transaction::new(nonce, COUNTER).sign()).await.unwrap());
            chain.mine(GENESIS_S + 1 + nonce);
        }
        let (before, balance) = (chain.latest(), writer.balance(rich().address()).await.unwrap());
        assert_eq!(count(&chain), 3);

        chain.reorg(2, lost);
        assert_eq!((count(&chain), chain.latest().number), (1, 1));
        assert_eq!(writer.nonce(rich().address()).await.unwrap(), 1);
        assert!(writer.balance(rich().address()).await.unwrap() > balance);
        assert!(writer.receipt(sent[0]).await.unwrap().is_some());
        assert_eq!(writer.receipt(sent[2]).await.unwrap(), None);

        chain.mine(GENESIS_S + 2);
        chain.mine(GENESIS_S + 3);
        assert_ne!(chain.latest().hash, before.hash, "another history");
        assert_eq!(count(&chain), if lost == Lost::Nothing { 3 } else { 1 });
        assert_eq!(writer.receipt(sent[2]).await.unwrap().is_some(), lost == Lost::Nothing);
    }
}

#[tokio::test]
async fn a_fork_goes_its_own_way_and_the_same_steps_give_the_same_blocks() {
    let chain = chain();
    counter(&chain, COUNTER);
    chain.mine(GENESIS_S + 1);
    let forks = [chain.fork(), chain.fork()];
    for fork in &forks {
        writer(fork).send_raw(Transaction::new(0, COUNTER).sign()).await.unwrap();
        fork.mine(GENESIS_S + 2);
        fork.reorg(1, Lost::Nothing);
        fork.mine(GENESIS_S + 2);
    }
    assert_eq!(forks[0].latest(), forks[1].latest());
    assert_eq!((count(&forks[0]), count(&chain), chain.latest().number), (1, 0, 1));
}

#[tokio::test]
async fn a_pool_that_is_lost_is_empty() {
    let chain = chain();
    writer(&chain).send_raw(Transaction::new(0, COUNTER).sign()).await.unwrap();
    chain.lose_pool();
    chain.mine(GENESIS_S + 1);
    assert_eq!(writer(&chain).nonce(rich().address()).await.unwrap(), 0);
}

#[tokio::test]
async fn only_as_much_as_fits_is_in_a_block() {
    let chain = chain();
    // Burns all gas that it gets: an endless loop.
    chain.set_code(COUNTER, Bytes::from(hex!("5b5f56")));
    let writer = writer(&chain);
    for nonce in 0..2 {
        let hungry = Transaction { gas: GAS_LIMIT / 2 + 1, ..Transaction::new(nonce, COUNTER) };
        writer.send_raw(hungry.sign()).await.unwrap();
    }
    chain.mine(GENESIS_S + 1);
    assert_eq!((writer.nonce(rich().address()).await.unwrap(), chain.waiting()), (1, 1));
    chain.mine(GENESIS_S + 2);
    assert_eq!((writer.nonce(rich().address()).await.unwrap(), chain.waiting()), (2, 0));
}
