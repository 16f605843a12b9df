//! A world: a founded network, its daemons, its users and all that goes wrong, on one seed and one simulated time.

pub mod account;
mod bus;
mod clock;
mod counterfeit;
mod dice;
mod disk;
mod door;
pub mod fittings;
mod forgery;
pub mod invariant;
pub mod life;
pub mod line;
pub mod monitor;
mod operator;
pub mod plan;
pub mod process;
pub mod scenario;
mod signer;
mod stranger;
#[cfg(test)]
mod tests;
pub mod trace;
mod traffic;
mod trouble;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::primitives::B256;
use attester::guard::Guard;
use metalayer_node::{
    bus::memory::MemoryBus,
    clock::UnixMillis,
    signer::AttesterSigner,
    task::status::{StatusBoard, TaskState},
};
use metalayer_proto::{ids::ChainId, topics::Partition};
use tokio::task::JoinSet;

use self::{
    clock::SimClock,
    dice::Dice,
    door::Doors,
    fittings::Fittings,
    life::Life,
    line::SimNode,
    monitor::{AllDisks, Broken, Monitor},
    plan::{Finality, Plan},
    process::{Disks, Machine},
    trace::Trace,
    traffic::{Cargo, call_of},
    trouble::Met,
};
use crate::{
    chain::Lost,
    founding::{Epochs, Founded, FoundingError},
};

/// How often the world looks whether all is done.
const LOOK: Duration = Duration::from_secs(1);
/// How long all that was sent may take to be settled once nothing goes wrong any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(900);
/// How long a daemon that failed is down before it is started again.
const RESTART_AFTER: Duration = Duration::from_secs(2);

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The hash over all effects, in order: the same seed has the same.
    pub hash: B256,
    /// How many effects there were.
    pub effects: u64,
    /// How many messages were sent, governance's among them.
    pub sent: usize,
    /// Simulated time.
    pub took: Duration,
    /// How many durable writes the first life of each machine made.
    pub writes: BTreeMap<Machine, u64>,
    /// What went wrong, and how often it was met.
    pub met: Met,
}

