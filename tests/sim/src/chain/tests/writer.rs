//! Sending: what a node says of transactions that are good, early, late, dear or wrong.

use metalayer_node::chain::{ChainError, ChainWriter};

use super::*;

const SOMEBODY: Address = Address::repeat_byte(0x11);

fn problem(refused: Result<impl std::fmt::Debug, ChainError>) -> String {
    let Err(ChainError::Refused { problem, .. }) = refused else { panic!("not refused: {refused:?}") };
    problem
}

#[tokio::test]
async fn a_transaction_is_sent_known_and_found_in_its_block() {
    let (chain, rich) = (chain(), rich().address());
    let writer = writer(&chain);
    let raw = Transaction { gas: 21_000, ..Transaction::new(0, SOMEBODY) }.sign();
    let hash = writer.send_raw(raw.clone()).await.unwrap();
    assert_eq!(writer.send_raw(raw.clone()).await.unwrap(), hash, "already known is no error");
    assert_eq!((writer.receipt(hash).await.unwrap(), writer.nonce(rich).await.unwrap()), (None, 0));

    let block = chain.mine(GENESIS_S + 5);
    let receipt = writer.receipt(hash).await.unwrap().unwrap();
    assert_eq!((receipt.success, receipt.gas_used, receipt.block), (true, 21_000, block));
    assert_eq!(writer.nonce(rich).await.unwrap(), 1);
    let head = writer.latest().await.unwrap();
    assert_eq!((head.block, head.timestamp, head.gas_limit), (block, GENESIS_S + 5, GAS_LIMIT));
    assert_eq!(writer.send_raw(raw).await.unwrap(), hash, "nor is what stands in a block");
}

#[tokio::test]
async fn nonces_and_fees_are_held_to() {
    let chain = chain();
    let counter = counter(&chain, SOMEBODY);
    let writer = writer(&chain);
    let early = writer.send_raw(Transaction::new(1, counter).sign()).await.unwrap();
    chain.mine(GENESIS_S + 1);
    assert_eq!((writer.receipt(early).await.unwrap(), chain.waiting()), (None, 1), "its turn has not come");

    let cheap = Transaction { gwei: 10, gas: 90_000, ..Transaction::new(1, counter) };
    assert!(problem(writer.send_raw(cheap.sign()).await).contains("underpriced"));
    let dearer = Transaction { gwei: 11, ..Transaction::new(1, counter) };
    let dearer = writer.send_raw(dearer.sign()).await.unwrap();
    let first = writer.send_raw(Transaction::new(0, counter).sign()).await.unwrap();
    chain.mine(GENESIS_S + 2);
    for hash in [first, dearer] {
        assert!(writer.receipt(hash).await.unwrap().unwrap().success);
    }
    assert_eq!((writer.receipt(early).await.unwrap(), chain.waiting()), (None, 0));
    assert_eq!(chain.storage(counter, U256::ZERO), U256::from(2));

    assert!(
        problem(writer.send_raw(Transaction { gwei: 99, ..Transaction::new(1, counter) }.sign()).await)
            .contains("nonce too low")
    );
    let unpayable = Transaction { gwei: u128::from(u64::MAX), gas: GAS_LIMIT, ..Transaction::new(2, counter) };
    assert!(problem(writer.send_raw(unpayable.sign()).await).contains("insufficient funds"));
    let large = Transaction { gas: GAS_LIMIT + 1, ..Transaction::new(2, counter) };
    assert!(problem(writer.send_raw(large.sign()).await).contains("exceeds block gas limit"));
    assert_eq!(chain.waiting(), 0);
}

#[tokio::test]
async fn what_pays_less_than_the_base_fee_waits_for_better_times() {
    let chain = chain();
    let writer = writer(&chain);
    let base = writer.fees().await.unwrap().base_fee_per_gas;
    let hash = writer.send_raw(Transaction { gwei: 0, ..Transaction::new(0, SOMEBODY) }.sign()).await.unwrap();
    chain.mine(GENESIS_S + 1);
    assert_eq!((writer.receipt(hash).await.unwrap(), chain.waiting()), (None, 1));
    assert_eq!(writer.fees().await.unwrap().base_fee_per_gas, base - base / 8, "an empty block makes gas cheaper");
}

#[tokio::test]
async fn a_revert_is_refused_with_its_reason_and_data_and_included_as_failed() {
    let chain = chain();
    // `Error("no")`: what stands behind the code, copied to memory and reverted with.
    let mut code = hex!("6064600c5f3960645ffd0000").to_vec();
    code.extend(hex!("08c379a0"));
    code.extend(U256::from(32).to_be_bytes::<32>());
    code.extend(U256::from(2).to_be_bytes::<32>());
    code.extend(b"no");
    code.resize(12 + 100, 0);
    chain.set_code(SOMEBODY, code.into());
    let writer = writer(&chain);
    let from = rich().address();
    for refused in [
        writer.call(from, SOMEBODY, Bytes::new()).await.map(|_| ()),
        writer.estimate(from, SOMEBODY, Bytes::new()).await.map(|_| ()),
    ] {
        let Err(ChainError::Refused { problem, revert, .. }) = refused else { panic!("{refused:?}") };
        assert!(problem.contains("reverted") && problem.contains("no"), "{problem}");
        assert_eq!((revert.len(), &revert[..4]), (100, &hex!("08c379a0")[..]));
    }
    let hash = writer.send_raw(Transaction::new(0, SOMEBODY).sign()).await.unwrap();
    chain.mine(GENESIS_S + 1);
    let receipt = writer.receipt(hash).await.unwrap().unwrap();
    assert!(!receipt.success && receipt.gas_used > 21_000);
    assert_eq!(writer.nonce(from).await.unwrap(), 1);
}

#[tokio::test]
async fn an_estimate_is_enough_and_little_more_than_that() {
    let chain = chain();
    let counter = counter(&chain, SOMEBODY);
    let writer = writer(&chain);
    let gas = writer.estimate(rich().address(), counter, Bytes::new()).await.unwrap();
    let hash = writer.send_raw(Transaction { gas, ..Transaction::new(0, counter) }.sign()).await.unwrap();
    chain.mine(GENESIS_S + 1);
    let receipt = writer.receipt(hash).await.unwrap().unwrap();
    assert!(receipt.success);
    assert!(
        (receipt.gas_used..receipt.gas_used + receipt.gas_used / 20 + 2_300).contains(&gas),
        "{gas} for {receipt:?}"
    );
}
