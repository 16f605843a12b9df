//! A good record of each kind.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};

use super::*;
use crate::{
    bls::tests::{digest, secret},
    commitment::Commitment,
    derivation::{JudgedMessage, LaneChange, Verdict, VoidReason},
    facts::{Fact, FactsMap},
    ids::{ChainId, GatewayId, LaneId, NetworkId},
    item::Item,
    lane::{Frontier, LaneSlice},
    lanes::{LaneState, LanesTree},
    message::{Kind, Message, Payload},
    quorum::{Bitmap, ProvenCommitment, QuorumProof, tests::Attesters},
    topics::Partition,
};

pub(super) fn gateway(chain: u64) -> GatewayId {
    GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::repeat_byte(0xaa) }
}

pub(super) fn message(destination: GatewayId, sequence: u64) -> Message {
    Message {
        origin: gateway(901),
        destination,
        sequence,
        kind: Kind::Generic,
        gas_limit: 200_000,
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        payer: Address::repeat_byte(3),
        fee: 17,
        after: 0,
        payload: Payload::new(vec![9; 40]).unwrap(),
    }
}

fn judged(destination: GatewayId, sequence: u64, verdict: Verdict) -> JudgedMessage {
    let message = message(destination, sequence);
    JudgedMessage { id: message.id(), message, verdict, transaction_hash: B256::repeat_byte(7) }
}

/// A lane that had three leaves and gets `verdicts`.
fn change(destination: GatewayId, verdicts: &[Verdict]) -> (LaneChange, LaneState) {
    let mut frontier = Frontier::default();
    (0..3_u8).for_each(|leaf| frontier.append(B256::repeat_byte(leaf + 1)).unwrap());
    let before = frontier.clone();
    let messages: Vec<_> =
        (3..).zip(verdicts).map(|(sequence, verdict)| judged(destination, sequence, *verdict)).collect();
    messages.iter().for_each(|message| frontier.append(message.leaf()).unwrap());
    let state = LaneState { destination, count: frontier.count(), root: frontier.root() };
    (LaneChange { destination, before, messages }, state)
}

fn commitment(lanes: &[LaneState]) -> Commitment {
    Commitment {
        version: 1,
        network: NetworkId(B256::repeat_byte(4)),
        origin: gateway(901),
        block_number: 77,
        block_hash: B256::repeat_byte(5),
        lanes_root: LanesTree::new(lanes.to_vec()).unwrap().root(),
        facts_root: B256::repeat_byte(6),
    }
}

fn proof() -> QuorumProof {
    let mut signers = Bitmap::empty(10);
    (0..8).for_each(|index| assert!(signers.insert(index)));
    QuorumProof::new(3, secret(1).sign(digest(1)), &signers)
}

/// Two changed lanes and one that was left alone; every verdict there is.
pub(super) fn block() -> BlockRecord {
    let reasons = [
        VoidReason::ModuleKind { module: 5, expected: Kind::Mapping },
        VoidReason::DifferentModules,
        VoidReason::NoRules(Kind::Mapping),
        VoidReason::NotTheHub(ChainId::new(901).unwrap()),
        VoidReason::NotTheRegistry,
        VoidReason::NotTheGateway,
        VoidReason::ModuleMissing,
        VoidReason::Undecodable,
        VoidReason::TokenUnknown,
        VoidReason::AmountZero,
        VoidReason::AboveValueMax,
        VoidReason::NotBurnt,
        VoidReason::AboveLedger,
    ];
    let verdicts: Vec<_> = std::iter::once(Verdict::Valid).chain(reasons.map(Verdict::Void)).collect();
    let (first, first_state) = change(gateway(902), &verdicts);
    let quiet = LaneState { destination: gateway(903), count: 9, root: B256::repeat_byte(8) };
    let (second, second_state) = change(gateway(904), &[Verdict::Valid]);
    let lanes = vec![first_state, quiet, second_state];
    BlockRecord { commitment: commitment(&lanes), timestamp: 1_700_000_000, lanes, changes: vec![first, second] }
}

pub(super) fn deliver() -> Deliver {
    let block = block();
    let change = &block.changes[0];
    let item = |judged: &JudgedMessage| match (judged.verdict, judged.message.sequence) {
        (Verdict::Void(_), 5) => Item::Leaf(judged.leaf()),
        (Verdict::Void(_), _) => Item::Void(judged.id),
        (Verdict::Valid, _) => Item::Message(Box::new(judged.message.clone())),
    };
    let (lane, lane_proof) = LanesTree::new(block.lanes.clone()).unwrap().prove(change.destination).unwrap();
    Deliver {
        commitment: block.commitment,
        proof: proof(),
        lane,
        lane_proof,
        before: change.before.clone(),
        items: change.messages.iter().map(item).collect(),
    }
}

/// A lane of its own commitment that has `count` leaves, none of them delivered.
pub(super) fn backlog(count: u64) -> Deliver {
    let destination = gateway(902);
    let items: Vec<_> = (0..count).map(|number| Item::Leaf(keccak256(number.to_be_bytes()))).collect();
    let mut frontier = Frontier::default();
    items.iter().for_each(|item| frontier.append(item.leaf()).unwrap());
    let lane = LaneState { destination, count, root: frontier.root() };
    let lane_proof = LanesTree::new(vec![lane]).unwrap().prove(destination).unwrap().1;
    Deliver { commitment: commitment(&[lane]), proof: proof(), lane, lane_proof, before: Frontier::default(), items }
}

