#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloy::primitives::{Bytes, TxHash, U256};
use metalayer_node::{
    chain::{BlockRef, Fees, Head, Receipt},
    clock::manual::ManualClock,
};
use metalayer_proto::ids::ChainId;

use super::*;
use crate::testing::{Attesters, NETWORK, clock, gateway, metrics, published, records};

/// An AttesterSet that says what the test says.
#[derive(Default)]
struct Set {
    epochs: Mutex<BTreeMap<u64, abi::Epoch>>,
    time: Mutex<u64>,
}

#[async_trait]
impl ChainWriter for Set {
    fn chain(&self) -> ChainId {
        gateway(902).chain
    }

    async fn latest(&self) -> Result<Head, ChainError> {
        let block = BlockRef { number: 1, hash: B256::ZERO };
        Ok(Head { block, timestamp: *self.time.lock().unwrap(), gas_limit: 30_000_000 })
    }

    async fn call(&self, _: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        assert_eq!(to, SET);
        let epochCall { number } = epochCall::abi_decode(&data).unwrap();
        let epoch = self.epochs.lock().unwrap().get(&number).cloned().unwrap_or(unknown());
        Ok(epochCall::abi_encode_returns(&epoch).into())
    }

    async fn nonce(&self, _: Address) -> Result<u64, ChainError> {
        panic!("nothing is sent")
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        panic!("nothing is sent")
    }

    async fn estimate(&self, _: Address, _: Address, _: Bytes) -> Result<u64, ChainError> {
        panic!("nothing is sent")
    }

    async fn send_raw(&self, _: Bytes) -> Result<TxHash, ChainError> {
        panic!("nothing is sent")
    }

    async fn receipt(&self, _: TxHash) -> Result<Option<Receipt>, ChainError> {
        panic!("nothing is sent")
    }

    async fn balance(&self, _: Address) -> Result<U256, ChainError> {
        panic!("nothing is sent")
    }
}

const SET: Address = Address::repeat_byte(7);

fn unknown() -> abi::Epoch {
    abi::Epoch { tableHash: B256::ZERO, activatesAt: 0, expiresAt: 0, members: 0, totalStake: 0, chunks: 0 }
}

struct Bench {
    first: Attesters,
    second: Attesters,
    set: Arc<Set>,
    clock: Arc<ManualClock>,
    records: Records,
    in_force: Arc<InForce>,
    stage: Tables,
}

/// Epochs 1 and 2 are known here; the chain knows the first, loaded and in force.
fn bench() -> Bench {
    let (first, second) = (Attesters::new(), Attesters::of_epoch(2, [3, 4, 5, 6]));
    let (set, clock, in_force) = (Arc::<Set>::default(), clock(), Arc::<InForce>::default());
    let records = records(clock.clone());
    let stage = Tables::new(Parts {
        destination: gateway(902),
        attester_set: SET,
        partition: Partition(2),
        writer: set.clone(),
        epochs: Arc::new(EpochBook::new(NETWORK, [first.epoch(), second.epoch()])),
        in_force: in_force.clone(),
        records: records.clone(),
        clock: clock.clone(),
        metrics: metrics(),
    });
    let bench = Bench { first, second, set, clock, records, in_force, stage };
    bench.chain_has(&bench.first, |epoch| (epoch.members, epoch.chunks) = (4, 1));
    bench
}

impl Bench {
    /// The chain has announced the epoch of `attesters`, and more of it.
    fn chain_has(&self, attesters: &Attesters, more: impl FnOnce(&mut abi::Epoch)) {
        let table = &attesters.table;
        let mut epoch = abi::Epoch { tableHash: table.hash(), activatesAt: 10, expiresAt: 20, ..unknown() };
        more(&mut epoch);
        self.set.epochs.lock().unwrap().insert(table.epoch(), epoch);
    }

    async fn look(&mut self, time: u64) -> Vec<u64> {
        *self.set.time.lock().unwrap() = time;
        assert!(matches!(self.stage.step().await.unwrap(), Step::Idle(_)));
        self.in_force.at(gateway(902)).unwrap()
    }

    async fn brought(&self) -> Vec<LoadChunk> {
        let records: Vec<ReadyRecord> = published(&self.records, 2).await;
        let load = |record| match record {
            ReadyRecord::Act(action) => match *action {
                Action::LoadChunk(load) => load,
                other => panic!("{other:?}"),
            },
            other @ ReadyRecord::Deliver(_) => panic!("{other:?}"),
        };
        records.into_iter().map(load).collect()
    }
}

#[tokio::test]
async fn an_epoch_is_in_force_where_it_is_announced_loaded_and_begun() {
    let mut bench = bench();
    assert_eq!(bench.in_force.at(gateway(902)), None);
    assert!(bench.look(9).await.is_empty());
    assert_eq!(bench.look(10).await, [1]);
    bench.chain_has(&bench.second, |epoch| (epoch.members, epoch.activatesAt) = (4, 15));
    assert_eq!(bench.look(14).await, [1]);
    assert_eq!(bench.look(15).await, [1, 2]);
    assert!(bench.look(20).await.is_empty());
}

#[tokio::test]
async fn an_announced_table_is_brought_once_and_again_if_it_does_not_come() {
    let mut bench = bench();
    bench.look(10).await;
    assert!(bench.brought().await.is_empty(), "nothing is brought before the chain has heard of it");
    bench.chain_has(&bench.second, |_| {});
    for _ in 0..3 {
        assert_eq!(bench.look(10).await, [1]);
    }
    let brought = bench.brought().await;
    assert_eq!(brought.len(), 1);
    let (header, chunks) = (bench.second.table.header(), bench.second.table.chunks().collect::<Vec<_>>());
    assert_eq!((&brought[0].header[..], brought[0].index, &brought[0].chunk[..]), (&header[..], 0, &chunks[0][..]));
    bench.clock.advance(CHUNK_PATIENCE);
    bench.look(10).await;
    assert_eq!(bench.brought().await.len(), 2);
}

#[tokio::test]
async fn a_chain_with_another_table_is_served_nothing_of_that_epoch() {
    let mut bench = bench();
    bench.chain_has(&bench.second, |epoch| (epoch.tableHash, epoch.members) = (B256::repeat_byte(9), 4));
    assert_eq!(bench.look(10).await, [1]);
    assert!(bench.brought().await.is_empty());
}
