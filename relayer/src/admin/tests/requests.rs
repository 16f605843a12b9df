//! What operators ask to be done becomes one action on the bus, or an answer why not.

use std::time::Duration;

use alloy::{
    primitives::{U256, keccak256},
    sol_types::SolValue,
};
use metalayer_node::task::{Stage, Step};
use metalayer_proto::{
    commitment::Commitment,
    derivation::{self, BlockOutcome, Deployment, Derivation, JudgedMessage, LaneChange, Verdict, VoidReason},
    envelope::{Action, DeliveryRecord, HomeEvent, HomeRecord, MessageOutcome, Outcome, ReadyRecord},
    facts::{Fact, FactsMap},
    ids::LaneId,
    lane::Frontier,
    lanes::LanesTree,
    message::{Kind, Message},
};
use serde::de::DeserializeOwned;

use super::{super::client::post, *};
use crate::testing::{Lane, NETWORK, judged, message, published};

fn lane() -> LaneId {
    LaneId { origin: gateway(901), destination: gateway(902) }
}

fn void(sequence: u64) -> JudgedMessage {
    JudgedMessage { verdict: Verdict::Void(VoidReason::NotBurnt), ..judged(message(sequence, 0)) }
}

fn value(sequence: u64) -> Message {
    Message { kind: Kind::ValueFlow, ..message(sequence, 0) }
}

fn path(what: &str, message: &Message) -> String {
    format!("/v1/messages/{}/{what}", message.id())
}

/// What the gateway reverts with.
fn revert(error: &str, argument: U256) -> Option<Bytes> {
    Some([&keccak256(error)[..4], &argument.abi_encode()].concat().into())
}

impl Bench {
    async fn asked<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        post(self.address, &self.token("right", 0o600), path).await
    }

    async fn queue(&self, path: &str) -> Queued {
        self.asked(path).await.unwrap()
    }

    /// The actions that wait for a chain's executor; each agrees with itself, or it would not decode.
    async fn actions(&self, partition: u32) -> Vec<Action> {
        let records: Vec<ReadyRecord> = published(&self.records, partition).await;
        let action = |record| match record {
            ReadyRecord::Act(action) => *action,
            ReadyRecord::Deliver(_) => panic!("nobody delivers here"),
        };
        records.into_iter().map(action).collect()
    }

    /// The index reads what the bus has.
    async fn read_on(&self) {
        for partition in [1, 2] {
            let mut stage = index::IndexStage::new(index::Parts {
                index: self.index.clone(),
                records: self.records.clone(),
                partition: Partition(partition),
                clock: clock(),
                poll: Duration::from_millis(100),
            });
            while let Step::Advanced = stage.step().await.unwrap() {}
        }
    }

    /// 901 sends these to 902.
    pub(super) async fn send(&self, messages: Vec<JudgedMessage>) -> LaneChange {
        let block = Lane::default().judged_block(messages);
        let change = block.changes[0].clone();
        self.records.publish(Partition(1), Vec::new(), None, block).await.unwrap();
        self.read_on().await;
        change
    }

    async fn came_to(&self, message: &Message, outcome: Outcome) {
        let record = DeliveryRecord {
            lane: lane(),
            transaction: B256::repeat_byte(1),
            block_number: 50,
            block_hash: B256::ZERO,
            outcomes: vec![MessageOutcome { sequence: message.sequence, id: message.id(), outcome }],
        };
        self.records.publish(Partition(2), Vec::new(), None, record).await.unwrap();
        self.read_on().await;
    }

    async fn came_home(&self, event: HomeEvent) {
        let (transaction, block_hash) = (B256::repeat_byte(2), B256::ZERO);
        let record =
            HomeRecord { origin: gateway(901), transaction, block_number: 60, block_hash, events: vec![event] };
        self.records.publish(Partition(1), Vec::new(), None, record).await.unwrap();
        self.read_on().await;
    }

    /// A chain came to this by a block, and a quorum has signed it.
    fn prove(&self, chain: u64, lanes: Vec<LaneChange>, facts: &FactsMap) {
        let grown = |change: &LaneChange| {
            let mut frontier = change.before.clone();
            change.leaves().for_each(|leaf| frontier.append(leaf).unwrap());
            (change.destination, frontier)
        };
        let snapshot = derivation::Snapshot { lanes: lanes.iter().map(grown).collect(), facts: facts.snapshot() };
        let commitment = Commitment {
            origin: gateway(chain),
            lanes_root: LanesTree::new(snapshot.lane_states()).unwrap().root(),
            facts_root: facts.root(),
            ..Lane::default().block(vec![message(0, 0)]).commitment
        };
        let (hub, era) = (gateway(900), Address::ZERO);
        let (origin, hub_registry) = (gateway(chain), hub.gateway);
        let deployment = Deployment { network: NETWORK, origin, deployed_at: 1, hub, hub_registry, era };
        let derivation = Derivation::restore(deployment, &commitment, snapshot).unwrap();
        let block = BlockOutcome { number: 1, hash: B256::ZERO, timestamp: 1, lanes, settled: Vec::new() };
        let archive = self.collector.archive();
        archive.derived(&derivation, &block).unwrap();
        self.collector.proven(self.attesters.prove(commitment, 3));
        archive.pair(origin).unwrap();
    }
}

