//! A small network for unit tests: four attesters, and lanes that lead to one destination.

pub(crate) mod chains;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::primitives::{Address, B256, keccak256};
use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use metalayer_node::{
    bus::{self, Bus, BusError, InstanceId, Member as GroupMember, Offset, Ownership, Stored, memory::MemoryBus},
    chain::{Finality, ReadingMode},
    clock::manual::ManualClock,
    config::{ChainEntry, EpochEntry, MemberEntry, NetworkFile},
    epochs::{Epoch, EpochBook},
    sent,
    store::memory::MemoryStore,
    telemetry,
};
use metalayer_proto::{
    batch::TransportKey,
    bls::SecretKey,
    commitment::Commitment,
    derivation::{JudgedMessage, LaneChange, Verdict},
    envelope::{BlockRecord, Deliver, Envelope, Record},
    ids::{ChainId, GatewayId, NetworkId},
    item::Item,
    lane::Frontier,
    lanes::{LaneState, LanesTree},
    message::{Kind, Message, Payload},
    quorum::{Aggregator, EpochTable, Member, ProvenCommitment, Stake},
    topics::{Group, Partition, Topic},
};

use serde_json::Value;

use crate::{
    archive::{self, Archive},
    metrics::Metrics,
    record::Records,
};

pub(crate) const NETWORK: NetworkId = NetworkId(B256::repeat_byte(7));

pub(crate) fn gateway(chain: u64) -> GatewayId {
    GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::repeat_byte(u8::try_from(chain % 250).unwrap()) }
}

pub(crate) fn message(sequence: u64, after: u64) -> Message {
    Message {
        origin: gateway(901),
        destination: gateway(902),
        sequence,
        kind: Kind::Generic,
        gas_limit: 100_000,
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        payer: Address::repeat_byte(1),
        fee: 0,
        after,
        payload: Payload::new(sequence.to_be_bytes().to_vec()).unwrap(),
    }
}

pub(crate) fn judged(message: Message) -> JudgedMessage {
    JudgedMessage { id: message.id(), message, verdict: Verdict::Valid, transaction_hash: B256::ZERO }
}

/// The one lane of an origin, growing block by block.
pub(crate) struct Lane {
    pub(crate) origin: GatewayId,
    pub(crate) frontier: Frontier,
    pub(crate) height: u64,
}

impl Default for Lane {
    fn default() -> Self {
        Self::of(gateway(901))
    }
}

impl Lane {
    pub(crate) fn of(origin: GatewayId) -> Self {
        Self { origin, frontier: Frontier::default(), height: 0 }
    }

    /// The record of a block with these messages, ready to be delivered.
    pub(crate) fn deliver(&mut self, attesters: &Attesters, messages: Vec<Message>) -> Deliver {
        let before = self.frontier.clone();
        let items = messages.iter().cloned().map(|message| Item::Message(Box::new(message))).collect();
        self.block(messages);
        let ProvenCommitment { commitment, proof } = attesters.prove(self.commitment(), 3);
        let (lane, lane_proof) = LanesTree::new(vec![self.state()]).unwrap().prove(gateway(902)).unwrap();
        Deliver { commitment, proof, lane, lane_proof, before, items }
    }

    /// A block with these messages at the lane's end.
    pub(crate) fn block(&mut self, messages: Vec<Message>) -> BlockRecord {
        self.judged_block(messages.into_iter().map(judged).collect())
    }

    pub(crate) fn judged_block(&mut self, messages: Vec<JudgedMessage>) -> BlockRecord {
        let before = self.frontier.clone();
        for one in &messages {
            self.frontier.append(one.leaf()).unwrap();
        }
        self.height += 1;
        let lanes = vec![self.state()];
        BlockRecord {
            commitment: self.commitment(),
            timestamp: self.height,
            lanes,
            changes: vec![LaneChange { destination: gateway(902), before, messages }],
        }
    }

    pub(crate) fn state(&self) -> LaneState {
        LaneState { destination: gateway(902), count: self.frontier.count(), root: self.frontier.root() }
    }

    pub(crate) fn commitment(&self) -> Commitment {
        Commitment {
            version: 1,
            network: NETWORK,
            origin: self.origin,
            block_number: self.height,
            block_hash: B256::repeat_byte(3),
            lanes_root: LanesTree::new(vec![self.state()]).unwrap().root(),
            facts_root: B256::ZERO,
        }
    }
}

/// Four attesters of 30, 25, 24 and 21 of 100.
pub(crate) struct Attesters {
    pub(crate) secrets: Vec<SecretKey>,
    pub(crate) table: Arc<EpochTable>,
}

impl Attesters {
    pub(crate) fn new() -> Self {
        Self::of_epoch(1, [1, 2, 3, 4])
    }

    /// The attesters with these seeds, of another epoch.
    pub(crate) fn of_epoch(epoch: u64, seeds: [u8; 4]) -> Self {
        let secrets: Vec<_> = seeds.iter().map(|seed| SecretKey::from_seed(&[*seed; 32])).collect();
        let member = |(secret, stake): (&SecretKey, u128)| Member {
            key: secret.public_key(),
            stake: Stake::new(stake).unwrap(),
        };
        let members = secrets.iter().zip([30, 25, 24, 21]).map(member).collect();
        Self { table: Arc::new(EpochTable::new(epoch, members).unwrap()), secrets }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        let keys = (0..4).map(|i| (TransportKey::from(&transport(i)), self.secrets[i].public_key())).collect();
        Epoch { table: self.table.clone(), activates_at: 0, expires_at: u64::MAX, keys }
    }

    pub(crate) fn book(&self) -> Arc<EpochBook> {
        Arc::new(EpochBook::new(NETWORK, [self.epoch()]))
    }

