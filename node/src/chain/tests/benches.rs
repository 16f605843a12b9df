//! The conformance suite, on every reader.

use async_trait::async_trait;

use super::{
    super::{anvil::Anvil, conformance},
    *,
};

struct MemoryBench<R> {
    chain: Arc<MemoryChain>,
    reader: R,
}

#[async_trait]
impl<R: ChainReader> conformance::Bench for MemoryBench<R> {
    fn reader(&self) -> &dyn ChainReader {
        &self.reader
    }

    async fn log(&self, logs: &[(B256, Bytes)]) {
        let ours = logs.iter().map(|(topic, data)| log(GATEWAY, *topic, data.clone()));
        let stranger = log(STRANGER, B256::ZERO, vec![1]);
        self.chain.mine(BlockContent::of(ours.chain([stranger])));
    }

    async fn idle(&self, blocks: u64) {
        (0..blocks).for_each(|_| {
            self.chain.mine(BlockContent::default());
        });
    }

    async fn finalize(&self) {
        self.chain.finalize();
    }
}

#[tokio::test]
async fn the_reader_in_memory_conforms() {
    let chain = MemoryChain::new(chain_id());
    let reader = chain.reader(vec![GATEWAY]);
    conformance::suite(&MemoryBench { chain, reader }).await;
}

#[tokio::test]
async fn one_of_one_conforms() {
    let net = Net::of(1, 1).await;
    conformance::suite(&MemoryBench { chain: net.chain.clone(), reader: net.reader }).await;
}

#[tokio::test]
async fn two_of_three_conforms() {
    let net = Net::of(3, 2).await;
    conformance::suite(&MemoryBench { chain: net.chain.clone(), reader: net.reader }).await;
}

#[tokio::test]
async fn safe_and_depth_are_rules_too() {
    let safe = Net::start(Setup { finality: Finality::Safe, ..Setup::default() }).await;
    let end = safe.history();
    assert_eq!(safe.reader.finalized().await.unwrap(), end);

    let depth = Net::start(Setup { finality: Finality::Blocks(2), ..Setup::default() }).await;
    depth.history();
    assert_eq!(depth.reader.finalized().await.unwrap(), depth.reader.block_at(1).await.unwrap());
}

/// Logs what it is called with: the first word as topic, everything as data.
///
/// `36 5f 5f 37` copies the calldata to memory, `5f 35` is its first word, `36 5f a1 00` logs it all. Before it, what
/// deploys it.
const LOGGER: &str = "69365f5f375f35365fa1005f52600a6016f3";

struct AnvilBench {
    anvil: Anvil,
    reader: QuorumReader,
    watched: Address,
    stranger: Address,
}

impl AnvilBench {
    async fn start() -> Self {
        let anvil = Anvil::start();
        let code = Bytes::from(hex::decode(LOGGER).unwrap());
        let (watched, _) = anvil.deploy(code.clone()).await;
        let (stranger, _) = anvil.deploy(code).await;
        let metrics = metrics();
        let settings = ReaderSettings {
            quorum: 1,
            finality: Finality::Finalized,
            watched: vec![watched],
            bench_pause: Duration::from_secs(3_600),
        };
        let endpoints = endpoints([anvil.url.clone()], DEADLINE, &metrics);
        let reader = QuorumReader::new(chain_id(), endpoints, settings, metrics).unwrap();
        Self { anvil, reader, watched, stranger }
    }
}

#[async_trait]
impl conformance::Bench for AnvilBench {
    fn reader(&self) -> &dyn ChainReader {
        &self.reader
    }

    async fn log(&self, logs: &[(B256, Bytes)]) {
        for (topic, data) in logs {
            assert!(data.iter().all(|byte| *byte == topic[0]), "the logger's topic is what its data begins with");
            self.anvil.send(Some(self.watched), data.clone()).await;
        }
        self.anvil.send(Some(self.stranger), Bytes::from(vec![1; 32])).await;
        self.anvil.mine(1).await;
    }

    async fn idle(&self, blocks: u64) {
        self.anvil.mine(blocks).await;
    }

    async fn finalize(&self) {
        // With one slot an epoch, `finalized` trails by two.
        self.anvil.mine(2).await;
    }
}

#[tokio::test]
async fn a_real_node_conforms() {
    conformance::suite(&AnvilBench::start().await).await;
}
