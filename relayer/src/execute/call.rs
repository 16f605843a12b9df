//! The transaction's call: `acceptAndDeliver`, or `deliver` under a root that the gateway has, or an action's own.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use metalayer_proto::{
    envelope::{Action, ClaimFees, LoadChunk, Reclaim, ReclaimVoid},
    events::abi::{
        acceptAndDeliverCall, acceptCall, claimFeesCall, deliverCall, loadChunkCall, reclaimCall, reclaimVoidCall,
        refuseCall, retryCall, snapshotCall,
    },
    ids::{ChainId, GatewayId, LaneId},
    item::{ITEMS_MAX, Item},
};

use super::{
    actions::ActionId,
    batch::{self, Batch, Cargo, Carried},
};

/// The call that delivers `batch`.
pub(super) fn delivery(batch: &Batch) -> Bytes {
    if batch.shows_root { accept_and_deliver(batch) } else { deliver(batch) }
}

/// The one call that does `action`: who is called, and with what.
pub(crate) fn action(action: &Action) -> (Address, Bytes) {
    let data = match action {
        Action::Retry(message) => retryCall { message: message.encode().into() }.abi_encode(),
        Action::Refuse(message) => refuseCall { message: message.encode().into() }.abi_encode(),
        Action::Snapshot(LaneId { destination, .. }) => {
            let GatewayId { chain, gateway } = *destination;
            snapshotCall { destinationChainId: chain.get(), destinationGateway: gateway }.abi_encode()
        }
        Action::Reclaim(Reclaim { message, count, path, .. }) => {
            let (message, path) = (message.encode().into(), path.to_bytes().into());
            reclaimCall { message, count: *count, path }.abi_encode()
        }
        Action::ReclaimVoid(reclaim) => reclaim_void(reclaim).abi_encode(),
        Action::ClaimFees(claim) => claim_fees(claim).abi_encode(),
        Action::LoadChunk(load) => load_chunk(load).abi_encode(),
    };
    (action.gateway().gateway, data.into())
}

fn reclaim_void(reclaim: &ReclaimVoid) -> reclaimVoidCall {
    let ReclaimVoid { message, proven, lane, lane_proof, path } = reclaim;
    reclaimVoidCall {
        message: message.encode().into(),
        commitment: (&proven.commitment).into(),
        proof: proven.proof.to_bytes().into(),
        count: lane.count,
        laneRoot: lane.root,
        laneProof: lane_proof.siblings.clone(),
        path: path.to_bytes().into(),
    }
}

fn load_chunk(load: &LoadChunk) -> loadChunkCall {
    let LoadChunk { header, index, chunk, .. } = load;
    loadChunkCall { header: header.clone(), index: U256::from(*index), chunk: chunk.clone() }
}

fn claim_fees(claim: &ClaimFees) -> claimFeesCall {
    let ClaimFees { proven, executor, total, fact_proof, .. } = claim;
    claimFeesCall {
        commitment: (&proven.commitment).into(),
        proof: proven.proof.to_bytes().into(),
        executor: *executor,
        total: *total,
        factProof: fact_proof.siblings.clone(),
    }
}

/// What a call of `destination`'s account does; `None` for one that only fills its nonce.
pub(super) fn cargo(data: &[u8], destination: GatewayId) -> Option<Cargo> {
    if data.is_empty() {
        return None;
    }
    Some(match carried(data, destination) {
        Some(carried) => Cargo::Messages(carried),
        None => Cargo::Action(ActionId::of(data)),
    })
}

/// What a call that [`delivery`] made delivers at `destination`; `None` for any other call.
fn carried(data: &[u8], destination: GatewayId) -> Option<Carried> {
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
    Some(Carried { lane, count, sequences: batch::with_bodies(first, &items), shows_root })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::declared;

    #[test]
    fn all_calls_are_the_gateways_own() {
        let declared: Vec<_> = declared("function").iter().map(|hash| hash[..4].to_vec()).collect();
        let calls = [
            acceptCall::SELECTOR,
            acceptAndDeliverCall::SELECTOR,
            deliverCall::SELECTOR,
            retryCall::SELECTOR,
            refuseCall::SELECTOR,
            snapshotCall::SELECTOR,
            reclaimCall::SELECTOR,
            reclaimVoidCall::SELECTOR,
            claimFeesCall::SELECTOR,
        ];
        assert!(calls.iter().all(|selector| declared.contains(&selector.to_vec())));
    }
}