/// A run in which a promise was broken.
#[derive(Debug, thiserror::Error)]
#[error("{} is broken: {}\n{}", .broken.invariant, .broken.how, .last.join("\n"))]
pub struct Failed {
    /// The promise.
    pub broken: Broken,
    /// The last effects.
    pub last: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The network could not be founded.
    #[error("the network could not be founded: {0}")]
    Founding(&'static FoundingError),
    /// There is no runtime.
    #[error(transparent)]
    Runtime(#[from] std::io::Error),
    /// A promise was broken.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Runs a plan, with what is fitted to its processes.
///
/// # Errors
/// A promise was broken.
pub fn run(plan: Plan, fittings: Arc<dyn Fittings>) -> Result<Report, RunError> {
    let epochs = if plan.hand_over { Epochs::HandingOver } else { Epochs::One };
    let founded = Founded::copy(epochs).map_err(RunError::Founding)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    Ok(runtime.block_on(World::run_all(plan, founded, fittings))?)
}

/// All that there is.
pub struct World {
    plan: Plan,
    founded: Founded,
    fittings: Arc<dyn Fittings>,
    clock: SimClock,
    trace: Trace,
    dice: Dice,
    bus: Arc<MemoryBus>,
    nodes: BTreeMap<ChainId, Vec<SimNode>>,
    /// Where attesters post.
    doors: Doors,
    /// Where operators ask.
    offices: Doors,
    disks: AllDisks,
    monitor: Arc<Monitor>,
    lives: Mutex<BTreeMap<Machine, Vec<Life>>>,
    /// Held by the relayer that works: the others stand by, on disks of their own, until it ends.
    duty: tokio::sync::Mutex<()>,
    /// What each machine's daemon is at.
    boards: Mutex<BTreeMap<Machine, StatusBoard>>,
    /// Machines on which nothing is started before then.
    away: Mutex<BTreeMap<Machine, UnixMillis>>,
    met: Mutex<Met>,
}

impl World {
    fn new(plan: Plan, founded: Founded, fittings: Arc<dyn Fittings>) -> Arc<Self> {
        let newest = founded.chains.iter().map(|one| one.chain.timestamp()).max().unwrap_or_default();
        let clock = SimClock::at(UnixMillis((newest + 1) * 1_000));
        let trace = Trace::new(clock);
        let partitions: Vec<Partition> = founded.network.chains.iter().map(|chain| chain.partition).collect();
        let nodes = founded
            .chains
            .iter()
            .map(|one| (one.chain.chain(), (0..plan.nodes).map(|_| SimNode::of(one.chain.clone())).collect()));
        let relayers = (0..plan.relayers).map(Machine::Relayer);
        let machines = relayers.chain((0..founded.attesters.len()).map(Machine::Attester));
        let disks: AllDisks = Arc::new(Mutex::new(machines.map(|one| (one, Disks::empty(one))).collect()));
        Arc::new(Self {
            monitor: Monitor::new(&founded, trace.clone(), disks.clone()),
            dice: Dice::of(plan.seed, "world"),
            bus: MemoryBus::new(partitions, Arc::new(clock)),
            nodes: nodes.collect(),
            plan,
            founded,
            fittings,
            clock,
            trace,
            doors: Doors::default(),
            offices: Doors::default(),
            disks,
            lives: Mutex::default(),
            duty: tokio::sync::Mutex::default(),
            boards: Mutex::default(),
            away: Mutex::default(),
            met: Mutex::default(),
        })
    }

    async fn run_all(plan: Plan, founded: Founded, fittings: Arc<dyn Fittings>) -> Result<Report, Failed> {
        let world = Self::new(plan, founded, fittings);
        (0..world.founded.chains.len()).for_each(|place| world.monitor.chain_changed(place));
        world.nodes.values().filter_map(|nodes| nodes.first()).for_each(|node| node.set(world.plan.first_node));
        let mut tasks = JoinSet::new();
        let machines: Vec<_> = lock(&world.disks).keys().copied().collect();
        for machine in machines {
            world.begin_guard(machine);
            tasks.spawn(world.clone().keep_running(machine));
        }
        for place in 0..world.founded.chains.len() {
            tasks.spawn(world.clone().keep_making_blocks(place));
        }
        tasks.spawn(world.clone().send());
        tasks.spawn(world.clone().trouble());
        tasks.spawn(world.clone().operate());
        let result = world.until_settled().await;
        tasks.abort_all();
        result.map_err(|broken| Failed { broken, last: [world.trace.last(), world.waiting()].concat() })
    }

    /// What `attester guard init` does, once for a key that has never signed.
    fn begin_guard(&self, machine: Machine) {
        let Machine::Attester(number) = machine else { return };
        let key = self.founded.attesters[number].signer().public_key().attester_id();
        // It fails if the records are there already, which they are not.
        let _ = Guard::init(self.disks(machine).first, key);
    }

    /// Starts the daemon of a machine, and again whenever it ended.
    async fn keep_running(self: Arc<Self>, machine: Machine) {
        loop {
            self.wait_until_back(machine).await;
            // A watcher believes of other chains what it finds in its own store, so that one relayer derives all of them.
            let duty = match machine {
                Machine::Relayer(_) => Some(self.duty.lock().await),
                Machine::Attester(_) => None,
            };
            let first = !lock(&self.lives).contains_key(&machine);
            let crash = self.plan.crash.filter(|(crashes, _)| first && *crashes == machine).map(|(_, crash)| crash);
            let Self { plan, dice, trace, clock, .. } = &*self;
            let life = Life::begin(machine.to_string(), plan.pace, dice.clone(), trace.clone(), *clock, crash);
            lock(&self.lives).entry(machine).or_default().push(life.clone());
            let running = tokio::spawn(self.clone().run(machine, life.clone()));
            let abort = running.abort_handle();
            tokio::select! {
                biased;
                () = life.ended() => {}
                ended = running => {
                    let why = match ended {
                        Ok(Err(fault)) => fault.to_string(),
                        Ok(Ok(())) => "nobody asked it to".to_owned(),
                        Err(error) => error.to_string(),
                    };
                    trace.note(&life.name, format_args!("failed: {why}"));
                    life.end();
                }
            }
            abort.abort();
            drop(duty);
            tokio::time::sleep(RESTART_AFTER).await;
        }
    }

    async fn wait_until_back(&self, machine: Machine) {
        let back = lock(&self.away).remove(&machine);
        if let Some(back) = back {
            metalayer_node::clock::Clock::sleep_until(&self.clock, back).await;
        }
    }

    /// Makes a chain's blocks, takes some back, and makes them final.
    async fn keep_making_blocks(self: Arc<Self>, place: usize) {
        let chain = &self.founded.chains[place].chain;
        let dice = Dice::of(self.plan.seed, &format!("chain {place}"));
        loop {
            tokio::time::sleep(Duration::from_millis(dice.between(self.plan.block_ms / 2, self.plan.block_ms))).await;
            let is_troubled = !self.is_over();
            if is_troubled && dice.permille(self.plan.troubles.reorg) {
                let open = chain.latest().number - chain.finalized().number;
                if open > 0 {
                    let lost = if dice.permille(500) { Lost::Nothing } else { Lost::Transactions };
                    let newest = chain.reorg(dice.between(1, open), lost);
                    self.trace.note(&chain.chain().to_string(), format_args!("goes back to {}", newest.number));
                    lock(&self.met).reorgs += 1;
                    self.monitor.chain_changed(place);
                }
            }
            let made = chain.mine(self.clock.seconds());
            self.trace.note(&chain.chain().to_string(), format_args!("makes {} {}", made.number, made.hash));
            self.monitor.chain_changed(place);
            self.finalize(place, &dice);
        }
    }

    fn finalize(&self, place: usize, dice: &Dice) {
        let chain = &self.founded.chains[place].chain;
        let (latest, last) = (chain.latest().number, chain.finalized().number);
        let target = match self.plan.finality[place] {
            Finality::Single => latest.saturating_sub(2),
            // Rollups that make a batch of blocks final post one every few blocks of ours.
            Finality::Jumps(step) if latest - last > 3 && dice.permille(400) => {
                let short = (last + step).saturating_sub(latest);
                chain.idle(short, self.clock.seconds());
                self.monitor.chain_changed(place);
                last + step
            }
            Finality::Jumps(_) => return,
        };
        if target > last {
            chain.finalize_to(target);
            self.trace.note(&chain.chain().to_string(), format_args!("final up to {target}"));
            let mut met = lock(&self.met);
            met.longest_step = met.longest_step.max(target - last);
        }
    }

    /// Sends messages: from the hub at once, from elsewhere as soon as there is $ERA to pay for them.
    async fn send(self: Arc<Self>) {
        let dice = Dice::of(self.plan.seed, "traffic");
        let mut users = traffic::users(&self.founded);
        let mut left = self.plan.messages;
        let send = |users: &mut Vec<traffic::User>, from: usize, cargo: Cargo| {
            let (to, call) = call_of(&self.founded, from, cargo);
            if let Some(hash) = users[from].call(to, call) {
                self.trace.note("user", format_args!("sends {cargo:?} from {from}: {hash}"));
                self.monitor.account(|account| account.intend(hash, cargo.intent()));
            }
        };
        send(&mut users, 0, traffic::first(self.plan.counterfeit));
        let mut made_up = !self.plan.counterfeit;
        let pause = self.plan.lasts.as_millis() / u128::from(self.plan.messages.max(1));
        let pause = u64::try_from(pause).unwrap_or(u64::MAX);
        loop {
            tokio::time::sleep(Duration::from_millis(dice.between(pause / 2, pause))).await;
            users.iter().for_each(traffic::User::broadcast);
            let elsewhere = self.monitor.account(|account| account.has_arrived(1));
            if elsewhere && !made_up {
                made_up = true;
                self.make_up(1);
                send(&mut users, 1, Cargo::Counterfeit);
            }
            lock(&self.met).all_sent = left == 0 && made_up;
            if left == 0 {
                continue;
            }
            // The other chain is quiet across a hand-over: nobody signs anything of it because something was sent.
            let from = usize::from(elsewhere && !self.plan.hand_over && dice.permille(500));
            send(&mut users, from, Cargo::drawn(&dice, from));
            left -= 1;
        }
    }

    /// A chain's rollup makes up $ERA for a user.
    fn make_up(&self, place: usize) {
        let (one, user) = (&self.founded.chains[place], self.founded.holder.address());
        self.monitor.account(|account| {
            let supply = account.supplies().get(&one.chain.chain()).copied().unwrap_or_default();
            account.made_up += counterfeit::make_up(one, supply, user, traffic::COUNTERFEIT_ERA);
        });
        self.trace.note(&one.chain.chain().to_string(), "makes up $ERA");
        lock(&self.met).made_up = true;
    }

    /// Whether traffic and troubles are over.
    fn is_over(&self) -> bool {
        self.elapsed() >= self.plan.lasts && lock(&self.met).all_sent
    }

    fn elapsed(&self) -> Duration {
        let UnixMillis(began) = self.clock.began_at();
        Duration::from_millis(metalayer_node::clock::Clock::now(&self.clock).0 - began)
    }

    async fn until_settled(&self) -> Result<Report, Broken> {
        let mut calm_since = None;
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(broken) = self.monitor.broken() {
                return Err(broken);
            }
            if !self.is_over() {
                continue;
            }
            let since = *calm_since.get_or_insert_with(|| {
                self.heal();
                self.elapsed()
            });
            let (unsettled, stranded) = self.monitor.account(|account| (account.unsettled(), account.stranded()));
            if unsettled.is_empty() && stranded.is_empty() && self.is_up() && self.is_handed_over().await {
                return Ok(self.report());
            }
            if self.elapsed() - since > SETTLED_WITHIN {
                let how = format!("messages are not settled: {unsettled:?}, or not given back: {stranded:?}");
                self.monitor.breaks(0, how);
            }
        }
    }

    /// Whether all attesters run, and a relayer.
    fn is_up(&self) -> bool {
        let lives = lock(&self.lives);
        let runs = |lives: &Vec<Life>| lives.last().is_some_and(|life| !life.has_ended());
        let mut attesters = (0..self.founded.attesters.len()).map(Machine::Attester);
        let mut relayers = (0..self.plan.relayers).map(Machine::Relayer);
        attesters.all(|one| lives.get(&one).is_some_and(runs)) && relayers.any(|one| lives.get(&one).is_some_and(runs))
    }

    /// Whether every origin's newest proof is one of the second epoch, if there is to be one.
    async fn is_handed_over(&self) -> bool {
        if !self.plan.hand_over {
            return true;
        }
        for entry in &self.founded.network.chains {
            let path = format!("/v1/proofs/{}?epoch=2", entry.id);
            let answers = (0..self.plan.relayers).map(|number| self.doors.has(number, &path));
            if !futures::future::join_all(answers).await.contains(&true) {
                return false;
            }
        }
        true
    }

    fn show(&self, machine: Machine, board: StatusBoard) {
        lock(&self.boards).insert(machine, board);
    }

    /// What daemons wait for, in words.
    fn waiting(&self) -> Vec<String> {
        let boards = lock(&self.boards);
        let tasks =
            boards.iter().flat_map(|(machine, board)| board.snapshot().into_iter().map(move |one| (machine, one)));
        let at = tasks.filter(|(_, one)| !matches!(one.state, TaskState::Running | TaskState::Waiting));
        at.map(|(machine, one)| format!("{machine} {:?} {}: {:?}", one.chain, one.name, one.state)).collect()
    }

    fn report(&self) -> Report {
        let lives = lock(&self.lives);
        let writes = lives.iter().filter_map(|(machine, lives)| Some((*machine, lives.first()?.writes())));
        let mut met = lock(&self.met).clone();
        met.misbehaved = self.nodes.values().flatten().map(SimNode::misbehaved).sum();
        met.dead_letters = self.monitor.account(|account| account.dead_letters);
        met.lives = lives.values().map(Vec::len).sum();
        Report {
            hash: self.trace.hash(),
            effects: self.trace.effects(),
            sent: self.monitor.account(|account| account.history().sent.len()),
            took: self.elapsed(),
            writes: writes.collect(),
            met,
        }
    }

    fn disks(&self, machine: Machine) -> Disks {
        lock(&self.disks).entry(machine).or_insert_with(|| Disks::empty(machine)).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
