//! The transaction's call: `acceptAndDeliver`, or `deliver` under a root that the gateway has.

use alloy::{primitives::Bytes, sol_types::SolCall};
use metalayer_proto::{
    events::abi::{acceptAndDeliverCall, acceptCall, deliverCall},
    ids::{ChainId, GatewayId, LaneId},
    item::{ITEMS_MAX, Item},
};

use super::batch::{self, Batch, Cargo};

/// The call that delivers `batch`.
pub(super) fn delivery(batch: &Batch) -> Bytes {
    if batch.shows_root { accept_and_deliver(batch) } else { deliver(batch) }
}

/// What a call that [`delivery`] made delivers at `destination`; `None` for any other call.
pub(super) fn cargo(data: &[u8], destination: GatewayId) -> Option<Cargo> {
    let (shows_root, chain, gateway, count, first, items) = match acceptAndDeliverCall::abi_decode(data) {
        Ok(call) => {
            let commitment = call.commitment;
            (true, commitment.originChainId, commitment.originGateway, call.count, call.first, call.items)
        }
        Err(_) => {
            let call = deliverCall::abi_decode(data).ok()?;
            (false, call.originChainId, call.originGateway, call.count, call.first, call.items)
        }
    };
    let lane = LaneId { origin: GatewayId { chain: ChainId::new(chain).ok()?, gateway }, destination };
    let items = Item::decode_all(&items, lane, first, ITEMS_MAX).ok()?;
    Some(Cargo { lane, count, sequences: batch::carried(first, &items), shows_root })
}

/// The call that only shows the root to the gateway.
pub(super) fn accept(batch: &Batch) -> Bytes {
    let root = &batch.root;
    let call = acceptCall {
        commitment: (&root.proven.commitment).into(),
        proof: root.proven.proof.to_bytes().into(),
        count: root.lane.count,
        laneRoot: root.lane.root,
        laneProof: root.lane_proof.siblings.clone(),
    };
    call.abi_encode().into()
}

fn accept_and_deliver(batch: &Batch) -> Bytes {
    let root = &batch.root;
    let call = acceptAndDeliverCall {
        commitment: (&root.proven.commitment).into(),
        proof: root.proven.proof.to_bytes().into(),
        laneProof: root.lane_proof.siblings.clone(),
        count: root.lane.count,
        first: batch.first,
        items: Item::encode_all(&batch.items).into(),
        rangeProof: batch.range_proof.to_bytes().into(),
    };
    call.abi_encode().into()
}

fn deliver(batch: &Batch) -> Bytes {
    let call = deliverCall {
        originChainId: batch.lane.origin.chain.get(),
        originGateway: batch.lane.origin.gateway,
        count: batch.root.lane.count,
        first: batch.first,
        items: Item::encode_all(&batch.items).into(),
        rangeProof: batch.range_proof.to_bytes().into(),
    };
    call.abi_encode().into()
}
