//! What a gateway logs of what came back to it.

use alloy::{
    primitives::{Address, B256},
    sol_types::SolEvent,
};
use metalayer_proto::{
    envelope::HomeEvent,
    events::abi::{FeesClaimed, Reclaimed, Refused, SnapshotTaken},
    ids::{ChainId, GatewayId, MessageId},
};

/// What a gateway's log says came home; `None` for a log about anything else.
pub(crate) fn read(topics: &[B256], data: &[u8]) -> Option<HomeEvent> {
    let given = || topics.iter().copied();
    Some(match *topics.first()? {
        Refused::SIGNATURE_HASH => {
            let Refused { id, destinationChainId, destinationGateway, sequence } =
                Refused::decode_raw_log(given(), data).ok()?;
            let destination = gateway(destinationChainId, destinationGateway)?;
            HomeEvent::Refused { destination, sequence, id: MessageId(id) }
        }
        Reclaimed::SIGNATURE_HASH => {
            let Reclaimed { id, value, fee } = Reclaimed::decode_raw_log(given(), data).ok()?;
            HomeEvent::Reclaimed { id: MessageId(id), value, fee }
        }
        FeesClaimed::SIGNATURE_HASH => {
            let FeesClaimed { destinationChainId, destinationGateway, executor, amount } =
                FeesClaimed::decode_raw_log(given(), data).ok()?;
            let destination = gateway(destinationChainId, destinationGateway)?;
            HomeEvent::FeesClaimed { destination, executor, amount }
        }
        SnapshotTaken::SIGNATURE_HASH => {
            let SnapshotTaken { destinationChainId, destinationGateway, count, laneRoot } =
                SnapshotTaken::decode_raw_log(given(), data).ok()?;
            let destination = gateway(destinationChainId, destinationGateway)?;
            HomeEvent::SnapshotTaken { destination, count, root: laneRoot }
        }
        _ => return None,
    })
}

fn gateway(chain: u64, gateway: Address) -> Option<GatewayId> {
    Some(GatewayId { chain: ChainId::new(chain).ok()?, gateway })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::declared;

    #[test]
    fn all_events_are_the_gateways_own() {
        let events = [
            Refused::SIGNATURE_HASH,
            Reclaimed::SIGNATURE_HASH,
            FeesClaimed::SIGNATURE_HASH,
            SnapshotTaken::SIGNATURE_HASH,
        ];
        assert!(events.iter().all(|event| declared("event").contains(event)));
    }
}
