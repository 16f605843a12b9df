//! The messages of a demo, as a function of its seed.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    audit::Intent,
    network::{FAULTY, PAYLOAD_MAX, VALUE_MAX_ERA},
};

/// How many messages one sender has ordered.
const ORDERED: usize = 10;
/// How many go to a recipient that reverts until it is told to take them.
const FAIL_FIRST: usize = 20;
/// How many are void of each kind that is.
const VOID_EACH: usize = 2;
/// The part of all messages that moves $ERA: one in this many.
const ERA_PART: usize = 3;
/// The most $ERA that one message moves, in the smallest unit.
const ERA_MAX: u128 = 100 * 10_u128.pow(18);
/// The most that a route carries, in the smallest unit.
const VALUE_MAX: u128 = VALUE_MAX_ERA as u128 * 10_u128.pow(18);
/// The part of all messages that is sent at once: one in this many.
const BURST_PART: usize = 5;

/// One message to be sent. Chains and senders are places in the network's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The chain it is sent from.
    pub origin: usize,
    /// The chain it is sent to, another.
    pub destination: usize,
    /// Which of the origin's senders sends it.
    pub sender: usize,
    /// Whether it waits for the sender's ordered message before it.
    pub ordered: bool,
    /// What it carries.
    pub cargo: Cargo,
}

/// What a message carries, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cargo {
    /// Bytes for a recipient that takes every message.
    Payload(Vec<u8>),
    /// Bytes for one that reverts until it is told to take them.
    FailingFirst(Vec<u8>),
    /// So much $ERA, in the smallest unit.
    Era(u128),
    /// More $ERA than the route carries.
    AboveMax(u128),
    /// So much $ERA, in a body that says nothing.
    Undecodable(u128),
    /// Bytes of no module for a bridge.
    IntoBridge(Vec<u8>),
}

impl Planned {
    /// What it is sent for.
    pub const fn intent(&self) -> Intent {
        match self.cargo {
            Cargo::Payload(_) | Cargo::Era(_) => Intent::Arrive,
            Cargo::FailingFirst(_) => Intent::FailFirst,
            Cargo::AboveMax(_) | Cargo::Undecodable(_) | Cargo::IntoBridge(_) => Intent::BeVoid,
        }
    }
}

/// All messages of a demo, in the order in which each sender sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// Sent at once.
    pub burst: Vec<Planned>,
    /// Sent one after the other.
    pub steady: Vec<Planned>,
}

