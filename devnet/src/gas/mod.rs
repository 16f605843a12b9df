//! `devnet gas`: what delivering costs, as the receipts of a real node with default limits tell it.
//!
//! Base, calldata with its floor (EIP-7623), `accept`, quorum check and deliveries in one transaction, over the number of
//! messages: 350 attesters with distinct keys, 200 random non-zero payload bytes, distinct senders, a recipient that does nothing.
//! The lanes are built here, from an origin that nobody needs to run: what a destination checks is what was signed.

mod figures;
mod lane;
mod signers;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use alloy::{
    primitives::{Address, Bytes, TxKind},
    rpc::types::TransactionReceipt,
    signers::k256::ecdsa,
};
use metalayer_proto::{
    bls::BlsError,
    ids::{ChainId, GatewayId, InvalidChainId, NetworkId},
    lane::{LaneFull, SliceError},
    lanes::LanesError,
    message::PayloadTooLong,
    quorum::{InvalidStake, TableError},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use relayer::deploy::{self, Account, Artifact, DeployError, TransactionError};

use crate::{
    cli::{GasArgs, INTERRUPTED, MISSING},
    console::Console,
    listening::ListenError,
    network,
    node::{Blocks, Node},
    preflight,
    processes::Processes,
    run_dir::{RunDir, clone_root},
    signals::interrupted,
};

pub use figures::{Figure, Figures};
use lane::Lane;
use signers::Signers;

/// The chain that is delivered to.
const CHAIN: u64 = 901;
/// Every run measures the same bytes.
const SEED: u64 = 1;
/// Attesters that do not sign: a tenth, and as many as a quorum of 350 equal stakes allows.
const ABSENT_TENTH: u16 = 35;
const ABSENT_THIRD: u16 = 116;

/// The most that each figure may be.
mod limit {
    /// A message in a batch of 32.
    pub(super) const IN_32: u64 = 16_000;
    /// A message in a batch of 128.
    pub(super) const IN_128: u64 = 11_500;
    /// A message alone.
    pub(super) const ALONE: u64 = 210_000;
    /// Checking a quorum proof of known signers, without the transaction around it.
    pub(super) const VERIFY: u64 = 130_000;
    /// A transaction that activates keys: below 2^24, the most that any transaction may have (EIP-7825).
    pub(super) const ACTIVATION: u64 = (1 << 24) - 1;
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum GasError {
    /// There is no node.
    #[error(transparent)]
    Node(#[from] ListenError),
    /// The account has no key.
    #[error(transparent)]
    Key(#[from] ecdsa::Error),
    /// The contracts could not be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A transaction came to nothing.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The attesters are no epoch's.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A stake is none.
    #[error(transparent)]
    Stake(#[from] InvalidStake),
    /// The signatures do not add up.
    #[error(transparent)]
    Bls(#[from] BlsError),
    /// A chain cannot exist.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The lane cannot be built.
    #[error(transparent)]
    Lane(#[from] LaneFull),
    /// The range cannot be proven.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// The lanes cannot stand under one root.
    #[error(transparent)]
    Lanes(#[from] LanesError),
    /// The payload is too long.
    #[error(transparent)]
    Payload(#[from] PayloadTooLong),
    /// A batch was not delivered whole, so its gas says nothing.
    #[error("{delivered} of {messages} messages were delivered")]
    NotDelivered {
        /// How many were.
        delivered: usize,
        /// How many there were.
        messages: usize,
    },
    /// The result could not be written.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

/// Measures below `runs`, and says whether every limit is met.
pub async fn run(args: &GasArgs, runs: &Path) -> ExitCode {
    let console = Console::new();
    let anvil = preflight::anvil_program(&clone_root(), &std::env::var("PATH").unwrap_or_default());
    let dir = RunDir::create(runs, "gas").map_err(|error| format!("cannot write below {}: {error}", runs.display()));
    let (anvil, dir) = match (anvil.map_err(|missing| missing.to_string()), dir) {
        (Ok(anvil), Ok(dir)) => (anvil, dir),
        (anvil, dir) => {
            anvil.err().iter().chain(dir.err().iter()).for_each(|problem| console.say(problem));
            return ExitCode::from(MISSING);
        }
    };
    let mut processes = Processes::new(dir.clone());
    let measured = tokio::select! {
        measured = Box::pin(measure(&anvil, &mut processes, &console)) => measured,
        () = interrupted() => Err(GasError::Interrupted),
    };
    processes.stop().await;
    let shown = measured.and_then(|figures| {
        let text = if args.json { figures.json().map_err(io::Error::from)? } else { figures.table() };
        writeln!(io::stdout(), "{text}")?;
        Ok(figures.all_met())
    });
    if let Err(error) = dir.remove() {
        console.say(&format!("cannot remove the run's files: {error}"));
    }
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console.say(&error.to_string());
            if matches!(error, GasError::Interrupted) { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

/// Everything that is measured, on a node that is started for it.
pub async fn measure(anvil: &Path, processes: &mut Processes, console: &Console) -> Result<Figures, GasError> {
    let chain = ChainId::new(CHAIN)?;
    let node = Node::start(processes, anvil, "destination", chain, Blocks::AtOnce, &[]).await?;
    measure_on(&node.url, chain, console).await
}

/// Everything that is measured, on a node of `chain` that makes a block for each transaction, and where [`Node::rich`] has coin.
pub async fn measure_on(url: &str, chain: ChainId, console: &Console) -> Result<Figures, GasError> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    console.say("drawing 350 attesters' keys and activating them");
    let signers = Signers::draw(&mut random)?;
    let mut accounts = [Account::connect(url, Node::rich()?).await?];
    let plan = network::plan("gas", &[("gas", chain)], accounts[0].address(), Arc::clone(&signers.table));
    let deployed = deploy::deploy(&plan, &mut accounts).await?;
    let deployment = &deployed.chains[0];
    let [account] = accounts;

    let mut bench = Bench {
        account,
        attester_set: deployment.addresses.attester_set,
        gateway: deployment.gateway(),
        recipient: Address::ZERO,
        network: deployed.network,
        signers,
        random,
        figures: Figures::default(),
    };
    let activation = deployment.activation_gas.iter().copied().max().unwrap_or_default();
    bench.figures.add("activating 350 keys, the largest transaction", activation, Some(limit::ACTIVATION));
    bench.recipient = bench.create_recipient().await?;
    console.say("checking quorum proofs");
    bench.verify().await?;
    console.say("delivering");
    bench.deliver().await?;
    Ok(bench.figures)
}

/// The destination, and what is measured of it.
struct Bench {
    account: Account,
    attester_set: Address,
    gateway: GatewayId,
    recipient: Address,
    network: NetworkId,
    signers: Signers,
    random: ChaCha8Rng,
    figures: Figures,
}

impl Bench {
    async fn create_recipient(&mut self) -> Result<Address, GasError> {
        let address = self.account.creates(0);
        let creation = Artifact::RECIPIENT.creation(&[])?;
        let sent = self.account.send("creating a recipient", TxKind::Create, creation).await?;
        self.account.included(&sent).await?;
        Ok(address)
    }

    /// `verify` by itself, whoever is absent: the first time, and when the signers' sum is remembered.
    async fn verify(&mut self) -> Result<(), GasError> {
        for (absent, who) in [(0, "none absent"), (ABSENT_TENTH, "10 % absent"), (ABSENT_THIRD, "33 % absent")] {
            let absent = self.signers.absent(absent, &mut self.random);
            for (time, limit) in [("first time", None), ("signers known", Some(limit::VERIFY))] {
                let digest = lane::random_hash(&mut self.random);
                let call = lane::verify(digest, &self.signers.prove(digest, &absent)?);
                let receipt = self.send(self.attester_set, call.clone()).await?;
                let execution = receipt.gas_used.saturating_sub(intrinsic_gas(&call));
                self.figures.add(&format!("verify, {who}, {time}, execution"), execution, limit);
            }
        }
        Ok(())
    }

    /// Batches of each size, in a lane that the destination knows, signed by attesters whose sum it knows.
    async fn deliver(&mut self) -> Result<(), GasError> {
        let signing = self.signers.absent(ABSENT_TENTH, &mut self.random);
        for (origin, messages, limit) in [(1, 1, limit::ALONE), (2, 32, limit::IN_32), (3, 128, limit::IN_128)] {
            let mut lane = Lane::new(origin, self.gateway, self.recipient, &mut self.random)?;
            let first = self.deliver_batch(&mut lane, 1, &signing).await?;
            if messages == 1 {
                self.figures.add("a message alone, signers and lane new", first, None);
            }
            let gas = self.deliver_batch(&mut lane, messages, &signing).await?;
            let name = if messages == 1 {
                "a message alone".to_owned()
            } else {
                format!("a message in a batch of {messages}")
            };
            self.figures.add(&name, gas.div_ceil(messages), Some(limit));
        }
        Ok(())
    }

    /// The gas of one transaction that accepts the lane's next `messages` and delivers them.
    async fn deliver_batch(&mut self, lane: &mut Lane, messages: u64, absent: &[u16]) -> Result<u64, GasError> {
        let batch = lane.extend(messages, self.network, &mut self.random)?;
        let proof = self.signers.prove(batch.commitment.digest(), absent)?;
        let receipt = self.send(self.gateway.gateway, batch.call(&proof)).await?;
        batch.require_delivered(&receipt)?;
        Ok(receipt.gas_used)
    }

    async fn send(&mut self, to: Address, call: Bytes) -> Result<TransactionReceipt, GasError> {
        let sent = self.account.send("measuring", TxKind::Call(to), call).await?;
        Ok(self.account.included(&sent).await?)
    }
}

/// What a transaction costs before anything runs: 21,000, and 4 or 16 a byte of calldata (EIP-2028).
fn intrinsic_gas(call: &[u8]) -> u64 {
    call.iter().fold(21_000, |gas, byte| gas + if *byte == 0 { 4 } else { 16 })
}
