//! Whole histories of three chains: cut anywhere and shown in whatever way, they come to the same; and what a lying rollup logs
//! takes out no more than it holds.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use proptest::{collection::vec, prelude::*};

use super::{
    gateway::gateway_on,
    world::{
        CHAINS, SUPPLY, World, deployment,
        derive::{Reader, Way},
        executor,
    },
};
use crate::{
    derivation::{JudgedMessage, LeafId, VerifiedBlock, VerifiedLog},
    ids::LaneId,
    message::Kind,
    value::{Transfer, era_asset},
};

#[derive(Debug, Clone)]
enum Op {
    Transfer { from: u64, to: u64, amount: u64, is_burnt: bool },
    Generic { from: u64, to: u64 },
    Deliver { at: u64, from: u64, most: usize, fails: u64 },
    Retry { at: u64 },
    Refuse { at: u64 },
    RenewRow { to: u64, of: u64 },
    NextRound,
}

fn lane() -> impl Strategy<Value = (u64, u64)> {
    (1..4_u64, 1..3_u64).prop_map(|(from, step)| (from, (from - 1 + step) % 3 + 1))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (lane(), 0..6_000_u64, prop::bool::weighted(0.9))
            .prop_map(|((from, to), amount, is_burnt)| Op::Transfer { from, to, amount, is_burnt }),
        2 => lane().prop_map(|(from, to)| Op::Generic { from, to }),
        6 => (lane(), 1..5_usize, any::<u64>(), any::<u64>())
            .prop_map(|((from, at), most, one, other)| Op::Deliver { at, from, most, fails: one & other }),
        1 => (1..4_u64).prop_map(|at| Op::Retry { at }),
        1 => (1..4_u64).prop_map(|at| Op::Refuse { at }),
        1 => (prop_oneof![Just(1), Just(3)], 1..4_u64).prop_map(|(to, of)| Op::RenewRow { to, of }),
        4 => Just(Op::NextRound),
    ]
}

fn play(ops: &[Op]) -> World {
    let mut world = World::new();
    // The rollups begin with nothing: something is sent to each at once, and arrives.
    [1, 3].iter().for_each(|to| world.transfer(2, *to, 4_000, true));
    world.next_round();
    [1, 3].iter().for_each(|at| world.deliver(*at, 2, 10, 0));
    for op in ops {
        match *op {
            Op::Transfer { from, to, amount, is_burnt } => world.transfer(from, to, amount, is_burnt),
            Op::Generic { from, to } => world.generic(from, to),
            Op::Deliver { at, from, most, fails } => world.deliver(at, from, most, fails),
            Op::Retry { at } => world.retry(at),
            Op::Refuse { at } => world.refuse(at),
            Op::RenewRow { to, of } => world.renew_row(to, of),
            Op::NextRound => world.next_round(),
        }
    }
    world
}

fn cut(world: &World, mut is_cut: impl FnMut(usize) -> bool) -> BTreeMap<u64, Vec<VerifiedBlock>> {
    CHAINS.map(|id| (id, world.blocks(id, &mut is_cut))).into()
}

type Derived = (BTreeMap<LaneId, Vec<JudgedMessage>>, BTreeMap<u64, (B256, B256)>);

fn derive(blocks: &BTreeMap<u64, Vec<VerifiedBlock>>, way: Way) -> Derived {
    let mut reader = Reader::new(way);
    assert_eq!(reader.run(blocks), BTreeMap::new());
    let roots = reader.derivations.iter().map(|(id, one)| (*id, (one.lanes_root(), one.facts().root()))).collect();
    (reader.judged, roots)
}

fn units(reader: &Reader, id: u64) -> U256 {
    reader.derivations[&id].facts().units(era_asset(deployment(id).network)).unwrap_or_default()
}

