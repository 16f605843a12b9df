//! What became of each message, read from the receipt of the transaction that carried it.

use std::collections::BTreeMap;

use alloy::{primitives::Log, sol_types::SolEvent};
use metalayer_proto::{
    envelope::Outcome,
    events::abi::{MessageDelivered, MessageFailed, MessageVoided},
    ids::{ChainId, GatewayId, LaneId},
};

/// What the gateway logged of each sequence of `lane`. A sequence that is missing was skipped, or settled before.
pub(super) fn outcomes(logs: &[Log], lane: LaneId) -> BTreeMap<u64, Outcome> {
    let ours = logs.iter().filter(|log| log.address == lane.destination.gateway);
    ours.filter_map(|log| outcome(log, lane)).collect()
}

fn outcome(log: &Log, lane: LaneId) -> Option<(u64, Outcome)> {
    let (chain, gateway, sequence, outcome) = match *log.topics().first()? {
        MessageDelivered::SIGNATURE_HASH => {
            let event = MessageDelivered::decode_log(log).ok()?;
            (event.originChainId, event.originGateway, event.sequence, Outcome::Delivered)
        }
        MessageFailed::SIGNATURE_HASH => {
            let event = MessageFailed::decode_log(log).ok()?;
            (event.originChainId, event.originGateway, event.sequence, Outcome::Failed)
        }
        MessageVoided::SIGNATURE_HASH => {
            let event = MessageVoided::decode_log(log).ok()?;
            (event.originChainId, event.originGateway, event.sequence, Outcome::Voided)
        }
        _ => return None,
    };
    let origin = GatewayId { chain: ChainId::new(chain).ok()?, gateway };
    (origin == lane.origin).then_some((sequence, outcome))
}
