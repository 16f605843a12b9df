//! A gateway that writes the logs of an honest one, for histories to derive from.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{SolCall, SolEvent},
};

use crate::{
    derivation::{Arrivals, Deployment, VerifiedBlock, VerifiedLog},
    events::abi,
    ids::{ChainId, GatewayId},
    interop,
    message::{Kind, Message, Payload},
};

pub(super) fn chain(id: u64) -> ChainId {
    ChainId::new(id).unwrap()
}

pub(super) fn contract(number: u8) -> Address {
    Address::repeat_byte(number)
}

pub(super) fn gateway_on(id: u64) -> GatewayId {
    GatewayId { chain: chain(id), gateway: Address::with_last_byte(id as u8) }
}

/// The origin is chain 1, the hub chain 2.
pub(super) fn deployment() -> Deployment {
    Deployment {
        network: crate::tests::golden::samples::network(),
        origin: gateway_on(1),
        deployed_at: 10,
        hub: gateway_on(2),
        hub_registry: contract(0xee),
        era: contract(0xe1),
    }
}

/// The same chain as the hub itself, where what its registries log is believed.
pub(super) fn on_hub() -> Deployment {
    Deployment { hub: deployment().origin, ..deployment() }
}

/// Nothing was shown.
pub(super) fn nothing() -> Arrivals {
    Arrivals::default()
}

pub(super) fn event_log(event: &impl SolEvent) -> VerifiedLog {
    let data = event.encode_log_data();
    VerifiedLog {
        address: deployment().origin.gateway,
        topics: data.topics().to_vec(),
        data: data.data.clone(),
        ..VerifiedLog::default()
    }
}

pub(super) fn open_route(to: u64) -> abi::RouteSet {
    let gateway = gateway_on(to).gateway;
    let route = abi::Route {
        gateway,
        kinds: 0b111,
        bytesMax: 100,
        gasMax: 500_000,
        valueMax: 0,
        feeBase: Default::default(),
        feePerByte: Default::default(),
        feePerGas: Default::default(),
    };
    abi::RouteSet { destinationChainId: to, route }
}

pub(super) fn module_set(on: u64, module: Address, module_id: u32, kind: Kind, version: u64) -> VerifiedLog {
    event_log(&abi::ModuleSet { chainId: on, module, moduleId: module_id, kind: kind.byte(), version })
}

/// A message as the origin's gateway would send it.
pub(super) fn message(to: u64, sequence: u64) -> Message {
    let sender = contract(0xaa);
    Message {
        origin: deployment().origin,
        destination: gateway_on(to),
        sequence,
        kind: Kind::Generic,
        gas_limit: 200_000,
        sender,
        recipient: contract(0xbb),
        payer: sender,
        fee: 0,
        after: 0,
        payload: Payload::new(vec![1, 2, 3]).unwrap(),
    }
}

pub(super) fn sent_attribute(message: &Message) -> Bytes {
    let call = abi::sentCall {
        id: message.id().0,
        sequence: message.sequence,
        destinationGateway: message.destination.gateway,
        kind: message.kind.byte(),
        gasLimit: message.gas_limit,
        payer: message.payer,
        fee: message.fee,
        afterSequence: message.after,
    };
    call.abi_encode().into()
}

/// The event that tells of `message`, with every attribute given that is not its default.
pub(super) fn sent_event(message: &Message) -> abi::MessageSent {
    let mut attributes: Vec<Bytes> = Vec::new();
    if message.kind != Kind::Control {
        if message.kind != Kind::Generic {
            attributes.push(abi::kindCall { kind: message.kind.byte() }.abi_encode().into());
        }
        if message.kind == Kind::Governance {
            attributes.push(abi::gatewayCall { gateway: message.destination.gateway }.abi_encode().into());
        }
        if message.gas_limit != 200_000 {
            attributes.push(abi::gasLimitCall { gasLimit: U256::from(message.gas_limit) }.abi_encode().into());
        }
        if message.payer != message.sender {
            attributes.push(abi::payerCall { payer: message.payer }.abi_encode().into());
        }
        if message.after != 0 {
            attributes.push(abi::orderedCall {}.abi_encode().into());
        }
    }
    attributes.push(sent_attribute(message));
    abi::MessageSent {
        sendId: B256::ZERO,
        sender: interop::format(message.origin.chain, message.sender),
        recipient: interop::format(message.destination.chain, message.recipient),
        payload: message.payload.bytes().clone(),
        value: U256::ZERO,
        attributes,
    }
}