proptest! {
    #[test]
    fn verdicts_and_facts_are_those_of_every_cut_and_every_way_of_showing(
        ops in vec(op(), 1..80),
        cuts in vec(any::<bool>(), 80),
    ) {
        let world = play(&ops);
        let whole = derive(&cut(&world, |_| false), Way::Growth);
        prop_assert_eq!(&derive(&cut(&world, |_| true), Way::Growth), &whole);
        prop_assert_eq!(&derive(&cut(&world, |round| cuts[round % 80]), Way::Path), &whole);
    }

    #[test]
    fn verdicts_ledgers_and_fees_are_those_of_an_independent_judge(ops in vec(op(), 1..80)) {
        let world = play(&ops);
        let mut reader = Reader::new(Way::Growth);
        prop_assert_eq!(reader.run(&cut(&world, |_| false)), BTreeMap::new());
        for (id, chain) in &world.chains {
            let facts = reader.derivations[id].facts();
            prop_assert_eq!(units(&reader, *id), U256::from(chain.units));
            for from in CHAINS {
                let expected = chain.fees.get(&from).copied().unwrap_or_default();
                prop_assert_eq!(facts.fees(gateway_on(from), executor()), U256::from(expected));
            }
            for (to, sent) in &chain.sent {
                let lane = LaneId { origin: gateway_on(*id), destination: gateway_on(*to) };
                let verdicts: Vec<_> = reader.judged[&lane].iter().map(|one| one.verdict.is_valid()).collect();
                prop_assert_eq!(verdicts, sent.iter().map(|one| one.is_valid).collect::<Vec<_>>());
            }
        }
    }

    /// SECURITY: the origin rollup itself lies.
    #[test]
    fn whatever_a_rollup_logs_it_takes_out_no_more_than_it_holds(
        ops in vec(op(), 1..80),
        lies in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u8), 1..4),
    ) {
        let world = play(&ops);
        let mut blocks = cut(&world, |_| true);
        blocks.insert(3, lie(&world, &lies));
        let mut reader = Reader::new(Way::Growth);
        // The others deliver what an honest chain 3 sent, and stop as well where it did not.
        drop(reader.run(&blocks));
        // Whatever was accepted, no unit is there twice: on a ledger, or on its way.
        let held: U256 = CHAINS.iter().map(|id| units(&reader, *id)).sum();
        let under_way = reader.judged.values().flatten().filter(|one| is_under_way(&reader, one)).map(amount);
        prop_assert_eq!(held + under_way.sum::<U256>(), U256::from(SUPPLY));
    }
}

/// Chain 3's blocks with some of its transactions doubled, moved or merged, and some of its logs lost or told again alone.
fn lie(world: &World, lies: &[(prop::sample::Index, prop::sample::Index, u8)]) -> Vec<VerifiedBlock> {
    let mut transactions: Vec<Vec<VerifiedLog>> = world.chains[&3].rounds.concat();
    for (one, other, how) in lies {
        let (one, other) = (one.index(transactions.len()), other.index(transactions.len()));
        match how {
            0 => {
                let again = transactions[one].clone();
                transactions.insert(other, again);
            }
            1 => transactions.swap(one, other),
            2 => {
                let mut merged = transactions[one].clone();
                merged.extend(transactions[other].clone());
                transactions[other] = merged;
            }
            _ if transactions[one].is_empty() => {}
            3 => {
                let lost = other % transactions[one].len();
                transactions[one].remove(lost);
            }
            _ => {
                let again = transactions[one][0].clone();
                transactions.push(vec![again]);
            }
        }
    }
    super::world::chained(transactions.into_iter().map(|one| vec![one]).collect())
}

fn amount(judged: &JudgedMessage) -> U256 {
    Transfer::decode(judged.message.payload.bytes()).unwrap().amount
}

/// A valid export that was neither credited where it leads nor came home: its leaf may still be asked for.
fn is_under_way(reader: &Reader, judged: &JudgedMessage) -> bool {
    let leaf = LeafId { lane: judged.message.lane(), sequence: judged.message.sequence };
    judged.message.kind == Kind::ValueFlow && judged.verdict.is_valid() && !reader.settled.contains(&leaf)
}
