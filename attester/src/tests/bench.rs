//! A small network: four attesters, chains 900 and 901 in memory, a gateway that writes what an honest one logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::{
    primitives::{Address, B256, Bytes, Log, U256},
    sol_types::{SolCall, SolEvent},
};
use async_trait::async_trait;
use metalayer_node::{
    chain::{BlockContent, BlockRef, ChainError, ChainReader, Finality, MemoryChain, ReadingMode},
    clock::{UnixMillis, manual::ManualClock},
    config::{ChainEntry, EpochEntry, MemberEntry, NetworkFile},
    epochs::{Announced, Epoch, EpochBook},
    sent::{self, Sent},
    signer::{AttesterSigner, LocalSigner, SecretSeed},
    store::{Store, memory::MemoryStore},
    task::{Stage, Step},
    telemetry,
};
use metalayer_proto::{
    act::Act,
    batch::Attestation,
    commitment::Commitment,
    derivation::{Deployment, Derivation, VerifiedBlock},
    events::abi,
    ids::{ChainId, GatewayId},
    interop,
    message::{Kind, Message, Payload},
    quorum::{Aggregator, EpochTable, Member, ProvenCommitment, Stake},
    topics::Partition,
};

use crate::{
    guard::{self, Guard},
    leaves::Leaves,
    metrics::Metrics,
    origin::{Origin, OriginError, Parts},
    outbox::Outbox,
    proven::Proven,
    rules::Rules,
};

pub(super) fn signer(seed: u8) -> LocalSigner {
    LocalSigner::from_seeds(&SecretSeed::known([seed; 32]), &SecretSeed::known([seed + 100; 32]))
}

pub(super) fn gateway(chain: u64) -> GatewayId {
    GatewayId {
        chain: ChainId::new(chain).unwrap(),
        gateway: Address::with_last_byte(u8::try_from(chain % 256).unwrap()),
    }
}

/// The network of chains 900 (the hub) and 901, with attesters 1 to 4.
pub(super) fn network() -> NetworkFile {
    let chain = |(partition, id): (u32, u64)| ChainEntry {
        name: format!("chain {id}"),
        id: gateway(id).chain,
        partition: Partition(partition),
        gateway: gateway(id).gateway,
        attester_set: Address::repeat_byte(2),
        hub_agent: Address::repeat_byte(3),
        era: Address::repeat_byte(4),
        deployment_block: 1,
        finality: Finality::Finalized,
        reading: ReadingMode::BloomReceipts,
    };
    let entry = |(seed, stake): (u8, u128)| MemberEntry {
        operator: Address::repeat_byte(seed),
        transport_key: signer(seed).transport_key(),
        member: Member { key: signer(seed).public_key(), stake: Stake::new(stake).unwrap() },
    };
    let mut members: Vec<_> = (1..=4).zip([30, 25, 24, 21]).map(entry).collect();
    let table = EpochTable::new(1, members.iter().map(|one| one.member).collect()).unwrap();
    members.sort_by_key(|one| table.position(one.member.key.attester_id()));
    NetworkFile {
        name: "bench".into(),
        hub_chain: gateway(900).chain,
        hub_registry: Address::repeat_byte(1),
        chains: [(0, 900), (1, 901)].map(chain).into(),
        epochs: vec![EpochEntry { table: Arc::new(table), activates_at: 0, expires_at: 4_000_000_000, members }],
    }
}

/// When [`second_epoch`] begins.
pub(super) const SECOND: UnixMillis = UnixMillis(100_000);

/// Epoch 2, of attesters 2 to 5.
pub(super) fn second_epoch() -> Epoch {
    let member =
        |(seed, stake): (u8, u128)| Member { key: signer(seed).public_key(), stake: Stake::new(stake).unwrap() };
    Epoch {
        table: Arc::new(EpochTable::new(2, (2..=5).zip([30, 25, 24, 21]).map(member).collect()).unwrap()),
        activates_at: SECOND.0 / 1_000,
        expires_at: 4_000_000_000,
        keys: (2..=5).map(|seed| (signer(seed).transport_key(), signer(seed).public_key())).collect(),
    }
}