impl Traffic {
    /// `messages` messages, at least 59, between `chains` chains with `senders` senders each. Every lane gets some.
    pub fn plan(seed: u64, messages: usize, chains: usize, senders: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let lanes: Vec<(usize, usize)> = (0..chains)
            .flat_map(|origin| (0..chains).map(move |to| (origin, to)))
            .filter(|(from, to)| from != to)
            .collect();
        let mut all: Vec<Planned> = (0..messages)
            .map(|number| {
                // The first ones go round, so that no lane is left out.
                let lane = lanes.get(number).copied().unwrap_or_else(|| lanes[random.random_range(0..lanes.len())]);
                let cargo = if number < messages.div_ceil(ERA_PART) {
                    Cargo::Era(random.random_range(1..=ERA_MAX))
                } else {
                    Cargo::Payload(bytes(&mut random))
                };
                let (origin, destination) = lane;
                Planned { origin, destination, sender: random.random_range(0..senders), ordered: false, cargo }
            })
            .collect();
        all.shuffle(&mut random);
        exceptions(&mut random, &mut all, &lanes);
        let steady = all.split_off(messages.div_ceil(BURST_PART));
        Self { burst: all, steady }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.burst.len() + self.steady.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes some of `all` ordered, failing or void. Those that move $ERA stay as they are.
fn exceptions(random: &mut ChaCha8Rng, all: &mut [Planned], lanes: &[(usize, usize)]) {
    let mut places: Vec<usize> =
        (0..all.len()).filter(|place| matches!(all[*place].cargo, Cargo::Payload(_))).collect();
    places.shuffle(random);
    let mut places = places.into_iter();
    let mut some = |how_many: usize| places.by_ref().take(how_many).collect::<Vec<_>>();

    for place in some(FAIL_FIRST) {
        all[place].cargo = Cargo::FailingFirst(bytes(random));
    }
    for place in some(VOID_EACH) {
        all[place].cargo = Cargo::IntoBridge(bytes(random));
    }
    let from_faulty: Vec<_> = lanes.iter().copied().filter(|(origin, _)| *origin == FAULTY).collect();
    for (number, place) in some(2 * VOID_EACH).into_iter().enumerate() {
        let planned = &mut all[place];
        (planned.origin, planned.destination) = from_faulty[random.random_range(0..from_faulty.len())];
        let amount = random.random_range(1..=ERA_MAX);
        planned.cargo =
            if number < VOID_EACH { Cargo::AboveMax(VALUE_MAX + amount) } else { Cargo::Undecodable(amount) };
    }
    let ordered_lane = lanes[random.random_range(0..lanes.len())];
    for place in some(ORDERED) {
        let planned = &mut all[place];
        (planned.origin, planned.destination) = ordered_lane;
        (planned.sender, planned.ordered) = (0, true);
    }
}

fn bytes(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0; random.random_range(0..=usize::from(PAYLOAD_MAX))];
    random.fill(bytes.as_mut_slice());
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_seed_gives_the_same_messages_with_all_that_a_demo_shows(seed: u64, messages in 59_usize..120) {
            let traffic = Traffic::plan(seed, messages, 3, 4);
            prop_assert_eq!(&traffic, &Traffic::plan(seed, messages, 3, 4));
            prop_assert_eq!(traffic.len(), messages);
            let all: Vec<_> = traffic.burst.iter().chain(&traffic.steady).collect();
            prop_assert!(all.iter().all(|one| one.origin != one.destination && one.origin < 3 && one.destination < 3));
            prop_assert!(all.iter().all(|one| one.sender < 4));
            let fits = |one: &Planned| match &one.cargo {
                Cargo::Payload(bytes) => bytes.len() <= usize::from(PAYLOAD_MAX),
                Cargo::FailingFirst(bytes) | Cargo::IntoBridge(bytes) => bytes.len() <= usize::from(PAYLOAD_MAX) && !one.ordered,
                Cargo::Era(amount) => (1..=ERA_MAX).contains(amount) && !one.ordered,
                Cargo::Undecodable(amount) => (1..=ERA_MAX).contains(amount) && !one.ordered && one.origin == FAULTY,
                Cargo::AboveMax(amount) => *amount > VALUE_MAX && !one.ordered && one.origin == FAULTY,
            };
            prop_assert!(all.iter().all(|one| fits(one)));
            let count = |is: &dyn Fn(&Cargo) -> bool| all.iter().filter(|one| is(&one.cargo)).count();
            prop_assert_eq!(count(&|cargo| matches!(cargo, Cargo::Era(_))), messages.div_ceil(ERA_PART));
            prop_assert_eq!(count(&|cargo| matches!(cargo, Cargo::FailingFirst(_))), FAIL_FIRST);
            prop_assert_eq!(count(&|cargo| matches!(cargo, Cargo::IntoBridge(_))), VOID_EACH);
            prop_assert_eq!(count(&|cargo| matches!(cargo, Cargo::Undecodable(_))), VOID_EACH);
            prop_assert_eq!(count(&|cargo| matches!(cargo, Cargo::AboveMax(_))), VOID_EACH);
            let ordered: Vec<_> = all.iter().filter(|one| one.ordered).collect();
            prop_assert_eq!(ordered.len(), ORDERED);
            let lanes: BTreeSet<_> = ordered.iter().map(|one| (one.origin, one.destination, one.sender)).collect();
            prop_assert_eq!(lanes.len(), 1);
        }

        #[test]
        fn a_demo_of_usual_size_uses_every_lane_and_moves_era_three_hundred_times(seed: u64) {
            // One more fails for ever.
            let traffic = Traffic::plan(seed, 999, 3, 4);
            let all = || traffic.burst.iter().chain(&traffic.steady);
            let lanes: BTreeSet<_> = all().map(|one| (one.origin, one.destination)).collect();
            prop_assert_eq!(lanes.len(), 6);
            prop_assert_eq!(traffic.burst.len(), 200);
            prop_assert!(all().filter(|one| matches!(one.cargo, Cargo::Era(_))).count() >= 300);
        }
    }
}
