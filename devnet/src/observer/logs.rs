//! One chain's logs of gateway and token, read in their order.

use alloy::{
    primitives::{B256, TxHash, U256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use metalayer_proto::{
    derivation::VerifiedLog,
    events::{abi, read_sent},
    ids::{ChainId, GatewayId, LaneId, MessageId},
};

use super::{Delivery, Seen};
use crate::audit::{Fate, Homecoming, Outcome, Place, Return, Sent};

/// Reads the logs of one chain.
#[derive(Debug, Clone)]
pub struct Logs {
    here: GatewayId,
    /// What was burnt since the last message, and in which transaction: the bridge burns before it sends.
    burnt: Option<(TxHash, U256)>,
}

impl Logs {
    /// The logs of this gateway and of the token beside it.
    pub const fn of(here: GatewayId) -> Self {
        Self { here, burnt: None }
    }

    /// Adds what a log says.
    ///
    /// # Errors
    /// It is none that a gateway or a token writes, in words.
    pub fn take(&mut self, seen: &mut Seen, log: &Log) -> Result<(), String> {
        let place = Place {
            block: log.block_number.ok_or("it is in no block")?,
            log_index: log.log_index.ok_or("it has no place in its block")?,
        };
        let transaction = log.transaction_hash.ok_or("it is of no transaction")?;
        let history = &mut seen.history;
        let here = self.here;
        let outcome = |id: B256, chain: u64, gateway, fate| -> Result<Outcome, String> {
            let origin = GatewayId { chain: known(chain)?, gateway };
            Ok(Outcome { id: MessageId(id), destination: here.chain, origin, fate, place })
        };
        let back = |id: B256, homecoming| Return { id: MessageId(id), origin: here.chain, homecoming };
        match log.topic0().copied() {
            Some(abi::CrosschainBurn::SIGNATURE_HASH) => {
                self.burnt = Some((transaction, decode::<abi::CrosschainBurn>(log)?.amount));
            }
            Some(abi::MessageSent::SIGNATURE_HASH) => history.sent.push(self.sent(log, place, transaction)?),
            Some(abi::MessageDelivered::SIGNATURE_HASH) => {
                let event: abi::MessageDelivered = decode(log)?;
                history.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Delivered)?);
            }
            Some(abi::MessageFailed::SIGNATURE_HASH) => {
                let event: abi::MessageFailed = decode(log)?;
                history.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Failed)?);
            }
            Some(abi::MessageVoided::SIGNATURE_HASH) => {
                let event: abi::MessageVoided = decode(log)?;
                history.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Voided)?);
            }
            Some(abi::MessageRefused::SIGNATURE_HASH) => {
                let event: abi::MessageRefused = decode(log)?;
                history.outcomes.push(outcome(event.id, event.originChainId, event.originGateway, Fate::Refused)?);
            }
            Some(abi::Refused::SIGNATURE_HASH) => {
                history.returns.push(back(decode::<abi::Refused>(log)?.id, Homecoming::Refusal));
            }
            Some(abi::Reclaimed::SIGNATURE_HASH) => {
                let abi::Reclaimed { id, value, fee } = decode(log)?;
                history.returns.push(back(id, Homecoming::Reclaim { value, fee }));
            }
            Some(abi::RangeDelivered::SIGNATURE_HASH) => {
                let event: abi::RangeDelivered = decode(log)?;
                let origin = GatewayId { chain: known(event.originChainId)?, gateway: event.originGateway };
                let lane = LaneId { origin, destination: here };
                seen.deliveries.push(Delivery { lane, transaction, block: place.block });
            }
            _ => {}
        }
        Ok(())
    }

    fn sent(&mut self, log: &Log, place: Place, transaction: TxHash) -> Result<Sent, String> {
        let verified = VerifiedLog {
            address: log.address(),
            topics: log.topics().to_vec(),
            data: log.data().data.clone(),
            index: place.log_index,
            transaction_hash: transaction,
            ..VerifiedLog::default()
        };
        let (_, message, id) = read_sent(&verified, self.here).map_err(|error| error.to_string())?;
        let burnt = self.burnt.take().filter(|(burning, _)| *burning == transaction);
        Ok(Sent {
            id,
            lane: message.lane(),
            sequence: message.sequence,
            waits_for: message.after.checked_sub(1),
            block: place.block,
            transaction,
            burnt: burnt.map_or(U256::ZERO, |(_, amount)| amount),
        })
    }
}

fn known(chain: u64) -> Result<ChainId, String> {
    ChainId::new(chain).map_err(|error| error.to_string())
}

fn decode<E: SolEvent>(log: &Log) -> Result<E, String> {
    E::decode_log_data(log.data()).map_err(|error| error.to_string())
}
