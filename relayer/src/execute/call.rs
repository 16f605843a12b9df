//! The transaction's call: `accept` and `deliver` in one multicall.

use alloy::{primitives::Bytes, sol_types::SolCall};
use metalayer_proto::{
    events::abi::{acceptCall, deliverCall, multicallCall},
    item::Item,
};

use super::lane::Batch;

/// The call that delivers `batch`; with `accept` unless the destination has the root already.
pub(super) fn multicall(batch: &Batch, accepted: bool) -> Bytes {
    let mut calls = Vec::new();
    if !accepted {
        calls.push(accept(batch));
    }
    calls.push(deliver(batch));
    multicallCall { calls }.abi_encode().into()
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
