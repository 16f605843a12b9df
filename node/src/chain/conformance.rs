//! What every chain reader does, whatever the chain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloy::primitives::{B256, Bytes};
use async_trait::async_trait;

use metalayer_proto::derivation::VerifiedBlock;

use super::{BlockRef, ChainError, ChainReader, READ_BLOCKS_MAX};

/// A chain on which the suite can make things happen.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The reader under test, of one contract's logs.
    fn reader(&self) -> &dyn ChainReader;

    /// Has the watched contract log each `(topic, data)` in a transaction of its own, all in one block, and another
    /// contract log as well. The data begins with the topic.
    async fn log(&self, logs: &[(B256, Bytes)]);

    /// Makes this many empty blocks.
    async fn idle(&self, blocks: u64);

    /// Makes all blocks so far final.
    async fn finalize(&self);
}

/// Runs the suite.
pub async fn suite(bench: &dyn Bench) {
    final_blocks_are_read_linked_and_with_their_logs(bench).await;
    what_is_not_final_is_not_read(bench).await;
    reading_again_gives_the_same(bench).await;
    another_hash_for_a_final_block_is_not_read(bench).await;
    a_read_is_bounded(bench).await;
}

fn entry(byte: u8) -> (B256, Bytes) {
    (B256::repeat_byte(byte), Bytes::from(vec![byte; 32 + usize::from(byte)]))
}

async fn final_blocks_are_read_linked_and_with_their_logs(bench: &dyn Bench) {
    bench.finalize().await;
    let start = bench.reader().finalized().await.unwrap();
    let logged = [entry(1), entry(2), entry(33)];
    bench.idle(3).await;
    bench.log(&logged).await;
    bench.idle(2).await;
    bench.finalize().await;

    let end = bench.reader().finalized().await.unwrap();
    assert!(end.number >= start.number + 6, "{start:?} {end:?}");
    let blocks = bench.reader().read(start.number, end).await.unwrap();
    assert_eq!(blocks.first().map(|block| block.hash), Some(start.hash));
    assert_eq!(blocks.last().map(|block| (block.number, block.hash)), Some((end.number, end.hash)));
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].parent_hash, pair[0].hash);
        assert_eq!(pair[1].number, pair[0].number + 1);
        assert!(pair[1].timestamp >= pair[0].timestamp);
    }
    let logs: Vec<_> = blocks.iter().flat_map(|block| &block.logs).collect();
    let seen: Vec<_> = logs.iter().map(|log| (log.topics[0], log.data.clone())).collect();
    assert_eq!(seen, logged);
    assert!(logs.windows(2).all(|pair| pair[0].index < pair[1].index && pair[0].transaction < pair[1].transaction));
}

async fn what_is_not_final_is_not_read(bench: &dyn Bench) {
    bench.finalize().await;
    let before = bench.reader().finalized().await.unwrap();
    bench.log(&[entry(4)]).await;
    // A block more may have become final by it, but never the one that is new.
    let end = bench.reader().finalized().await.unwrap();
    let logs = |blocks: &[VerifiedBlock]| blocks.iter().map(|block| block.logs.len()).sum::<usize>();
    assert_eq!(logs(&bench.reader().read(before.number + 1, end).await.unwrap()), 0);
    bench.finalize().await;
    let end = bench.reader().finalized().await.unwrap();
    assert_eq!(logs(&bench.reader().read(before.number + 1, end).await.unwrap()), 1);
}

async fn reading_again_gives_the_same(bench: &dyn Bench) {
    bench.finalize().await;
    let end = bench.reader().finalized().await.unwrap();
    let from = end.number.saturating_sub(5);
    let once = bench.reader().read(from, end).await.unwrap();
    assert_eq!(bench.reader().read(from, end).await.unwrap(), once);
    assert_eq!(bench.reader().block_at(end.number).await.unwrap(), end);
    assert_eq!(bench.reader().read(end.number + 1, end).await.unwrap(), []);
}

async fn another_hash_for_a_final_block_is_not_read(bench: &dyn Bench) {
    let end = bench.reader().finalized().await.unwrap();
    let other = BlockRef { hash: B256::repeat_byte(0xee), ..end };
    assert!(bench.reader().read(end.number, other).await.is_err());
}

async fn a_read_is_bounded(bench: &dyn Bench) {
    bench.idle(READ_BLOCKS_MAX).await;
    bench.finalize().await;
    let end = bench.reader().finalized().await.unwrap();
    let most = bench.reader().read(end.number + 1 - READ_BLOCKS_MAX, end).await.unwrap();
    assert_eq!(u64::try_from(most.len()).unwrap(), READ_BLOCKS_MAX);
    let more = bench.reader().read(end.number - READ_BLOCKS_MAX, end).await;
    assert!(matches!(more, Err(ChainError::Unverifiable { .. })), "{more:?}");
}
