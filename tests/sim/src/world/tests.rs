#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, sync::Arc};

use metalayer_proto::topics::Topic;

use super::{
    fittings::Plain,
    invariant::CHECKS,
    life::Pace,
    line::Manners,
    plan::{Plan, Troubles},
    process::Machine,
    *,
};

/// Seeds that `make test` draws.
const SEEDS: u64 = 24;
/// The most durable writes of the run whose every crash is enumerated.
const WRITES_MAX: u64 = 150;

fn sound(plan: Plan, replay: &str) -> Report {
    run(plan, Arc::new(Plain)).unwrap_or_else(|error| panic!("{error}\nreplay it: tools/sim {replay}"))
}

fn drawn(seed: u64) -> Report {
    sound(Plan::drawn(seed), &format!("--seed {seed}"))
}

fn with(troubles: Troubles) -> Report {
    sound(Plan { troubles, lasts: Duration::from_secs(40), ..Plan::calm(3) }, "is of no use: it is a test of its own")
}

fn with_plan(plan: Plan) -> Report {
    sound(plan, "is of no use: it is a test of its own")
}

#[test]
fn in_a_calm_world_all_messages_arrive() {
    let report = with_plan(Plan::calm(1));
    assert!(report.sent >= 6, "{report:?}");
}

#[test]
fn a_seed_has_one_course() {
    let [once, again] = [drawn(7), drawn(7)];
    assert_eq!((once.hash, once.effects), (again.hash, again.effects));
}

#[test]
fn whatever_seeds_draw_all_promises_hold() {
    for seed in 1..=SEEDS {
        drawn(seed);
    }
}

#[test]
fn every_invariant_has_its_row() {
    assert!(CHECKS.iter().map(|check| check.invariant.0).eq(0..=13));
}

/// Every crash of one machine in the short run.
fn crash_everywhere(machine: Machine) {
    let whole = with_plan(scenario::crash(None));
    assert!(whole.writes.values().sum::<u64>() > 0);
    let writes = whole.writes[&machine];
    assert!(writes <= WRITES_MAX, "{writes} writes of {machine}: the run is to be short");
    for (machine, crash) in scenario::crashes(machine, writes) {
        let who = if matches!(machine, Machine::Relayer(_)) { "relayer" } else { "attester" };
        let side = format!("{:?}", crash.side).to_lowercase();
        let report = sound(scenario::crash(Some((machine, crash))), &format!("--crash {who}:{}:{side}", crash.write));
        assert_eq!(report.met.lives, whole.met.lives + 1, "it did not end at {crash:?}");
    }
}

#[test]
fn a_relayer_may_end_before_and_after_every_write() {
    crash_everywhere(Machine::Relayer(0));
}

#[test]
fn an_attester_may_end_before_and_after_every_write() {
    crash_everywhere(Machine::Attester(0));
}

#[test]
fn processes_may_be_killed_at_any_time() {
    let report = with(Troubles { kill: 500, ..Troubles::default() });
    assert!(report.met.kills > 2, "{report:?}");
}

#[test]
fn machines_may_lose_their_disks() {
    let report = with(Troubles { wipe: 300, ..Troubles::default() });
    assert!(report.met.wipes > 2, "{report:?}");
}

#[test]
fn attesters_may_be_absent_and_return() {
    let report = with(Troubles { absence: 600, ..Troubles::default() });
    assert!(report.met.absences > 2, "{report:?}");
}

#[test]
fn blocks_that_are_not_final_may_be_taken_back() {
    let report = with(Troubles { reorg: 300, ..Troubles::default() });
    assert!(report.met.reorgs > 2, "{report:?}");
}

#[test]
fn one_relayer_takes_over_from_another() {
    let troubles = Troubles { kill: 400, ..Troubles::default() };
    let plan = Plan { relayers: 2, troubles, lasts: Duration::from_secs(60), ..Plan::calm(5) };
    let report = with_plan(plan);
    assert!(report.met.kills > 4, "{report:?}");
}

#[test]
fn finality_may_come_in_jumps() {
    for (step, seed) in [(32, 1), (1_000, 2)] {
        let report = with_plan(Plan { finality: [Finality::Jumps(step); 2], ..Plan::calm(seed) });
        assert!(report.met.longest_step >= step, "{report:?}");
    }
}

#[test]
fn one_node_of_three_may_do_anything_bad() {
    let mut met = BTreeSet::new();
    for seed in 1.. {
        let troubles = Troubles { manners: 600, ..Troubles::default() };
        let report =
            with_plan(Plan { nodes: 3, agree: 2, troubles, lasts: Duration::from_secs(40), ..Plan::calm(seed) });
        assert!(report.met.misbehaved > 0);
        met.extend(report.met.manners.into_keys());
        if met.len() == Manners::BAD.len() {
            break;
        }
    }
}

/// A call that is never answered costs a straggler's wait, not the call's deadline, whenever it is met.
#[test]
fn a_node_that_never_answers_delays_nobody() {
    let with_first = |first_node| {
        let report = with_plan(Plan { nodes: 3, agree: 2, first_node, ..Plan::calm(4) });
        (report.took, report.met.misbehaved)
    };
    let (calm, _) = with_first(Manners::Honest);
    for manners in [Manners::Hangs, Manners::Dead] {
        let (took, met) = with_first(manners);
        assert!(met > 0);
        assert!(took <= calm + Duration::from_secs(5), "{manners:?}: {took:?} and not {calm:?}");
    }
}

#[test]
fn what_was_done_may_be_done_again_by_strangers() {
    let report = with(Troubles { repetition: 500, ..Troubles::default() });
    assert!(report.met.repeated > 2, "{report:?}");
}

#[test]
fn a_rollup_that_makes_up_era_gets_none_of_it_out() {
    for seed in 1..=3 {
        let report = with_plan(Plan { counterfeit: true, ..Plan::calm(seed) });
        assert!(report.met.made_up, "{report:?}");
    }
}

#[test]
fn records_in_others_names_change_nothing() {
    let (mut forged, mut refused) = (BTreeSet::new(), 0);
    for seed in 1.. {
        let troubles = Troubles { forgery: 900, ..Troubles::default() };
        let report = with_plan(Plan { troubles, lasts: Duration::from_secs(60), ..Plan::calm(seed) });
        forged.extend(report.met.forged);
        refused += report.met.dead_letters;
        if forged.len() == Topic::ALL.into_iter().filter(|topic| !topic.is_compacted()).count() {
            break;
        }
    }
    assert!(refused > 0);
}

#[test]
fn calls_may_take_long_and_batches_come_twice() {
    let pace = Pace { often: 400, seldom: 30, little: Duration::from_millis(200), long: Duration::from_secs(8) };
    with_plan(Plan { pace, doubled: 500, ..Plan::calm(9) });
}

/// So few blocks that the second chain comes to no height which is signed whatever happened.
fn hand_over(seed: u64, troubles: Troubles) -> Plan {
    Plan { hand_over: true, block_ms: 8_000, lasts: Duration::from_secs(700), troubles, ..Plan::calm(seed) }
}

#[test]
fn a_quiet_origin_is_proven_for_the_next_epoch() {
    let report = with_plan(hand_over(1, Troubles::default()));
    assert!(report.took > Duration::from_secs(690), "the first epoch is over: {report:?}");
}

#[test]
fn processes_may_be_killed_while_an_epoch_is_handed_over() {
    let report = with_plan(hand_over(2, Troubles { kill: 30, absence: 10, ..Troubles::default() }));
    assert!(report.met.kills > 2, "{report:?}");
}
