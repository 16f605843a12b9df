//! A sent message, read back from its log.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};

use super::{LogError, abi, read};
use crate::{
    derivation::VerifiedLog,
    ids::{ChainId, GatewayId, MessageId},
    interop,
    message::{Kind, Message, Payload},
};

/// What the caller asked for; what it left open is `None`.
#[derive(Default)]
struct Asked {
    gas_limit: Option<U256>,
    ordered: bool,
    payer: Option<Address>,
    kind: Option<u8>,
    gateway: Option<Address>,
}

/// The gas limit of a message that names none.
const DEFAULT_GAS_LIMIT: u32 = 200_000;

/// Reads a `MessageSent` log: the chain it says it was sent on, the message as `origin`'s, and the id that was logged.
pub fn read_sent(log: &VerifiedLog, origin: GatewayId) -> Result<(ChainId, Message, MessageId), LogError> {
    let event: abi::MessageSent = read(log)?;
    if !event.sendId.is_zero() {
        return Err(LogError::NotZero("sendId"));
    }
    if !event.value.is_zero() {
        return Err(LogError::NotZero("value"));
    }
    let (sender_chain, sender) = interop::parse(&event.sender)?;
    let (destination_chain, recipient) = interop::parse(&event.recipient)?;
    let (last, given) = event.attributes.split_last().ok_or(LogError::NoSent)?;
    let sent: abi::sentCall = attribute(last).ok_or(LogError::NoSent)?;
    let message = Message {
        origin,
        destination: GatewayId { chain: destination_chain, gateway: sent.destinationGateway },
        sequence: sent.sequence,
        kind: sent.kind.try_into()?,
        gas_limit: sent.gasLimit,
        sender,
        recipient,
        payer: sent.payer,
        fee: sent.fee,
        after: sent.afterSequence,
        payload: Payload::new(event.payload)?,
    };
    message.check_order()?;
    Asked::read(given)?.check(&message)?;
    Ok((sender_chain, message, MessageId(sent.id)))
}

/// The call that is encoded in `bytes`, if this is its one encoding.
fn attribute<C: SolCall>(bytes: &Bytes) -> Option<C> {
    C::abi_decode_validate(bytes).ok().filter(|call| call.abi_encode() == **bytes)
}

impl Asked {
    fn read(attributes: &[Bytes]) -> Result<Self, LogError> {
        let mut asked = Self::default();
        for (index, bytes) in attributes.iter().enumerate() {
            let first_time = if let Some(abi::gasLimitCall { gasLimit }) = attribute(bytes) {
                asked.gas_limit.replace(gasLimit).is_none()
            } else if let Some(abi::orderedCall {}) = attribute(bytes) {
                !std::mem::replace(&mut asked.ordered, true)
            } else if let Some(abi::payerCall { payer }) = attribute(bytes) {
                asked.payer.replace(payer).is_none()
            } else if let Some(abi::kindCall { kind }) = attribute(bytes) {
                asked.kind.replace(kind).is_none()
            } else if let Some(abi::gatewayCall { gateway }) = attribute(bytes) {
                asked.gateway.replace(gateway).is_none()
            } else {
                false
            };
            if !first_time {
                return Err(LogError::Attribute(index));
            }
        }
        Ok(asked)
    }

    /// Whether the gateway did what it was asked. A `Control` message is the gateway's own: nobody asked for it.
    fn check(&self, message: &Message) -> Result<(), LogError> {
        let own = message.kind == Kind::Control;
        let differs = |what| Err(LogError::Contradiction(what));
        if self.kind.unwrap_or(Kind::Generic.byte()) != message.kind.byte() && !own {
            return differs("kind");
        }
        if self.gas_limit.unwrap_or(U256::from(DEFAULT_GAS_LIMIT)) != U256::from(message.gas_limit) && !own {
            return differs("gasLimit");
        }
        if self.payer.unwrap_or(message.sender) != message.payer && !own {
            return differs("payer");
        }
        // Governance is always ordered, asked or not.
        if message.after != 0 && !self.ordered && message.kind != Kind::Governance && !own {
            return differs("ordered");
        }
        match self.gateway {
            Some(gateway) if message.kind != Kind::Governance || gateway != message.destination.gateway => {
                differs("gateway")
            }
            None if message.kind == Kind::Governance => differs("gateway"),
            _ => Ok(()),
        }
    }
}
