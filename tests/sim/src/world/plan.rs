//! What a run is like: drawn from its seed, or said by a scenario.

use std::time::Duration;

use super::{
    dice::Dice,
    life::{CrashAt, Pace},
    line::Manners,
    process::Machine,
};

/// In what steps a chain becomes final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// Block by block, two behind the newest.
    Single,
    /// So many blocks at once.
    Jumps(u64),
}

/// What may go wrong in a run; each a number of times in a thousand, drawn every [`Plan::TROUBLE_EVERY`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// A process is killed, and comes back.
    pub kill: u64,
    /// A relayer's machine loses its disks.
    pub wipe: u64,
    /// An attester stays away for long.
    pub absence: u64,
    /// A node of a chain misbehaves for a while.
    pub manners: u64,
    /// Records in others' names are put on the bus.
    pub forgery: u64,
    /// A stranger does again what a relayer did.
    pub repetition: u64,
    /// Blocks that are not final are taken back, at each new block.
    pub reorg: u64,
}

/// What a run is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What everything else is drawn from.
    pub seed: u64,
    /// How many relayers share the bus; one works, the others stand by.
    pub relayers: usize,
    /// Nodes of each chain, and how many must agree.
    pub nodes: usize,
    /// How many of them must agree.
    pub agree: usize,
    /// How each chain becomes final, the hub first.
    pub finality: [Finality; 2],
    /// Milliseconds between two blocks, at most.
    pub block_ms: u64,
    /// How long calls take.
    pub pace: Pace,
    /// Batches that arrive twice, of a thousand.
    pub doubled: u64,
    /// How many messages are sent.
    pub messages: u64,
    /// How long traffic and troubles last.
    pub lasts: Duration,
    /// A second epoch takes over, and the second chain is quiet meanwhile.
    pub hand_over: bool,
    /// The second chain's rollup lies: it makes up $ERA, and sends it.
    pub counterfeit: bool,
    /// What is wrong with the first node of each chain, as long as nothing else takes to it.
    pub first_node: Manners,
    /// What goes wrong.
    pub troubles: Troubles,
    /// The first life of this machine ends at a write.
    pub crash: Option<(Machine, CrashAt)>,
}

impl Plan {
    /// How often trouble is drawn.
    pub const TROUBLE_EVERY: Duration = Duration::from_secs(2);

    /// Nothing goes wrong, and nobody waits.
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            relayers: 1,
            nodes: 1,
            agree: 1,
            finality: [Finality::Single; 2],
            block_ms: 2_000,
            pace: Pace::AT_ONCE,
            doubled: 0,
            messages: 6,
            lasts: Duration::from_secs(20),
            hand_over: false,
            counterfeit: false,
            first_node: Manners::Honest,
            troubles: Troubles::default(),
            crash: None,
        }
    }

    /// What this seed draws.
    pub fn drawn(seed: u64) -> Self {
        let dice = Dice::of(seed, "plan");
        let nodes = if dice.permille(400) { 3 } else { 1 };
        let finality = || match dice.below(10) {
            0..6 => Finality::Single,
            6..9 => Finality::Jumps(32),
            _ => Finality::Jumps(1_000),
        };
        let some = |often: u64, times: u64| if dice.permille(often) { times } else { 0 };
        Self {
            seed,
            relayers: if dice.permille(500) { 2 } else { 1 },
            nodes,
            agree: if nodes == 3 { 2 } else { 1 },
            finality: [finality(), finality()],
            block_ms: dice.between(1_000, 4_000),
            pace: Pace {
                often: dice.below(300),
                seldom: dice.below(15),
                little: Duration::from_millis(dice.between(5, 200)),
                long: Duration::from_millis(dice.between(500, 8_000)),
            },
            doubled: some(300, 200),
            messages: dice.between(4, 14),
            lasts: Duration::from_secs(dice.between(20, 60)),
            hand_over: false,
            counterfeit: false,
            first_node: Manners::Honest,
            troubles: Troubles {
                kill: some(500, 150),
                wipe: some(200, 50),
                absence: some(300, 60),
                // Fewer than agree would stop the chain.
                manners: if nodes == 3 { some(700, 200) } else { 0 },
                forgery: some(500, 200),
                repetition: some(500, 200),
                reorg: some(500, 150),
            },
            crash: None,
        }
    }
}
