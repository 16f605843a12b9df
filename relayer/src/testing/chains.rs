//! Chains in memory and what their gateways log, for those who derive them.
#![allow(non_snake_case, reason = "Solidity's names of fields")]

use std::sync::Arc;

use alloy::{
    primitives::{B256, Bytes, Log, U256},
    sol_types::{SolCall, SolEvent},
};
use metalayer_node::chain::{BlockContent, MemoryChain};
use metalayer_proto::{
    derivation::Deployment,
    events::abi::{self, MessageDelivered},
    interop,
    message::{Kind, Message},
};

use super::{NETWORK, gateway};

/// A chain whose gateway has a route to another.
pub(crate) fn chain(id: u64, to: u64) -> Arc<MemoryChain> {
    let chain = MemoryChain::new(gateway(id).chain);
    chain.mine(BlockContent::of([route(id, to)]));
    chain
}

pub(crate) fn deployment(id: u64) -> Deployment {
    let (hub, era) = (gateway(900), gateway(1).gateway);
    Deployment { network: NETWORK, origin: gateway(id), deployed_at: 1, hub, hub_registry: hub.gateway, era }
}

pub(crate) fn log_of(id: u64, event: &impl SolEvent) -> Log {
    Log { address: gateway(id).gateway, data: event.encode_log_data() }
}

pub(crate) fn route(from: u64, to: u64) -> Log {
    let route = abi::Route {
        gateway: gateway(to).gateway,
        kinds: 0b11,
        bytesMax: 100,
        gasMax: 500_000,
        valueMax: 0,
        feeBase: Default::default(),
        feePerByte: Default::default(),
        feePerGas: Default::default(),
    };
    log_of(from, &abi::RouteSet { destinationChainId: to, route })
}

pub(crate) fn delivered(message: &Message) -> MessageDelivered {
    let (id, origin, sequence) = (message.id().0, message.origin, message.sequence);
    MessageDelivered { id, originChainId: origin.chain.get(), originGateway: origin.gateway, sequence }
}

pub(crate) fn sent(message: &Message) -> Log {
    let own = abi::sentCall {
        id: message.id().0,
        sequence: message.sequence,
        destinationGateway: message.destination.gateway,
        kind: message.kind.byte(),
        gasLimit: message.gas_limit,
        payer: message.payer,
        fee: message.fee,
        afterSequence: message.after,
    };
    let gas = abi::gasLimitCall { gasLimit: U256::from(message.gas_limit) };
    let mut attributes: Vec<Bytes> = vec![gas.abi_encode().into(), own.abi_encode().into()];
    if message.kind != Kind::Generic {
        attributes.insert(0, abi::kindCall { kind: message.kind.byte() }.abi_encode().into());
    }
    log_of(
        message.origin.chain.get(),
        &abi::MessageSent {
            sendId: B256::ZERO,
            sender: interop::format(message.origin.chain, message.sender),
            recipient: interop::format(message.destination.chain, message.recipient),
            payload: message.payload.bytes().clone(),
            value: U256::ZERO,
            attributes,
        },
    )
}