pub(super) fn sent(message: &Message) -> VerifiedLog {
    event_log(&sent_event(message))
}

/// Blocks from the deployment on, each with the given logs.
pub(super) fn blocks(logs: impl IntoIterator<Item = Vec<VerifiedLog>>) -> Vec<VerifiedBlock> {
    let hash = |number: u64| keccak256(number.to_be_bytes());
    let block = |(number, logs): (u64, Vec<VerifiedLog>)| VerifiedBlock {
        number,
        hash: hash(number),
        parent_hash: hash(number - 1),
        timestamp: 1_000 + number,
        logs: (0..).zip(logs).map(|(index, log)| VerifiedLog { index, ..log }).collect(),
    };
    (deployment().deployed_at..).zip(logs).map(block).collect()
}

/// One thing that happens at an origin.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Send { to: u64, kind: Kind, sender: u8, recipient: u8, payload: Vec<u8>, ordered: bool },
    Route { to: u64, open: bool },
    Module { on: u64, contract: u8, module: u32, kind: Kind },
    Stranger,
}

/// The log of each act that an honest gateway would not revert, and for a sent message whether it should be valid, as told by
/// tables of its own.
pub(super) fn play(acts: &[Act]) -> Vec<(VerifiedLog, Option<bool>)> {
    let mut routes = BTreeMap::new();
    let mut modules: BTreeMap<(u64, u8), (u32, Kind)> = BTreeMap::new();
    let mut lanes: BTreeMap<u64, u64> = BTreeMap::new();
    let mut version = 0;
    let mut logs = Vec::new();
    for act in acts {
        match act {
            Act::Send { to, kind, sender, recipient, payload, ordered } => {
                let by_route = !matches!(kind, Kind::Governance | Kind::Control);
                if by_route && !routes.get(to).copied().unwrap_or(false) {
                    continue;
                }
                let sequence = lanes.entry(*to).or_default();
                let message = Message {
                    kind: *kind,
                    sender: contract(*sender),
                    recipient: contract(*recipient),
                    payer: contract(*sender),
                    payload: Payload::new(payload.clone()).unwrap(),
                    after: if *ordered { *sequence } else { 0 },
                    ..message(*to, *sequence)
                };
                *sequence += 1;
                let same_module = match (modules.get(&(1, *sender)), modules.get(&(*to, *recipient))) {
                    (None, None) => true,
                    (Some(from), Some(into)) => from == into && from.1 == Kind::Generic,
                    _ => false,
                };
                logs.push((sent(&message), Some(*kind == Kind::Generic && same_module)));
            }
            Act::Route { to, open } => {
                routes.insert(*to, *open);
                let mut event = open_route(*to);
                if !open {
                    event.route.gateway = Address::ZERO;
                }
                logs.push((event_log(&event), None));
            }
            Act::Module { on, contract: number, module, kind } => {
                version += 1;
                logs.push((module_set(*on, contract(*number), *module, *kind, version), None));
                match module {
                    0 => modules.remove(&(*on, *number)),
                    module => modules.insert((*on, *number), (*module, *kind)),
                };
            }
            Act::Stranger => {
                logs.push((VerifiedLog { address: contract(0x77), ..sent(&message(3, 9)) }, None));
            }
        }
    }
    logs
}
