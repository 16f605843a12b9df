//! The messages of a demo, as a function of its seed.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// How many messages one sender has ordered.
const ORDERED: usize = 10;
/// How many go to a recipient that reverts.
pub const REVERTING: usize = 5;
/// The longest payload, in bytes.
const PAYLOAD_MAX: usize = 4_096;
/// The part of all messages that moves $ERA: one in this many.
const ERA_PART: u32 = 3;
/// The most $ERA that one message moves, in the smallest unit.
const ERA_MAX: u128 = 100 * 10_u128.pow(18);
/// The part of all messages that is sent at once: one in this many.
const BURST_PART: usize = 3;

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
    /// Whether its recipient reverts.
    pub reverting: bool,
    /// What it carries.
    pub cargo: Cargo,
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cargo {
    /// Bytes that the recipient is called with.
    Payload(Vec<u8>),
    /// So much $ERA, in the smallest unit.
    Era(u128),
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
    /// `messages` messages, at least 60, between `chains` chains with `senders` senders each. Every lane gets some.
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
                draw(&mut random, lane, senders)
            })
            .collect();
        all.shuffle(&mut random);

        let mut places: Vec<usize> = (0..messages).collect();
        // What is to revert, or to keep its order, is no transfer.
        places.retain(|place| matches!(all[*place].cargo, Cargo::Payload(_)));
        places.shuffle(&mut random);
        let (reverting, rest) = places.split_at(REVERTING);
        reverting.iter().for_each(|place| all[*place].reverting = true);
        let ordered_lane = lanes[random.random_range(0..lanes.len())];
        for place in &rest[..ORDERED] {
            let planned = &mut all[*place];
            (planned.origin, planned.destination) = ordered_lane;
            (planned.sender, planned.ordered) = (0, true);
        }
        let steady = all.split_off(messages / BURST_PART);
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

fn draw(random: &mut ChaCha8Rng, (origin, destination): (usize, usize), senders: usize) -> Planned {
    let cargo = if random.random_ratio(1, ERA_PART) {
        Cargo::Era(random.random_range(1..=ERA_MAX))
    } else {
        let mut payload = vec![0; random.random_range(0..=PAYLOAD_MAX)];
        random.fill(payload.as_mut_slice());
        Cargo::Payload(payload)
    };
    Planned { origin, destination, sender: random.random_range(0..senders), ordered: false, reverting: false, cargo }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_seed_gives_the_same_messages_with_all_that_a_demo_shows(seed: u64, messages in 60_usize..120) {
            let traffic = Traffic::plan(seed, messages, 3, 4);
            prop_assert_eq!(&traffic, &Traffic::plan(seed, messages, 3, 4));
            prop_assert_eq!(traffic.len(), messages);
            let all: Vec<_> = traffic.burst.iter().chain(&traffic.steady).collect();
            prop_assert!(all.iter().all(|one| one.origin != one.destination && one.origin < 3 && one.destination < 3));
            prop_assert!(all.iter().all(|one| one.sender < 4));
            let fits = |one: &Planned| match &one.cargo {
                Cargo::Payload(payload) => payload.len() <= PAYLOAD_MAX,
                Cargo::Era(amount) => (1..=ERA_MAX).contains(amount) && !one.reverting && !one.ordered,
            };
            prop_assert!(all.iter().all(|one| fits(one)));
            prop_assert_eq!(all.iter().filter(|one| one.reverting).count(), REVERTING);
            let ordered: Vec<_> = all.iter().filter(|one| one.ordered).collect();
            prop_assert_eq!(ordered.len(), ORDERED);
            let lanes: BTreeSet<_> = ordered.iter().map(|one| (one.origin, one.destination, one.sender)).collect();
            prop_assert_eq!(lanes.len(), 1);
            prop_assert!(ordered.iter().all(|one| !one.reverting));
        }

        #[test]
        fn a_demo_of_usual_size_uses_every_lane(seed: u64) {
            let traffic = Traffic::plan(seed, 300, 3, 4);
            let lanes: BTreeSet<_> = traffic.burst.iter().chain(&traffic.steady).map(|one| (one.origin, one.destination)).collect();
            prop_assert_eq!(lanes.len(), 6);
        }
    }
}
