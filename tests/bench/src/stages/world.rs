//! One relayer and its attesters in this process.

use std::{
    collections::BTreeMap,
    ops::Sub,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    hex,
    primitives::{Bytes, TxKind, U256},
    signers::SignerSync,
    sol_types::SolCall,
};
use attester::guard::Guard;
use axum::{extract::Request, middleware, middleware::Next};
use metalayer_node::{
    bus::{InstanceId, memory::MemoryBus},
    chain::{Endpoint, RpcMetrics},
    clock::Clock,
    collector::HttpCollector,
    daemon::{DaemonError, OpenChain},
    epochs::EpochMetrics,
    signer::AttesterSigner,
    store::{Store, memory::MemoryStore},
    task::{group::TaskGroup, metered, status::StatusBoard},
    telemetry::Metrics,
};
use metalayer_proto::{events::abi::sendMessageCall, interop};
use metalayer_sim::founding::{Epochs, Founded, FoundedChain};
use serde_json::json;

use super::line::{Line, Since};
use crate::{error::BenchError, scrape::Samples};

/// Between two blocks, and two looks at a chain.
const BLOCK: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(100);
/// How long one answer, and all deliveries, may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the registry's own messages take at most.
const FOUNDED: Duration = Duration::from_secs(10);
const MAX_FEE_PER_GAS: u128 = 200_000_000_000;
const SEND_GAS: u64 = 400_000;

/// CPU seconds by daemon and stage; attesters' are their mean.
#[derive(Debug, Clone, Default)]
pub(super) struct Spent(BTreeMap<(&'static str, &'static str), f64>);

impl Spent {
    /// The stages in the order of data's flow; `collect` is the collector's door.
    pub(super) const RELAYER: &'static [&'static str] = &["watch", "collect", "aggregate", "execute", "index"];
    pub(super) const ATTESTER: &'static [&'static str] = &["attest", "publish"];

    pub(super) fn seconds(&self, key: (&'static str, &'static str)) -> f64 {
        self.0.get(&key).copied().unwrap_or_default()
    }
}

impl Sub for &Spent {
    type Output = Spent;

    fn sub(self, earlier: &Spent) -> Spent {
        Spent(self.0.iter().map(|(key, seconds)| (*key, seconds - earlier.seconds(*key))).collect())
    }
}

/// A network whose daemons are tasks.
pub(super) struct World {
    pub(super) founded: Founded,
    clock: Since,
    registry: Metrics,
    /// The relayer's first.
    boards: Vec<StatusBoard>,
    door: Arc<Mutex<Duration>>,
    /// What the hub's registry had told the rollup before anything was sent.
    before: usize,
    nonce: u64,
}

impl World {
    /// Founds the network and starts everything.
    pub(super) async fn start() -> Result<Self, BenchError> {
        let founded = Founded::copy(Epochs::One).map_err(|error| BenchError::Founding(error.to_string()))?;
        let newest = founded.chains.iter().map(|one| one.chain.timestamp()).max().unwrap_or_default();
        let (clock, door) = (Since::start(newest + 1), Arc::<Mutex<Duration>>::default());
        let registry = Metrics::unregistered();
        let (relayer, address) = start_relayer(&founded, clock, &registry, door.clone()).await?;
        let mut world = Self { founded, clock, registry, boards: vec![relayer], door, before: 0, nonce: 0 };
        for place in 0..world.founded.attesters.len() {
            let board = start_attester(&world.founded, place, clock, &address).await?;
            world.boards.push(board);
        }
        let at = world.founded.chains[0].deployment.addresses;
        world.nonce = world.next_nonce()?;
        world.sign_and_post(at.era, devnet::era::approve(at.gateway))?;
        world.make_blocks_for(FOUNDED).await;
        world.before = world.delivered()?;
        Ok(world)
    }