#[tokio::test]
async fn a_failed_message_is_retried_and_refused_at_its_destination() {
    let bench = Bench::new().await;
    let failed = message(0, 0);
    bench.send(vec![judged(failed.clone())]).await;
    bench.came_to(&failed, Outcome::Failed).await;
    let first = bench.queue(&path("retry", &failed)).await;
    assert_eq!((first.action.as_str(), first.chain.get()), ("retry", 902));
    assert_eq!(first.place, "metalayer.ready.v1/2/0");
    assert_eq!(bench.queue(&path("refuse", &failed)).await.place, "metalayer.ready.v1/2/1");
    assert_eq!(bench.actions(2).await, [Action::Retry(failed.clone()), Action::Refuse(failed)]);
}

#[tokio::test]
async fn what_was_never_seen_what_is_delivered_and_what_the_gateway_would_refuse_are_told_apart() {
    let bench = Bench::new().await;
    let [early, delivered] = [message(0, 0), message(1, 0)];
    let unknown = bench.asked::<Queued>(&path("retry", &early)).await.unwrap_err();
    assert!(matches!(unknown, AdminError::NotFound(_)), "{unknown}");
    let malformed = bench.asked::<Queued>("/v1/messages/7/retry").await.unwrap_err();
    assert!(matches!(malformed, AdminError::Refused { status: 400, .. }), "{malformed}");

    bench.send(vec![judged(early.clone()), judged(delivered.clone())]).await;
    bench.came_to(&delivered, Outcome::Delivered).await;
    for what in ["retry", "refuse", "reclaim"] {
        let done = bench.asked::<Queued>(&path(what, &delivered)).await.unwrap_err();
        assert!(matches!(&done, AdminError::WrongState(problem) if problem.contains("is delivered")), "{done}");
    }
    *bench.nodes[&902].reverts.lock().unwrap() = revert("RefusedTooEarly(uint256)", U256::from(77));
    let early = bench.asked::<Queued>(&path("refuse", &early)).await.unwrap_err();
    let told = early.to_string();
    assert!(matches!(early, AdminError::WrongState(_)), "{told}");
    assert!(told.contains("eip155:902 would refuse it (refused_too_early)") && told.contains("from 77 on"), "{told}");
    assert!(bench.actions(2).await.is_empty());
}