/// Both epochs.
pub(super) fn both_epochs() -> Arc<EpochBook> {
    let epochs = network().epoch_book();
    epochs.learn(second_epoch());
    Arc::new(epochs)
}

/// The proof of a commitment by attesters 1 to 3 in epoch 1.
pub(super) fn prove(commitment: Commitment) -> ProvenCommitment {
    prove_in(network().epochs[0].table.clone(), commitment, 1)
}

/// The proof by three attesters, from `first` on: they are a quorum.
pub(super) fn prove_in(table: Arc<EpochTable>, commitment: Commitment, first: u8) -> ProvenCommitment {
    let digest = commitment.digest();
    let sign = |seed| {
        let signer = signer(seed);
        (table.position(signer.public_key().attester_id()).unwrap(), signer.sign(digest).into())
    };
    let signatures: BTreeMap<_, _> = (first..first + 3).map(sign).collect();
    let mut aggregator = Aggregator::new(table, digest);
    assert!(aggregator.add(&signatures).unwrap().is_empty());
    ProvenCommitment { commitment, proof: aggregator.proof().unwrap() }
}

pub(super) fn commitment(chain: u64, height: u64) -> Commitment {
    Commitment {
        version: 1,
        network: network().id(),
        origin: gateway(chain),
        block_number: height,
        block_hash: B256::repeat_byte(5),
        lanes_root: B256::left_padding_from(&height.to_be_bytes()),
        facts_root: B256::ZERO,
    }
}

pub(super) fn attestation(chain: u64, height: u64) -> Attestation {
    let commitment = commitment(chain, height);
    Attestation { commitment, signature: signer(1).sign(commitment.digest()).to_bytes().into() }
}

/// The guard of attester 1 on what is in `store`, told that nothing else was signed.
pub(super) fn guard_over(store: &Arc<dyn Store>) -> Guard {
    guard_of(1, store)
}

fn guard_of(attester: u8, store: &Arc<dyn Store>) -> Guard {
    let key = signer(attester).public_key().attester_id();
    let guard = Guard::open(store.clone(), key).or_else(|_| Guard::init(store.clone(), key)).unwrap();
    guard.listened();
    guard
}

fn deployment(origin: GatewayId) -> Deployment {
    let network = network();
    Deployment {
        network: network.id(),
        origin,
        deployed_at: 1,
        hub: gateway(900),
        hub_registry: network.hub_registry,
        era: Address::repeat_byte(4),
    }
}

/// What derivations have left in `store`, as a process that begins finds it.
pub(super) fn opened(store: &Arc<dyn Store>) -> Sent {
    Sent::open(store.clone(), 1_000, &[900, 901].map(|chain| deployment(gateway(chain)))).unwrap()
}

/// One origin's chain, and what an attester of it keeps beside its process.
pub(super) struct Bench {
    attester: u8,
    pub(super) id: GatewayId,
    pub(super) chain: Arc<MemoryChain>,
    pub(super) clock: ManualClock,
    pub(super) store: Arc<dyn Store>,
    pub(super) proven: Arc<Proven>,
    pub(super) sent: Arc<Sent>,
    pub(super) rules: Arc<Rules>,
    pub(super) announced: Arc<Announced>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) registry: telemetry::Metrics,
    pub(super) metrics: Arc<Metrics>,
    messages: u64,
}

impl Bench {
    /// The gateway is deployed, and its route opened, in block 1.
    pub(super) fn new(chain: u64) -> Self {
        Self::over(chain, Arc::new(MemoryStore::new(&[guard::TABLE])))
    }

    /// As [`Self::new`], with the guard's records of another. Chains with the same content have the same hashes.
    pub(super) fn over(chain: u64, store: Arc<dyn Store>) -> Self {
        let id = gateway(chain);
        let registry = telemetry::Metrics::unregistered();
        let bench = Self {
            attester: 1,
            id,
            chain: MemoryChain::new(id.chain),
            clock: ManualClock::default(),
            store,
            proven: Arc::new(Proven::new(Arc::new(network().epoch_book()), signer(1).public_key().attester_id())),
            sent: Arc::new(opened(&(Arc::new(MemoryStore::new(&sent::TABLES)) as Arc<dyn Store>))),
            rules: Arc::default(),
            announced: Arc::default(),
            outbox: Arc::default(),
            metrics: Arc::new(Metrics::new(&registry).unwrap()),
            registry,
            messages: 0,
        };
        bench.chain.mine(BlockContent::of([bench.route()]));
        bench
    }

