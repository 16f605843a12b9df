//! Nodes that lie, hang or cannot be verified (SECURITY "poisoned RPCs with failover", "empty or wrong bloom").

use super::*;

/// A liar of three is caught, named and benched, and everything is read as if it were not there.
async fn is_caught(faults: Faults, lie: Lie) {
    let net = Net::of(3, 2).await;
    net.history();
    net.nodes[0].set(faults);
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
    assert!(net.benched(0).is_some(), "the liar is not benched");
    assert_eq!((net.lies(0, lie), net.benched(1), net.benched(2)), (1, None, None));

    // It is not asked any more, and two of the other two must agree.
    net.nodes[0].take_calls();
    net.chain.mine(BlockContent::of([ours(9)]));
    net.chain.finalize();
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
    assert!(net.nodes[0].take_calls().is_empty());
}

#[tokio::test]
async fn a_liar_about_headers_is_caught() {
    is_caught(Faults { alters_headers: true, ..Faults::default() }, Lie::Header).await;
    is_caught(Faults { wrong_parent: true, ..Faults::default() }, Lie::Header).await;
}

#[tokio::test]
async fn a_liar_about_receipts_is_caught() {
    is_caught(Faults { drops_logs: true, ..Faults::default() }, Lie::Receipts).await;
    is_caught(Faults { alters_receipts: true, ..Faults::default() }, Lie::Receipts).await;
    is_caught(Faults { transaction_type: Some(0x7e), ..Faults::default() }, Lie::Receipts).await;
}

#[tokio::test]
async fn a_liar_about_logs_is_caught_wherever_it_puts_them() {
    for block in [1, 2, 3] {
        is_caught(Faults { forges_log: Some((block, ours(7))), ..Faults::default() }, Lie::Log).await;
    }
}

#[tokio::test]
async fn a_liar_about_a_final_hash_is_caught() {
    let net = Net::of(3, 2).await;
    let end = net.history();
    let forged = MemoryChain::new(chain_id());
    (0..end.number).for_each(|_| {
        forged.mine(BlockContent::of([ours(6)]));
    });
    forged.finalize();
    let liar = ScriptedNode::start(forged).await.unwrap();
    let urls = [liar.url(), net.nodes[1].url(), net.nodes[2].url()];
    let settings =
        ReaderSettings { quorum: 2, finality: Finality::Finalized, watched: vec![GATEWAY], bench_pause: DEADLINE };
    let endpoints = endpoints(urls, DEADLINE, &net.metrics);
    let reader = QuorumReader::new(chain_id(), endpoints, settings, net.metrics.clone()).unwrap();

    assert_eq!(reader.finalized().await.unwrap(), end);
    assert_eq!(reader.read(0, end).await.unwrap(), net.truth().await);
    assert!(reader.endpoints()[0].benched().unwrap().contains("block 3"));
}

#[tokio::test]
async fn an_invented_head_moves_nobody() {
    let net = Net::of(3, 2).await;
    let end = net.history();
    net.nodes[0].set(Faults { finalized: Some(1_000_000), ..Faults::default() });
    assert_eq!(net.reader.finalized().await.unwrap(), end);
}

#[tokio::test]
async fn hidden_logs_are_read_all_the_same() {
    let net = Net::of(3, 2).await;
    net.history();
    net.nodes.iter().for_each(|node| node.set(Faults { hides_logs: true, ..Faults::default() }));
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
}

#[tokio::test]
async fn one_that_hangs_delays_nobody_and_is_not_called_a_liar() {
    let net = Net::of(3, 2).await;
    net.history();
    net.nodes[2].set(Faults { hangs: true, ..Faults::default() });
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
    assert_eq!(net.benched(2), None);
}

#[tokio::test]
async fn one_that_hangs_is_named_until_it_answers_again() {
    let net = Net::of(3, 2).await;
    net.history();
    let name = net.reader.endpoints()[2].name();
    net.nodes[2].set(Faults { hangs: true, ..Faults::default() });
    net.reader.finalized().await.unwrap();
    assert!(!net.metrics.is_silent(name), "once happens to anybody");
    net.reader.finalized().await.unwrap();
    assert!(net.metrics.is_silent(name) && !net.metrics.is_silent(net.reader.endpoints()[1].name()));
    net.nodes[2].set(Faults::default());
    while net.metrics.is_silent(name) {
        net.reader.finalized().await.unwrap();
    }
}

#[tokio::test]
async fn data_comes_from_another_when_the_first_choice_hangs() {
    let setup = Setup { deadline: Duration::from_millis(300), ..Setup::default() };
    let net = Net::start(setup).await;
    net.history();
    net.nodes[0].set(Faults { hangs: true, ..Faults::default() });
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
}

#[tokio::test]
async fn fewer_than_k_is_an_error_that_says_who_failed_and_never_a_smaller_k() {
    let setup = Setup { deadline: Duration::from_millis(300), ..Setup::default() };
    let net = Net::start(setup).await;
    net.history();
    net.nodes[1].set(Faults { hangs: true, ..Faults::default() });
    net.nodes[2].set(Faults { no_finality: true, ..Faults::default() });
    let error = net.reader.finalized().await.unwrap_err();
    assert!(matches!(error, ChainError::TooFewAnswers { answered: 1, needed: 2, .. }), "{error}");
    assert!(error.is_retryable());
    for node in &net.nodes[1..] {
        assert!(error.to_string().contains(&node.url()), "{error}");
    }
}