#[tokio::test]
async fn a_void_message_is_reclaimed_under_the_newest_proof() {
    let bench = Bench::new().await;
    let given_up = void(1);
    let change = bench.send(vec![judged(message(0, 0)), given_up.clone(), judged(message(2, 0))]).await;
    let asked = path("reclaim", &given_up.message);
    let unproven = bench.asked::<Queued>(&asked).await.unwrap_err();
    assert!(matches!(unproven, AdminError::Refused { status: 503, .. }), "{unproven}");

    bench.prove(901, vec![change], &FactsMap::default());
    let queued = bench.queue(&asked).await;
    assert_eq!((queued.action.as_str(), queued.chain.get(), queued.then), ("reclaim_void", 901, None));
    let actions = bench.actions(1).await;
    let [Action::ReclaimVoid(reclaim)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((&reclaim.message, reclaim.lane.count), (&given_up.message, 3));
}

#[tokio::test]
async fn a_proof_that_does_not_reach_the_void_message_yet_is_waited_for() {
    let bench = Bench::new().await;
    let mut change = bench.send(vec![judged(message(0, 0)), void(1)]).await;
    change.messages.pop();
    bench.prove(901, vec![change], &FactsMap::default());
    let error = bench.asked::<Queued>(&path("reclaim", &void(1).message)).await.unwrap_err();
    assert!(matches!(error, AdminError::Refused { status: 503, .. }), "{error}");
}

#[tokio::test]
async fn a_refused_message_is_reclaimed_once_its_refusal_is_home_and_its_lane_has_a_root_there() {
    let bench = Bench::new().await;
    let refused = value(0);
    // What is void stands as its id in the origin's own tree.
    bench.send(vec![judged(refused.clone()), void(1)]).await;
    let asked = path("reclaim", &refused);
    let error = bench.asked::<Queued>(&asked).await.unwrap_err();
    assert!(matches!(&error, AdminError::WrongState(problem) if problem.contains("refused first")), "{error}");

    bench.came_home(HomeEvent::Refused { destination: gateway(902), sequence: 0, id: refused.id() }).await;
    let first = bench.queue(&asked).await;
    assert_eq!((first.action.as_str(), first.chain.get()), ("snapshot", 901));
    assert!(first.then.as_ref().is_some_and(|then| then.contains("relayer reclaim")), "{first}");

    let mut frontier = Frontier::default();
    [&refused, &void(1).message].into_iter().for_each(|sent| frontier.append(sent.id().leaf()).unwrap());
    let root = frontier.root();
    bench.came_home(HomeEvent::SnapshotTaken { destination: gateway(902), count: 2, root }).await;
    assert_eq!(bench.queue(&asked).await.action, "reclaim");
    let actions = bench.actions(1).await;
    let [Action::Snapshot(of), Action::Reclaim(reclaim)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((*of, &reclaim.message, reclaim.count, reclaim.root), (lane(), &refused, 2, root));
}

#[tokio::test]
async fn what_is_refused_has_its_lanes_root_stored_while_its_refusal_travels() {
    let bench = Bench::new().await;
    let [generic, first, second] = [message(0, 0), value(1), value(2)];
    bench.send(vec![judged(generic.clone()), judged(first.clone()), judged(second.clone())]).await;
    assert_eq!(bench.queue(&path("refuse", &generic)).await.then, None);
    assert!(bench.actions(1).await.is_empty(), "nothing of it is ever reclaimed");
    let nothing = bench.asked::<Queued>(&path("reclaim", &generic)).await.unwrap_err();
    assert!(matches!(&nothing, AdminError::WrongState(problem) if problem.contains("carries no value")), "{nothing}");

    let refused = bench.queue(&path("refuse", &first)).await;
    assert_eq!((refused.action.as_str(), refused.chain.get()), ("refuse", 902));
    assert!(refused.then.as_ref().is_some_and(|then| then.contains("relayer reclaim")), "{refused}");
    assert_eq!(bench.actions(1).await, [Action::Snapshot(lane())]);

    let taken = HomeEvent::SnapshotTaken { destination: gateway(902), count: 3, root: B256::ZERO };
    bench.came_home(taken).await;
    bench.queue(&path("refuse", &second)).await;
    assert_eq!(bench.actions(1).await.len(), 1, "one root shows both");
    // The origin's node does not stop a refusal.
    *bench.nodes[&901].reverts.lock().unwrap() = Some(Bytes::new());
    bench.came_home(HomeEvent::SnapshotTaken { destination: gateway(902), count: 1, root: B256::ZERO }).await;
    assert_eq!(bench.queue(&path("refuse", &second)).await.action, "refuse");
}

#[tokio::test]
async fn what_was_earned_and_not_paid_is_claimed_of_each_origin() {
    let bench = Bench::new().await;
    let unproven: Vec<Claim> = bench.asked("/v1/fees/claim").await.unwrap();
    assert_eq!(unproven.len(), 2, "{unproven:?}");
    assert!(unproven.iter().all(|claim| claim.problem.as_ref().is_some_and(|problem| problem.contains("proven yet"))));
    let mut facts = FactsMap::default();
    facts.insert(Fact::Fees { origin: gateway(901), executor: ACCOUNT, total: U256::from(100) });
    facts.insert(Fact::Fees { origin: gateway(901), executor: Address::ZERO, total: U256::from(900) });
    // Messages that cost nothing.
    facts.insert(Fact::Fees { origin: gateway(902), executor: ACCOUNT, total: U256::ZERO });
    bench.prove(902, Vec::new(), &facts);
    *bench.nodes[&901].paid.lock().unwrap() = U256::from(40);

    let claims: Vec<Claim> = bench.asked("/v1/fees/claim/eip155:901").await.unwrap();
    let [claim] = claims.as_slice() else { panic!("{claims:?}") };
    assert_eq!((claim.origin.get(), claim.destination.get()), (901, 902));
    assert_eq!((claim.height, claim.earned, claim.paid), (1, U256::from(100), U256::from(40)));
    assert_eq!(claim.place.as_deref(), Some("metalayer.ready.v1/1/0"));
    let actions = bench.actions(1).await;
    let [Action::ClaimFees(queued)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((queued.executor, queued.total, queued.origin), (ACCOUNT, U256::from(100), gateway(901)));

    let other: Vec<Claim> = bench.asked("/v1/fees/claim/eip155:902").await.unwrap();
    assert!(other.iter().all(|claim| claim.place.is_none()), "nothing was earned with messages of 902");
    let unserved = bench.asked::<Vec<Claim>>("/v1/fees/claim/eip155:7").await.unwrap_err();
    assert!(matches!(unserved, AdminError::NotFound(_)), "{unserved}");
    let malformed = bench.asked::<Vec<Claim>>("/v1/fees/claim/901").await.unwrap_err();
    assert!(matches!(malformed, AdminError::Refused { status: 400, .. }), "{malformed}");
}

#[tokio::test]
async fn a_proof_is_shown_only_to_a_gateway_that_knows_its_epoch() {
    let bench = Bench::new().await;
    let mut facts = FactsMap::default();
    facts.insert(Fact::Fees { origin: gateway(901), executor: ACCOUNT, total: U256::from(100) });
    bench.prove(902, Vec::new(), &facts);
    bench.in_force.set(gateway(901), vec![7]);
    let claims: Vec<Claim> = bench.asked("/v1/fees/claim/eip155:901").await.unwrap();
    assert!(claims[0].problem.as_ref().is_some_and(|problem| problem.contains("no epoch")), "{}", claims[0]);
    bench.in_force.set(gateway(901), vec![7, 1]);
    let claims: Vec<Claim> = bench.asked("/v1/fees/claim/eip155:901").await.unwrap();
    assert!(claims[0].place.is_some(), "{}", claims[0]);
}

#[tokio::test]
async fn what_is_paid_already_and_what_the_gateway_would_not_pay_is_told_and_not_queued() {
    let bench = Bench::new().await;
    let mut facts = FactsMap::default();
    facts.insert(Fact::Fees { origin: gateway(901), executor: ACCOUNT, total: U256::from(100) });
    bench.prove(902, Vec::new(), &facts);
    *bench.nodes[&901].paid.lock().unwrap() = U256::from(100);
    let claims: Vec<Claim> = bench.asked("/v1/fees/claim/eip155:901").await.unwrap();
    assert_eq!((&claims[0].place, &claims[0].problem), (&None, &None));

    *bench.nodes[&901].paid.lock().unwrap() = U256::ZERO;
    let empty = keccak256("NothingToClaim()")[..4].to_vec();
    *bench.nodes[&901].reverts.lock().unwrap() = Some(empty.into());
    let claims: Vec<Claim> = bench.asked("/v1/fees/claim/eip155:901").await.unwrap();
    assert!(claims[0].problem.as_ref().is_some_and(|problem| problem.contains("nothing_to_claim")), "{}", claims[0]);
    assert!(bench.actions(1).await.is_empty());
}