    /// What every stage took so far.
    pub(super) fn spent(&self) -> Spent {
        let mut spent = Spent::default();
        let attesters = self.founded.attesters.len();
        for (place, board) in self.boards.iter().enumerate() {
            let (name, share) = if place == 0 { ("relayer", 1) } else { ("attester", attesters) };
            for task in board.snapshot() {
                #[allow(clippy::cast_precision_loss, reason = "a handful")]
                let seconds = task.cpu.as_secs_f64() / share as f64;
                *spent.0.entry((name, task.name)).or_default() += seconds;
            }
        }
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner).as_secs_f64();
        spent.0.insert(("relayer", "collect"), door);
        spent
    }

    /// Has the hub send so many messages in one block.
    pub(super) async fn send(&mut self, messages: usize, payload: usize) -> Result<(), BenchError> {
        let (hub, there) = (&self.founded.chains[0], &self.founded.chains[1]);
        let gateway = hub.deployment.addresses.gateway;
        let recipient = interop::format(there.chain.chain(), there.willing);
        let call = sendMessageCall { recipient, payload: vec![7; payload].into(), attributes: Vec::new() };
        let call: Bytes = call.abi_encode().into();
        for _ in 0..messages {
            self.sign_and_post(gateway, call.clone())?;
        }
        self.make_blocks().await;
        Ok(())
    }

    /// Makes blocks until so many messages are delivered in final blocks.
    pub(super) async fn settle(&self, messages: usize) -> Result<(), BenchError> {
        let begun = Instant::now();
        while self.delivered()? < self.before + messages {
            if begun.elapsed() >= PATIENCE {
                return Err(BenchError::Late { what: "all messages are delivered", waited: PATIENCE });
            }
            self.make_blocks().await;
        }
        Ok(())
    }

    pub(super) async fn make_blocks_for(&self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.make_blocks().await;
        }
    }

    /// The next block of each chain; its parent is final.
    async fn make_blocks(&self) {
        let now_s = self.clock.now().0 / 1_000;
        for FoundedChain { chain, .. } in &self.founded.chains {
            let chain = chain.clone();
            let made = tokio::task::spawn_blocking(move || {
                let parent = chain.latest().number;
                chain.mine(now_s);
                chain.finalize_to(parent);
            });
            // It ends; a panic there shows as messages that are never delivered.
            let _ = made.await;
        }
        tokio::time::sleep(BLOCK).await;
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of messages")]
    fn delivered(&self) -> Result<usize, BenchError> {
        let text = self.registry.render().map_err(DaemonError::from)?;
        let lane = format!("origin=\"{}\"", self.founded.chains[0].chain.chain());
        Ok(Samples::read(&text).sum("metalayer_message_outcomes_total", &lane) as usize)
    }

    fn next_nonce(&self) -> Result<u64, BenchError> {
        let account = self.founded.holder.address();
        let request =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount", "params": [account, "latest"] });
        let answer = self.founded.chains[0].chain.answer(&request);
        let nonce =
            answer["result"].as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
        nonce.ok_or(BenchError::Wrong("the chain does not tell a nonce"))
    }

    /// A transaction of the holder's on the hub.
    fn sign_and_post(&mut self, to: alloy::primitives::Address, input: Bytes) -> Result<(), BenchError> {
        let chain = &self.founded.chains[0].chain;
        let transaction = TxEip1559 {
            chain_id: chain.chain().get(),
            nonce: self.nonce,
            gas_limit: SEND_GAS,
            max_fee_per_gas: MAX_FEE_PER_GAS,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        let signature = self.founded.holder.sign_hash_sync(&transaction.signature_hash());
        let signature = signature.map_err(|_| BenchError::Wrong("the holder cannot sign"))?;
        let signed = TxEnvelope::from(transaction.into_signed(signature));
        let raw = hex::encode_prefixed(signed.encoded_2718());
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw] });
        if chain.answer(&request)["result"].is_string() {
            self.nonce += 1;
            return Ok(());
        }
        Err(BenchError::Wrong("the chain does not take a transaction"))
    }
}