#[tokio::test]
async fn benched_below_k_stops_and_goes_on_after_the_pause() {
    let net = Net::start(Setup { nodes: 2, bench_pause: Duration::ZERO, ..Setup::default() }).await;
    net.history();
    net.nodes[0].set(Faults { alters_headers: true, ..Faults::default() });
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);
    assert_eq!(net.lies(0, Lie::Header), 1);
    net.nodes[0].set(Faults::default());
    assert_eq!(net.read_all().await.unwrap(), net.truth().await);

    let net = Net::of(2, 2).await;
    net.history();
    net.nodes[0].set(Faults { alters_headers: true, ..Faults::default() });
    net.read_all().await.unwrap();
    let error = net.reader.finalized().await.unwrap_err();
    assert!(matches!(error, ChainError::TooFewAnswers { answered: 1, needed: 2, .. }), "{error}");
    assert!(error.to_string().contains("benched"), "{error}");
}

#[tokio::test]
async fn two_histories_with_k_voices_each_are_a_disagreement() {
    let net = Net::of(1, 1).await;
    net.history();
    let other = MemoryChain::new(chain_id());
    (0..3).for_each(|_| {
        other.mine(BlockContent::of([ours(6)]));
    });
    other.finalize();
    let liar = ScriptedNode::start(other).await.unwrap();
    let settings =
        ReaderSettings { quorum: 1, finality: Finality::Finalized, watched: vec![GATEWAY], bench_pause: DEADLINE };
    let endpoints = endpoints([net.nodes[0].url(), liar.url()], DEADLINE, &net.metrics);
    let reader = QuorumReader::new(chain_id(), endpoints, settings, net.metrics.clone()).unwrap();
    let error = reader.block_at(3).await.unwrap_err();
    assert!(matches!(error, ChainError::Disagreement { needed: 1, .. }), "{error}");
}

async fn is_unverifiable(faults: Faults, words: &[&str]) {
    let net = Net::of(3, 2).await;
    net.history();
    net.nodes.iter().for_each(|node| node.set(faults.clone()));
    let error = net.read_all().await.unwrap_err();
    assert!(matches!(error, ChainError::Unverifiable { .. }) && !error.is_retryable(), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
    assert!((0..3).all(|node| net.benched(node).is_none()), "nobody lied");
}

#[tokio::test]
async fn a_chain_whose_headers_nobody_can_rehash_is_not_read() {
    is_unverifiable(Faults { foreign_header: true, ..Faults::default() }, &["l1BatchNumber", "ZKsync"]).await;
}

#[tokio::test]
async fn a_chain_with_another_stacks_transactions_is_not_read() {
    let faults = |kind| Faults { transaction_type: Some(kind), ..Faults::default() };
    is_unverifiable(faults(0x7e), &["0x7e", "OP Stack"]).await;
    is_unverifiable(faults(0x6a), &["0x6a", "Arbitrum"]).await;
    is_unverifiable(faults(0x50), &["0x50", "unknown stack"]).await;
}

#[tokio::test]
async fn a_chain_whose_receipts_root_cannot_be_recomputed_is_not_read() {
    is_unverifiable(Faults { alters_receipts: true, ..Faults::default() }, &["block 2", "root"]).await;
}

#[tokio::test]
async fn a_chain_whose_blooms_are_wrong_is_not_read_and_nobody_is_blamed() {
    let net = Net::of(3, 2).await;
    net.chain.mine(BlockContent { empty_bloom: true, ..BlockContent::of([ours(1)]) });
    net.chain.finalize();
    let error = net.read_all().await.unwrap_err();
    assert!(matches!(error, ChainError::Unverifiable { .. }), "{error}");
    assert!(error.to_string().contains("bloom"), "{error}");
    assert!((0..3).all(|node| net.benched(node).is_none()), "nobody lied");
}

#[tokio::test]
async fn final_history_that_changes_is_noticed() {
    let net = Net::of(3, 2).await;
    net.history();
    net.read_all().await.unwrap();

    // The newest final block itself changes …
    net.chain.rewind(3);
    net.chain.mine(BlockContent::of([ours(5)]));
    net.chain.finalize();
    let error = net.reader.finalized().await.unwrap_err();
    assert!(matches!(error, ChainError::FinalHistoryChanged { number: 3, .. }), "{error}");

    // … or one below it, seen when what follows is linked.
    net.chain.mine(BlockContent::default());
    let end = net.chain.finalize();
    let error = net.reader.read(4, end).await.unwrap_err();
    assert!(matches!(error, ChainError::FinalHistoryChanged { number: 3, .. }), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_final_block_stays_final_when_nodes_forget_it() {
    let net = Net::of(3, 2).await;
    let end = net.history();
    assert_eq!(net.reader.finalized().await.unwrap(), end);
    net.nodes.iter().for_each(|node| node.set(Faults { finalized: Some(1), ..Faults::default() }));
    assert_eq!(net.reader.finalized().await.unwrap(), end);
}

#[test]
fn a_quorum_of_none_or_of_more_than_there_are_is_refused() {
    let settings =
        |quorum| ReaderSettings { quorum, finality: Finality::Safe, watched: vec![GATEWAY], bench_pause: DEADLINE };
    let build = |quorum| {
        let endpoints = endpoints(["http://localhost:1".into(), "http://localhost:2".into()], DEADLINE, &metrics());
        QuorumReader::new(chain_id(), endpoints, settings(quorum), metrics())
    };
    assert!(build(0).is_err() && build(3).is_err());
    assert!(build(1).is_ok() && build(2).is_ok());
}