pub(super) fn ready() -> ReadyRecord {
    ReadyRecord::Deliver(Box::new(deliver()))
}

/// The second message of [`block`]'s first lane, which is void.
fn void() -> Message {
    block().changes[0].messages[1].message.clone()
}

pub(super) fn reclaim() -> Reclaim {
    let change = &block().changes[0];
    let ids: Vec<_> = change.messages.iter().map(|judged| judged.id.leaf()).collect();
    let sent = LaneSlice::new(&change.before, &ids).unwrap();
    let message = void();
    let path = sent.prove_range(message.sequence, 1).unwrap();
    Reclaim { message, count: sent.count(), root: sent.root(), path }
}

pub(super) fn reclaim_void() -> ReclaimVoid {
    let change = &block().changes[0];
    let judged = LaneSlice::new(&change.before, &change.leaves().collect::<Vec<_>>()).unwrap();
    let Deliver { commitment, proof, lane, lane_proof, .. } = deliver();
    let message = void();
    let path = judged.prove_range(message.sequence, 1).unwrap();
    ReclaimVoid { message, proven: ProvenCommitment { commitment, proof }, lane, lane_proof, path }
}

pub(super) fn claim_fees() -> ClaimFees {
    let (origin, executor, total) = (gateway(902), Address::repeat_byte(6), U256::from(1_000));
    let fact = Fact::Fees { origin, executor, total };
    let mut facts = FactsMap::default();
    facts.insert(fact.clone());
    facts.insert(Fact::Rules(2));
    let (_, fact_proof) = facts.prove(&fact.key()).unwrap();
    let commitment = Commitment { facts_root: facts.root(), ..block().commitment };
    ClaimFees { origin, proven: ProvenCommitment { commitment, proof: proof() }, executor, total, fact_proof }
}

pub(super) fn load_chunk() -> LoadChunk {
    let table = Attesters::new(9, &[10; 130]).table;
    let chunk = table.chunks().nth(1).unwrap();
    LoadChunk { destination: gateway(902), header: table.header().into(), index: 1, chunk: chunk.into() }
}

/// One of each.
pub(super) fn actions() -> [Action; 7] {
    [
        Action::Retry(message(gateway(902), 3)),
        Action::Refuse(message(gateway(902), 3)),
        Action::Snapshot(lane()),
        Action::Reclaim(reclaim()),
        Action::ReclaimVoid(reclaim_void()),
        Action::ClaimFees(claim_fees()),
        Action::LoadChunk(load_chunk()),
    ]
}

pub(super) fn act(action: Action) -> ReadyRecord {
    ReadyRecord::Act(Box::new(action))
}

/// One of each event.
pub(super) fn home() -> HomeRecord {
    let (destination, id) = (gateway(902), message(gateway(902), 3).id());
    HomeRecord {
        origin: gateway(901),
        transaction: keccak256("transaction"),
        block_number: 5,
        block_hash: keccak256("block"),
        events: vec![
            HomeEvent::Refused { destination, sequence: 3, id },
            HomeEvent::Reclaimed { id, value: true, fee: false },
            HomeEvent::FeesClaimed { destination, executor: Address::repeat_byte(6), amount: U256::from(7) },
            HomeEvent::SnapshotTaken { destination, count: 4, root: keccak256("root") },
        ],
    }
}

pub(super) fn cursor() -> Cursor {
    Cursor { chain: ChainId::new(901).unwrap(), reader: "relayer-0".into(), next_block: 78 }
}

pub(super) fn attestation() -> AttestationRecord {
    let commitment = block().commitment;
    AttestationRecord {
        commitment,
        attester: secret(1).public_key().attester_id(),
        signature: secret(1).sign(commitment.digest()).into(),
    }
}

pub(super) fn proven() -> ProofRecord {
    ProofRecord { commitment: block().commitment, proof: proof() }
}

fn lane() -> LaneId {
    LaneId { origin: gateway(901), destination: gateway(902) }
}

pub(super) fn transaction() -> TransactionRecord {
    TransactionRecord {
        chain: ChainId::new(902).unwrap(),
        nonce: 12,
        raw: Bytes::from_static(&[2, 0xf8, 1]),
        ranges: vec![DeliveredRange { lane: lane(), first: 3, length: 7 }],
    }
}

pub(super) fn delivery() -> DeliveryRecord {
    let outcomes = [Outcome::Delivered, Outcome::Failed, Outcome::Voided, Outcome::Skipped, Outcome::Refused];
    let message = |(sequence, outcome)| MessageOutcome { sequence, id: message(gateway(902), sequence).id(), outcome };
    DeliveryRecord {
        lane: lane(),
        transaction: keccak256("transaction"),
        block_number: 5,
        block_hash: keccak256("block"),
        outcomes: (3..).zip(outcomes).map(message).collect(),
    }
}

pub(super) fn dead_letter() -> DeadLetter {
    DeadLetter::new((Topic::Proofs, Partition(2), 44), vec![1, 2, 3], "protobuf", "not protobuf: it ends early")
}
