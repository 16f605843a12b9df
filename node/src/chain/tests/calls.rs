//! What reading costs, in calls: it is done ten times a block.

use std::collections::BTreeMap;

use super::*;

fn calls(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(method, count)| ((*method).to_owned(), *count)).collect()
}

#[tokio::test]
async fn an_idle_poll_of_one_endpoint_is_one_call() {
    let net = Net::of(1, 1).await;
    net.history();
    net.reader.finalized().await.unwrap();
    net.nodes[0].take_calls();
    net.reader.finalized().await.unwrap();
    assert_eq!(net.nodes[0].take_calls(), calls(&[("eth_getBlockByNumber", 1)]));
}

#[tokio::test]
async fn a_new_block_without_our_logs_is_one_more_call_and_with_them_two() {
    let net = Net::of(1, 1).await;
    net.history();
    for (content, expected) in [
        (BlockContent::default(), calls(&[("eth_getLogs", 1)])),
        (BlockContent::of([ours(1)]), calls(&[("eth_getLogs", 1), ("eth_getBlockReceipts", 1)])),
    ] {
        net.chain.mine(content);
        net.chain.finalize();
        let end = net.reader.finalized().await.unwrap();
        net.nodes[0].take_calls();
        net.reader.read(end.number, end).await.unwrap();
        assert_eq!(net.nodes[0].take_calls(), expected);
    }
}

#[tokio::test]
async fn headers_come_in_batches() {
    let net = Net::of(1, 1).await;
    (0..READ_BLOCKS_MAX).for_each(|_| {
        net.chain.mine(BlockContent::default());
    });
    net.chain.finalize();
    let end = net.reader.finalized().await.unwrap();
    let before = net.reader.endpoints()[0].calls();
    net.reader.read(1, end).await.unwrap();
    // 127 headers in batches of 32, and one eth_getLogs.
    assert_eq!(net.reader.endpoints()[0].calls() - before, 5);
}

#[tokio::test]
async fn a_node_without_block_receipts_is_asked_for_each_and_not_for_what_it_lacks_again() {
    let net = Net::of(1, 1).await;
    net.nodes[0].set(Faults { no_block_receipts: true, ..Faults::default() });
    net.history();
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
    net.nodes[0].take_calls();
    net.read_all().await.unwrap();
    let calls = net.nodes[0].take_calls();
    assert!(!calls.contains_key("eth_getBlockReceipts"), "{calls:?}");
    assert_eq!(calls["eth_getTransactionReceipt"], 3);
}
