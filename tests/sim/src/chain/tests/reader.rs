//! Reading: the suite that every reader's chain passes, the probe, and what finality promises.

use std::sync::atomic::{AtomicU64, Ordering};

use metalayer_node::chain::{
    ChainError, ChainReader, ChainWriter, Expected, Finality, QuorumReader, ReaderSettings, conformance, probe,
};

use super::*;
use crate::founding::{Epochs, Founded};

const WATCHED: Address = Address::repeat_byte(0x6a);
const STRANGER: Address = Address::repeat_byte(0x57);

fn reader(chain: &SimChain, watched: Address) -> QuorumReader {
    let settings = ReaderSettings {
        quorum: 2,
        finality: Finality::Finalized,
        watched: vec![watched],
        bench_pause: Duration::from_secs(3_600),
    };
    let metrics = ReaderMetrics::unregistered(chain.chain()).unwrap();
    QuorumReader::new(chain.chain(), endpoints(chain, 3), settings, metrics).unwrap()
}

struct Bench {
    chain: SimChain,
    reader: QuorumReader,
    nonce: AtomicU64,
}

impl Bench {
    async fn send(&self, to: Address, data: Bytes) {
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        writer(&self.chain).send_raw(Transaction { data, ..Transaction::new(nonce, to) }.sign()).await.unwrap();
    }
}

#[async_trait]
impl conformance::Bench for Bench {
    fn reader(&self) -> &dyn ChainReader {
        &self.reader
    }

    async fn log(&self, logs: &[(B256, Bytes)]) {
        for (_, data) in logs {
            self.send(WATCHED, data.clone()).await;
        }
        self.send(STRANGER, Bytes::from(vec![1; 32])).await;
        self.chain.mine(self.chain.timestamp() + 1);
    }

    async fn idle(&self, blocks: u64) {
        self.chain.idle(blocks, self.chain.timestamp() + 1);
    }

    async fn finalize(&self) {
        self.chain.finalize_to(self.chain.latest().number);
    }
}

#[tokio::test]
async fn two_of_three_conforms() {
    let chain = chain();
    let [watched, _] = [WATCHED, STRANGER].map(|address| logger(&chain, address));
    conformance::suite(&Bench { reader: reader(&chain, watched), chain, nonce: AtomicU64::new(0) }).await;
}

#[tokio::test]
async fn a_probe_finds_every_gateway_that_was_founded() {
    let founded = Founded::copy(Epochs::One).unwrap();
    for one in &founded.chains {
        let (gateway, deployment_block) = (one.deployment.addresses.gateway, one.deployment.deployment_block);
        let chain = one.deployment.chain;
        let expected = Expected { chain, gateway, deployment_block, finality: Finality::Finalized };
        assert_eq!(probe(&endpoints(&one.chain, 2), &expected).await, []);
        let elsewhere = Expected { deployment_block: deployment_block - 1, ..expected };
        assert_eq!(probe(&endpoints(&one.chain, 2), &elsewhere).await.len(), 2);
    }
}

#[tokio::test]
async fn finality_comes_in_jumps_and_never_goes_back() {
    let chain = chain();
    let reader = reader(&chain, WATCHED);
    for (jump, end) in [(1, 1), (32, 33), (1_000, 1_033)] {
        chain.idle(jump, chain.timestamp() + 2);
        assert_ne!(reader.finalized().await.unwrap(), chain.latest());
        chain.finalize_to(chain.latest().number);
        assert_eq!(reader.finalized().await.unwrap(), chain.latest());
        assert_eq!(chain.latest().number, end);
    }
    assert_eq!(chain.finalize_to(7), chain.latest(), "what is final stays final");
}

#[tokio::test]
async fn a_block_that_was_not_final_goes_unseen_and_one_that_was_is_missed() {
    let chain = chain();
    let reader = reader(&chain, WATCHED);
    chain.idle(4, GENESIS_S + 1);
    chain.finalize_to(2);
    let end = reader.finalized().await.unwrap();
    reader.read(0, end).await.unwrap();
    chain.reorg(2, Lost::Nothing);
    chain.idle(2, GENESIS_S + 1);
    chain.finalize_to(4);
    let end = reader.finalized().await.unwrap();
    assert_eq!(reader.read(0, end).await.unwrap().len(), 5);

    chain.reorg(1, Lost::Nothing);
    chain.idle(1, GENESIS_S + 1);
    assert!(matches!(reader.block_at(4).await, Err(ChainError::FinalHistoryChanged { number: 4, .. })));
}

#[tokio::test]
async fn a_forged_log_is_proven_by_the_block_that_lies() {
    let chain = chain();
    let reader = reader(&chain, WATCHED);
    let log = Log::new_unchecked(WATCHED, vec![B256::repeat_byte(1)], Bytes::from_static(b"never happened"));
    chain.forge(GENESIS_S + 1, vec![log.clone()]).unwrap();
    chain.finalize_to(1);
    let end = reader.finalized().await.unwrap();
    let read = reader.read(0, end).await.unwrap();
    assert_eq!((&read[1].logs[0].data, read[1].logs[0].address), (&log.data.data, WATCHED));
}