    /// As [`Self::new`], of an attester from 1 to 5 that knows both epochs.
    pub(super) fn of(attester: u8, chain: u64) -> Self {
        let proven = Arc::new(Proven::new(both_epochs(), signer(attester).public_key().attester_id()));
        Self { attester, proven, ..Self::new(chain) }
    }

    /// Another chain of the same attester.
    pub(super) fn beside(&self, chain: u64) -> Self {
        let other = Self::over(chain, self.store.clone());
        Self { sent: self.sent.clone(), rules: self.rules.clone(), ..other }
    }

    pub(super) fn deployment(&self) -> Deployment {
        deployment(self.id)
    }

    /// A process that begins over what there is.
    pub(super) fn origin(&self) -> Origin {
        self.origin_reading(Arc::new(self.chain.reader(vec![self.id.gateway])))
    }

    pub(super) fn origin_reading(&self, reader: Arc<dyn ChainReader>) -> Origin {
        self.origin_from(reader, Derivation::new(self.deployment()))
    }

    pub(super) fn origin_from(&self, reader: Arc<dyn ChainReader>, derivation: Derivation) -> Origin {
        let parts = Parts {
            reader,
            guard: Arc::new(guard_of(self.attester, &self.store)),
            signer: Arc::new(signer(self.attester)),
            proven: self.proven.clone(),
            sent: self.sent.clone(),
            leaves: Arc::new(self.leaves()),
            rules: self.rules.clone(),
            announced: self.announced.clone(),
            outboxes: vec![self.outbox.clone()],
            clock: Arc::new(self.clock.clone()),
            poll: Duration::from_millis(100),
            metrics: self.metrics.clone(),
        };
        Origin::new(parts, derivation).unwrap()
    }

    /// Nobody to ask for leaves.
    fn leaves(&self) -> Leaves {
        let epochs = Arc::new(network().epoch_book());
        Leaves::new(Vec::new(), epochs, Arc::new(self.clock.clone()), self.metrics.clone())
    }

    /// Mines blocks in which no lane changes.
    pub(super) fn mine_empty(&self, blocks: u64) {
        (0..blocks).for_each(|_| {
            self.chain.mine(BlockContent::default());
        });
    }

    /// Mines a block with one more message.
    pub(super) fn mine_message(&mut self) -> u64 {
        let log = self.message();
        self.chain.mine(BlockContent::of([log])).number
    }

    /// Mines a message whose sequence leaves one out: no gateway logs that.
    pub(super) fn mine_lie(&mut self) {
        self.messages += 1;
        self.mine_message();
    }

    /// What was signed since this was asked last.
    pub(super) fn signed(&self) -> Vec<Commitment> {
        let now = metalayer_node::clock::Clock::now(&self.clock);
        let due = self.outbox.due(now);
        self.outbox.posted(&due, now);
        due.into_iter().map(|one| one.commitment).collect()
    }

    pub(super) fn heights(&self) -> Vec<u64> {
        self.signed().iter().map(|commitment| commitment.block_number).collect()
    }

    pub(super) fn route(&self) -> Log {
        let to = gateway(if self.id == gateway(900) { 901 } else { 900 });
        let route = abi::Route {
            gateway: to.gateway,
            kinds: 1,
            bytesMax: 100,
            gasMax: 500_000,
            valueMax: 0,
            feeBase: Default::default(),
            feePerByte: Default::default(),
            feePerGas: Default::default(),
        };
        self.log(&abi::RouteSet { destinationChainId: to.chain.get(), route })
    }

    fn message(&mut self) -> Log {
        let message = self.next_message();
        self.sent_log(&message)
    }

