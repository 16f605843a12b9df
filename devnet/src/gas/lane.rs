//! A lane to the destination from an origin that is not there: messages, tree, lanes root, commitment, and the call.

use alloy::{
    primitives::{Address, B256, Bytes},
    rpc::types::TransactionReceipt,
    sol_types::{SolCall, SolEvent},
};
use metalayer_proto::{
    commitment::Commitment,
    events::abi,
    ids::{ChainId, GatewayId, NetworkId},
    item::Item,
    lane::{Frontier, LaneSlice, RangeProof},
    lanes::{LaneProof, LaneState, LanesTree},
    message::{Kind, Message, Payload},
    quorum::QuorumProof,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::GasError;

/// Messages the lane had before: it is not new, and what is measured stays in one word of the delivery bitmap.
const HISTORY: u64 = 768;
/// Lanes of the origin besides this one: as many as 62 rollups have.
const OTHER_LANES: u64 = 60;
const PAYLOAD_LEN: usize = 200;
const GAS_LIMIT: u32 = 50_000;

mod verifier {
    #![allow(missing_docs, reason = "declared in Solidity, and documented there")]
    alloy::sol! {
        function verify(bytes32 digest, bytes proof);
    }
}

/// The call that only checks a proof.
pub(super) fn verify(digest: B256, proof: &QuorumProof) -> Bytes {
    verifier::verifyCall { digest, proof: proof.to_bytes().into() }.abi_encode().into()
}

pub(super) fn random_hash(random: &mut ChaCha8Rng) -> B256 {
    B256::new(random.random())
}

/// A lane that grows.
pub(super) struct Lane {
    origin: GatewayId,
    destination: GatewayId,
    recipient: Address,
    before: Frontier,
    others: Vec<LaneState>,
    height: u64,
}

/// What one transaction delivers: the lane's newest messages.
pub(super) struct Batch {
    pub(super) commitment: Commitment,
    lane: LaneState,
    lane_proof: LaneProof,
    first: u64,
    items: Vec<Item>,
    range_proof: RangeProof,
}

impl Lane {
    pub(super) fn new(
        origin: u64,
        destination: GatewayId,
        recipient: Address,
        random: &mut ChaCha8Rng,
    ) -> Result<Self, GasError> {
        let mut before = Frontier::default();
        for _ in 0..HISTORY {
            before.append(random_hash(random))?;
        }
        let other = |chain: u64| {
            let destination = GatewayId { chain: ChainId::new(chain)?, gateway: random_address(random) };
            Ok(LaneState { destination, count: 1_000, root: random_hash(random) })
        };
        let others = (1_000..1_000 + OTHER_LANES).map(other).collect::<Result<_, GasError>>()?;
        let origin = GatewayId { chain: ChainId::new(origin)?, gateway: random_address(random) };
        Ok(Self { origin, destination, recipient, before, others, height: 1 })
    }

    /// Sends `messages` more, and returns them with all that shows that they were sent.
    pub(super) fn extend(
        &mut self,
        messages: u64,
        network: NetworkId,
        random: &mut ChaCha8Rng,
    ) -> Result<Batch, GasError> {
        let first = self.before.count();
        let items: Vec<Item> = (first..first + messages)
            .map(|sequence| Ok(Item::Message(Box::new(self.message(sequence, random)?))))
            .collect::<Result<_, GasError>>()?;
        let slice = LaneSlice::new(&self.before, &items.iter().map(Item::leaf).collect::<Vec<_>>())?;
        let lane = LaneState { destination: self.destination, count: slice.count(), root: slice.root() };
        let mut lanes = self.others.clone();
        lanes.push(lane);
        lanes.sort_unstable_by_key(|lane| lane.destination);
        let lanes = LanesTree::new(lanes)?;
        let (_, lane_proof) = lanes.prove(self.destination).unwrap_or((lane, LaneProof::default()));
        let commitment = Commitment {
            version: 1,
            network,
            origin: self.origin,
            block_number: self.height,
            block_hash: random_hash(random),
            lanes_root: lanes.root(),
            facts_root: random_hash(random),
        };
        self.before = slice.frontier(slice.count())?;
        self.height += 1;
        Ok(Batch { commitment, lane, lane_proof, first, items, range_proof: slice.prove_range(first, messages)? })
    }

    fn message(&self, sequence: u64, random: &mut ChaCha8Rng) -> Result<Message, GasError> {
        let sender = random_address(random);
        let payload: Vec<u8> = (0..PAYLOAD_LEN).map(|_| random.random_range(1..=u8::MAX)).collect();
        Ok(Message {
            origin: self.origin,
            destination: self.destination,
            sequence,
            kind: Kind::Generic,
            gas_limit: GAS_LIMIT,
            sender,
            recipient: self.recipient,
            payer: sender,
            fee: 0,
            after: 0,
            payload: Payload::new(payload)?,
        })
    }
}

impl Batch {
    /// `acceptAndDeliver`, as an executor sends it.
    pub(super) fn call(&self, proof: &QuorumProof) -> Bytes {
        let call = abi::acceptAndDeliverCall {
            commitment: (&self.commitment).into(),
            proof: proof.to_bytes().into(),
            laneProof: self.lane_proof.siblings.clone(),
            count: self.lane.count,
            first: self.first,
            items: Item::encode_all(&self.items).into(),
            rangeProof: self.range_proof.to_bytes().into(),
        };
        call.abi_encode().into()
    }

    /// A batch that was skipped, or failed, would be cheap.
    pub(super) fn require_delivered(&self, receipt: &TransactionReceipt) -> Result<(), GasError> {
        let of = |log: &&alloy::rpc::types::Log| log.topic0() == Some(&abi::MessageDelivered::SIGNATURE_HASH);
        let delivered = receipt.inner.logs().iter().filter(of).count();
        if delivered == self.items.len() {
            Ok(())
        } else {
            Err(GasError::NotDelivered { delivered, messages: self.items.len() })
        }
    }
}

fn random_address(random: &mut ChaCha8Rng) -> Address {
    Address::new(random.random())
}