    /// The proof of a commitment by the first `signers` attesters.
    pub(crate) fn prove(&self, commitment: Commitment, signers: usize) -> ProvenCommitment {
        let digest = commitment.digest();
        let place = |secret: &SecretKey| self.table.position(secret.public_key().attester_id()).unwrap();
        let signatures: BTreeMap<_, _> =
            self.secrets.iter().take(signers).map(|secret| (place(secret), secret.sign(digest).into())).collect();
        let mut aggregator = Aggregator::new(self.table.clone(), digest);
        assert!(aggregator.add(&signatures).unwrap().is_empty());
        ProvenCommitment { commitment, proof: aggregator.proof().unwrap() }
    }
}

/// The transport key of the attester with this index.
pub(crate) fn transport(attester: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(attester + 100).unwrap(); 32])
}

/// Hashes of the signatures of what the gateway declares: of each `function`, `event` or `error`.
pub(crate) fn declared(kind: &str) -> BTreeSet<B256> {
    let artifact: Value = serde_json::from_str(include_str!("../../contracts/artifacts/Gateway.json")).unwrap();
    let of_kind = |entry: &&Value| entry["type"] == kind;
    let signature = |entry: &Value| format!("{}{}", entry["name"].as_str().unwrap(), types(&entry["inputs"]));
    artifact["abi"].as_array().unwrap().iter().filter(of_kind).map(|entry| keccak256(signature(entry))).collect()
}

fn types(inputs: &Value) -> String {
    let one = |input: &Value| match input["type"].as_str().unwrap() {
        array if array.starts_with("tuple") => format!("{}{}", types(&input["components"]), &array["tuple".len()..]),
        plain => plain.to_owned(),
    };
    format!("({})", inputs.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(","))
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::default())
}

pub(crate) fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new(&telemetry::Metrics::unregistered()).unwrap())
}

/// The tables of a relayer's derivations and archive.
pub(crate) fn derived_store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(&[&sent::TABLES[..], &archive::TABLES].concat()))
}

/// An archive of chain 901 that has nothing yet.
pub(crate) fn archive() -> Arc<Archive> {
    Arc::new(Archive::open(derived_store(), [gateway(901)], metrics()).unwrap())
}

/// A bus in memory with partitions 1 (901) and 2 (902).
pub(crate) fn records(clock: Arc<ManualClock>) -> Records {
    let bus: Arc<dyn Bus> = MemoryBus::new([Partition(1), Partition(2)], clock);
    Records::new(bus, metrics())
}

/// All records of a kind on a partition.
pub(crate) async fn published<R: Record>(records: &Records, partition: u32) -> Vec<R> {
    let partition = Partition(partition);
    let from = records.bus.range(R::TOPIC, partition).await.unwrap().0;
    let stored = records.bus.read(R::TOPIC, partition, from, 1_000, Duration::ZERO).await.unwrap();
    stored.iter().map(|stored| Envelope::decode(&stored.value).unwrap().record).collect()
}

/// A bus that publishes so many records, then fails; everything else is the bus's behind it.
pub(crate) struct FailingBus {
    bus: Arc<dyn Bus>,
    left: AtomicUsize,
}

impl FailingBus {
    pub(crate) fn after(records: usize, bus: Arc<dyn Bus>) -> Arc<Self> {
        Arc::new(Self { bus, left: AtomicUsize::new(records) })
    }
}

#[async_trait]
impl Bus for FailingBus {
    async fn publish(&self, record: bus::Record) -> Result<Offset, BusError> {
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        spent.map_err(|_| BusError::Unavailable("as told".into()))?;
        self.bus.publish(record).await
    }

    async fn append_owned(&self, ownership: &Ownership, record: bus::Record) -> Result<Offset, BusError> {
        self.bus.append_owned(ownership, record).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<Stored>, BusError> {
        self.bus.read(topic, partition, from, limit, wait).await
    }

    async fn range(&self, topic: Topic, partition: Partition) -> Result<(Offset, Offset), BusError> {
        self.bus.range(topic, partition).await
    }

    async fn join(self: Arc<Self>, group: Group, instance: InstanceId) -> Result<Box<dyn GroupMember>, BusError> {
        self.bus.clone().join(group, instance).await
    }
}

/// The file of a network with a hub, 900, and another chain, 901.
pub(crate) fn network_file() -> NetworkFile {
    let chain = |(partition, id): (u32, u64)| ChainEntry {
        name: format!("chain-{id}"),
        id: gateway(id).chain,
        partition: Partition(partition),
        gateway: gateway(id).gateway,
        attester_set: Address::repeat_byte(1),
        hub_agent: Address::repeat_byte(2),
        era: Address::repeat_byte(3),
        deployment_block: 1,
        finality: Finality::Finalized,
        reading: ReadingMode::BloomReceipts,
    };
    let attesters = Attesters::new();
    let member = |index: usize| {
        let key = attesters.secrets[index].public_key();
        let position = attesters.table.position(key.attester_id()).unwrap();
        let transport_key = TransportKey::from(&transport(index));
        let member = attesters.table.members()[position as usize];
        (position, MemberEntry { operator: Address::repeat_byte(5), transport_key, member })
    };
    let members: std::collections::BTreeMap<_, _> = (0..4).map(member).collect();
    let members = members.into_values().collect();
    NetworkFile {
        name: "example".into(),
        hub_chain: gateway(900).chain,
        hub_registry: Address::repeat_byte(4),
        chains: (1..).zip([900, 901]).map(chain).collect(),
        epochs: vec![EpochEntry { table: attesters.table.clone(), activates_at: 1, expires_at: 2, members }],
    }
}
