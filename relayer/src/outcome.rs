//! What a gateway logs of a message that it was to deliver.

use alloy::{
    primitives::{Address, B256},
    sol_types::SolEvent,
};
use metalayer_proto::{
    envelope::{MessageOutcome, Outcome},
    events::abi::{MessageDelivered, MessageFailed, MessageRefused, MessageVoided},
    ids::{ChainId, GatewayId, MessageId},
};

/// The origin of the message that a gateway's log is about, and what became of it; `None` for a log about anything else.
pub(crate) fn read(topics: &[B256], data: &[u8]) -> Option<(GatewayId, MessageOutcome)> {
    let given = || topics.iter().copied();
    let (chain, gateway, id, sequence, outcome): (u64, Address, B256, u64, Outcome) = match *topics.first()? {
        MessageDelivered::SIGNATURE_HASH => {
            let event = MessageDelivered::decode_raw_log(given(), data).ok()?;
            (event.originChainId, event.originGateway, event.id, event.sequence, Outcome::Delivered)
        }
        MessageFailed::SIGNATURE_HASH => {
            let event = MessageFailed::decode_raw_log(given(), data).ok()?;
            (event.originChainId, event.originGateway, event.id, event.sequence, Outcome::Failed)
        }
        MessageVoided::SIGNATURE_HASH => {
            let event = MessageVoided::decode_raw_log(given(), data).ok()?;
            (event.originChainId, event.originGateway, event.id, event.sequence, Outcome::Voided)
        }
        MessageRefused::SIGNATURE_HASH => {
            let event = MessageRefused::decode_raw_log(given(), data).ok()?;
            (event.originChainId, event.originGateway, event.id, event.sequence, Outcome::Refused)
        }
        _ => return None,
    };
    let origin = GatewayId { chain: ChainId::new(chain).ok()?, gateway };
    Some((origin, MessageOutcome { sequence, id: MessageId(id), outcome }))
}
