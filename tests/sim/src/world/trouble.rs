//! What goes wrong, drawn from the seed, and how often it was met: a fault that is never met tests nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use attester::guard;
use metalayer_node::{
    clock::Clock,
    store::{Change, Store},
};
use metalayer_proto::topics::{Partition, Topic};

use super::{
    World,
    dice::Dice,
    forgery,
    line::Manners,
    lock,
    plan::Plan,
    process::{Disks, Machine},
};

/// What went wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Processes that were started.
    pub lives: usize,
    /// Processes killed.
    pub kills: u64,
    /// Machines that lost their disks.
    pub wipes: u64,
    /// Attesters that stayed away.
    pub absences: u64,
    /// Each way in which nodes misbehaved, and how often.
    pub manners: BTreeMap<Manners, u64>,
    /// Calls that a node met while it misbehaved.
    pub misbehaved: u64,
    /// Topics on which records were forged.
    pub forged: BTreeSet<Topic>,
    /// Calls that a stranger did again.
    pub repeated: u64,
    /// Whether a rollup made up $ERA.
    pub made_up: bool,
    /// Records that were refused.
    pub dead_letters: u64,
    /// Times that a chain took blocks back.
    pub reorgs: u64,
    /// The most blocks that became final at once.
    pub longest_step: u64,
    /// Whether users have sent all they wanted.
    pub(super) all_sent: bool,
}

impl World {
    /// Draws trouble again and again, until it is over.
    pub(super) async fn trouble(self: Arc<Self>) {
        let dice = Dice::of(self.plan.seed, "trouble");
        let troubles = self.plan.troubles;
        let mut strangers = self.strangers();
        let machines: Vec<_> = lock(&self.disks).keys().copied().collect();
        let partitions: Vec<Partition> = self.founded.network.chains.iter().map(|chain| chain.partition).collect();
        loop {
            tokio::time::sleep(Plan::TROUBLE_EVERY).await;
            if self.is_over() {
                return;
            }
            if dice.permille(troubles.kill)
                && let Some(machine) = dice.pick(&machines)
            {
                self.kill(*machine, Duration::from_secs(dice.below(5)));
                lock(&self.met).kills += 1;
            }
            if dice.permille(troubles.wipe)
                && let Some(machine) = dice.pick(&machines)
            {
                self.wipe(*machine);
            }
            if dice.permille(troubles.absence) {
                let attester = Machine::Attester(
                    usize::try_from(dice.below(self.founded.attesters.len() as u64)).unwrap_or_default(),
                );
                self.kill(attester, Duration::from_secs(dice.between(20, 120)));
                lock(&self.met).absences += 1;
            }
            if dice.permille(troubles.manners) {
                self.misbehave(&dice);
            }
            if dice.permille(troubles.repetition) {
                self.repeat(&mut strangers, &dice);
            }
            if dice.permille(troubles.forgery)
                && let Some(topic) = forgery::forge(&self.bus, &dice, &partitions).await
            {
                self.trace.note("stranger", format_args!("forges a record of {topic}"));
                lock(&self.met).forged.insert(topic);
            }
        }
    }

    /// Ends what runs on a machine, which starts again no sooner than after `away`.
    fn kill(&self, machine: Machine, away: Duration) {
        lock(&self.away).insert(machine, self.clock.now().after(away));
        let life = lock(&self.lives).get(&machine).and_then(|lives| lives.last().cloned());
        if let Some(life) = life.filter(|life| !life.has_ended()) {
            life.end();
        }
    }

    /// Takes a machine's disks away, and gives it empty ones; an attester keeps its guard's records, without which its key signs nothing.
    fn wipe(&self, machine: Machine) {
        self.kill(machine, Duration::ZERO);
        let old = self.disks(machine);
        let new = Disks::empty(machine);
        if matches!(machine, Machine::Attester(_)) {
            let kept = old.first.scan(guard::TABLE, &[], &[], usize::MAX).unwrap_or_default();
            let kept = kept.into_iter().map(|(key, value)| Change::Put(guard::TABLE, key, value)).collect();
            // The table is there: both disks were made alike.
            let _ = new.first.write(kept);
        }
        lock(&self.disks).insert(machine, new);
        self.trace.note(&machine.to_string(), "loses its disks");
        lock(&self.met).wipes += 1;
    }

    /// One node of a chain takes to something bad; the one that did before is honest again, so that enough agree.
    fn misbehave(&self, dice: &Dice) {
        let chains: Vec<_> = self.nodes.values().collect();
        let (Some(nodes), Some(manners)) = (dice.pick(&chains), dice.pick(&Manners::BAD)) else { return };
        nodes.iter().for_each(|node| node.set(Manners::Honest));
        if let Some(node) = dice.pick(nodes) {
            node.set(*manners);
            *lock(&self.met).manners.entry(*manners).or_default() += 1;
            self.trace.note("node", format_args!("takes to being {manners:?}"));
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn heal(&self) {
        self.nodes.values().flatten().for_each(|node| node.set(Manners::Honest));
        self.trace.note("world", "is calm");
    }
}