pub(super) fn open(founded: &Founded, metrics: &Metrics) -> Result<Vec<OpenChain>, BenchError> {
    let rpc = RpcMetrics::declare(metrics).map_err(DaemonError::from)?;
    let one = |(entry, one): (_, &FoundedChain)| {
        let metrics = rpc.of(one.chain.chain());
        let endpoint =
            Endpoint::over("memory".to_owned(), Box::new(Line(one.chain.clone())), ANSWER_MAX, metrics.clone());
        OpenChain::over(entry, &founded.network, vec![Arc::new(endpoint)], 1, metrics)
    };
    let opened = founded.network.chains.iter().zip(&founded.chains).map(one).collect::<Result<_, _>>();
    Ok(opened.map_err(DaemonError::from)?)
}

/// The board of its stages, and where its collector is.
async fn start_relayer(
    founded: &Founded,
    clock: Since,
    registry: &Metrics,
    door: Arc<Mutex<Duration>>,
) -> Result<(StatusBoard, String), BenchError> {
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let relayer = relayer::stages::Relayer::new(relayer::stages::Ground {
        network: founded.network.clone(),
        instance: InstanceId("bench".to_owned()),
        bus: MemoryBus::new(founded.network.chains.iter().map(|chain| chain.partition), clock.clone()),
        derived: Arc::new(MemoryStore::new(&relayer::stages::derived_tables())),
        index: Arc::new(MemoryStore::new(&relayer::index::TABLES)),
        chains: open(founded, registry)?,
        peers: Vec::new(),
        key: founded.executor.clone(),
        clock: clock.clone(),
        poll: POLL,
        max_fee_per_gas: MAX_FEE_PER_GAS,
        metrics: Arc::new(relayer::metrics::Metrics::new(registry).map_err(DaemonError::from)?),
        epoch_metrics: EpochMetrics::declare(registry).map_err(DaemonError::from)?,
    })?;
    let tasks = TaskGroup::new(clock);
    relayer.start(&tasks).await?;
    let counted = middleware::from_fn(move |request: Request, next: Next| {
        let door = door.clone();
        async move {
            let (response, spent) = metered(Box::pin(next.run(request))).await;
            *door.lock().unwrap_or_else(PoisonError::into_inner) += spent;
            response
        }
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let routes = relayer.collector_routes().layer(counted);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let board = tasks.status();
    tokio::spawn(tasks.run(std::future::pending()));
    Ok((board, address))
}

async fn start_attester(
    founded: &Founded,
    place: usize,
    clock: Since,
    collector: &str,
) -> Result<StatusBoard, BenchError> {
    let (registry, clock): (_, Arc<dyn Clock>) = (Metrics::unregistered(), Arc::new(clock));
    let signer = Arc::new(founded.attesters[place].signer());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(&attester::stages::tables()));
    let guard = Guard::init(store.clone(), signer.public_key().attester_id());
    let guard = guard.map_err(|_| BenchError::Wrong("the guard does not begin"))?;
    let collector = collector.parse().map_err(|_| BenchError::Wrong("the collector has no address"))?;
    let collector = HttpCollector::new(&collector).map_err(|_| BenchError::Wrong("the collector cannot be asked"))?;
    let tasks = TaskGroup::new(clock.clone());
    let ground = attester::stages::Ground {
        network: founded.network.clone(),
        signer,
        store,
        guard: Arc::new(guard),
        chains: open(founded, &registry)?,
        collectors: vec![Arc::new(collector)],
        clock,
        poll: POLL,
        metrics: Arc::new(attester::metrics::Metrics::new(&registry).map_err(DaemonError::from)?),
        epoch_metrics: EpochMetrics::declare(&registry).map_err(DaemonError::from)?,
    };
    attester::stages::start(&tasks, ground).await?;
    let board = tasks.status();
    tokio::spawn(tasks.run(std::future::pending()));
    Ok(board)
}