    /// The next message of the chain's one lane.
    pub(super) fn next_message(&mut self) -> Message {
        let sender = Address::repeat_byte(0xaa);
        let message = Message {
            origin: self.id,
            destination: gateway(if self.id == gateway(900) { 901 } else { 900 }),
            sequence: self.messages,
            kind: Kind::Generic,
            gas_limit: 200_000,
            sender,
            recipient: Address::repeat_byte(0xbb),
            payer: sender,
            fee: 0,
            after: 0,
            payload: Payload::new(vec![1, 2, 3]).unwrap(),
        };
        self.messages += 1;
        message
    }

    /// The next message, as the hub's registry would send this act.
    pub(super) fn next_act(&mut self, act: &Act) -> Message {
        let registry = network().hub_registry;
        let payload = Payload::new(act.encode()).unwrap();
        Message { kind: Kind::Governance, sender: registry, payer: registry, payload, ..self.next_message() }
    }

    pub(super) fn sent_log(&self, message: &Message) -> Log {
        let own = abi::sentCall {
            id: message.id().0,
            sequence: message.sequence,
            destinationGateway: message.destination.gateway,
            kind: message.kind.byte(),
            gasLimit: message.gas_limit,
            payer: message.payer,
            fee: 0,
            afterSequence: 0,
        };
        let mut attributes: Vec<Bytes> = Vec::new();
        if message.kind == Kind::Governance {
            attributes.push(abi::kindCall { kind: message.kind.byte() }.abi_encode().into());
            attributes.push(abi::gatewayCall { gateway: message.destination.gateway }.abi_encode().into());
        }
        attributes.push(own.abi_encode().into());
        self.log(&abi::MessageSent {
            sendId: B256::ZERO,
            sender: interop::format(self.id.chain, message.sender),
            recipient: interop::format(message.destination.chain, message.recipient),
            payload: message.payload.bytes().clone(),
            value: U256::ZERO,
            attributes,
        })
    }

    /// The logs of a call that delivers this one message here.
    pub(super) fn delivered_logs(&self, message: &Message) -> Vec<Log> {
        let (origin_chain, origin_gateway, sequence) =
            (message.origin.chain.get(), message.origin.gateway, message.sequence);
        let delivered = abi::MessageDelivered {
            id: message.id().0,
            originChainId: origin_chain,
            originGateway: origin_gateway,
            sequence,
        };
        let range = abi::RangeDelivered {
            originChainId: origin_chain,
            originGateway: origin_gateway,
            first: sequence,
            bitmap: U256::from(1),
            executor: Address::repeat_byte(0xcc),
        };
        vec![self.log(&delivered), self.log(&range)]
    }

    fn log(&self, event: &impl SolEvent) -> Log {
        Log { address: self.id.gateway, data: event.encode_log_data() }
    }
}

/// Steps until there is nothing to do.
pub(super) async fn settle(origin: &mut Origin) -> Result<(), OriginError> {
    while let Step::Advanced = origin.step().await? {}
    Ok(())
}

/// Fails the calls with these numbers, counted from 0, in a way that may pass.
pub(super) struct FlakyReader<R> {
    pub(super) inner: R,
    pub(super) failing: Mutex<BTreeSet<usize>>,
    pub(super) calls: AtomicUsize,
}

impl<R: ChainReader> FlakyReader<R> {
    pub(super) fn new(inner: R, failing: impl IntoIterator<Item = usize>) -> Arc<Self> {
        Arc::new(Self { inner, failing: Mutex::new(failing.into_iter().collect()), calls: AtomicUsize::default() })
    }

    fn call(&self) -> Result<(), ChainError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let chain = self.inner.chain();
        let fails = self.failing.lock().unwrap().contains(&call);
        if fails {
            Err(ChainError::TooFewAnswers { chain, answered: 0, needed: 1, detail: String::new() })
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl<R: ChainReader> ChainReader for FlakyReader<R> {
    fn chain(&self) -> ChainId {
        self.inner.chain()
    }

    async fn finalized(&self) -> Result<BlockRef, ChainError> {
        self.call()?;
        self.inner.finalized().await
    }

    async fn read(&self, from: u64, to: BlockRef) -> Result<Vec<VerifiedBlock>, ChainError> {
        self.call()?;
        self.inner.read(from, to).await
    }

    async fn block_at(&self, number: u64) -> Result<BlockRef, ChainError> {
        self.call()?;
        self.inner.block_at(number).await
    }
}
