//! The values that stand in the golden files.

use alloy::primitives::{
    Address, B256, FixedBytes, U256,
    aliases::{U80, U96},
};

use super::{drawn, number};
use crate::{
    batch::{Attestation, TransportBatch},
    commitment::Commitment,
    facts::{Credited, EpochEntry, Fact, FactsMap, ModuleRow, Route},
    ids::{ChainId, GatewayId, MessageId, NetworkId},
    lanes::{LaneState, LanesTree},
    message::{Kind, Message, Payload},
};

pub(in crate::tests) fn chain(id: u64) -> ChainId {
    ChainId::new(id).unwrap()
}

pub(in crate::tests) fn address(name: &str) -> Address {
    Address::from_word(drawn(name))
}

pub(in crate::tests) fn gateway(id: u64) -> GatewayId {
    GatewayId { chain: chain(id), gateway: address(&format!("gateway of {id}")) }
}

pub(in crate::tests) fn network() -> NetworkId {
    NetworkId::new("golden", chain(901), address("hub registry"))
}

/// With every field away from its default.
pub(in crate::tests) fn message() -> Message {
    let sequence = number("sequence", 17, 1 << 31) as u64;
    Message {
        origin: gateway(901),
        destination: gateway(4_242_424_242),
        sequence,
        kind: Kind::ValueFlow,
        gas_limit: number("gas limit", 123_456, u32::MAX.into()) as u32,
        sender: address("sender"),
        recipient: address("recipient"),
        payer: address("payer"),
        fee: number("fee", 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10, u128::MAX - 1),
        after: number("after", 16, sequence.into()) as u64,
        payload: Payload::new((0..=255).map(|byte: u8| byte ^ number("payload", 0, 255) as u8).collect::<Vec<u8>>())
            .unwrap(),
    }
}

/// Each combination of fields that an item leaves out, each kind, and payloads of none, one and many bytes.
pub(in crate::tests) fn messages() -> Vec<Message> {
    let with = |index: u64| {
        let whole = message();
        let present = |bit: u64| index & bit != 0;
        Message {
            sequence: whole.sequence + index,
            kind: Kind::ALL[index as usize % Kind::ALL.len()],
            payer: if present(1) { whole.payer } else { whole.sender },
            fee: if present(2) { whole.fee } else { 0 },
            after: if present(4) { whole.after } else { 0 },
            payload: Payload::new(whole.payload.bytes().slice(..[256, 0, 1][index as usize % 3])).unwrap(),
            ..whole
        }
    };
    (0..8).map(with).collect()
}

pub(in crate::tests) fn lanes() -> Vec<LaneState> {
    let lane = |number: u64| LaneState {
        destination: gateway(900 + number),
        count: 1_000 * number + 1,
        root: drawn(number.to_be_bytes()),
    };
    (0..7).map(lane).collect()
}

pub(in crate::tests) fn facts() -> Vec<Fact> {
    let route = Route {
        gateway: gateway(902).gateway,
        kinds: 0b101,
        bytes_max: 32_768,
        gas_max: 10_000_000,
        value_max: u128::MAX - 1,
        fee_base: U96::from(1_000_000_000_000_000_000_u64),
        fee_per_byte: U80::from(7_000),
        fee_per_gas: U80::MAX,
    };
    let row = ModuleRow { module: 7, kind: Kind::Mapping, version: 3 };
    let entry = EpochEntry { table_hash: drawn("table"), activates_at: 1_800_000_000, expires_at: 1_802_592_000 };
    vec![
        Fact::Route { destination: chain(902), route },
        Fact::Route { destination: chain(903), route: Route { kinds: 1, ..route } },
        Fact::Module { chain: chain(901), contract: address("module"), row },
        Fact::Rules(1),
        Fact::Epoch { epoch: 5, entry },
        Fact::Ledger { asset: drawn("asset"), units: U256::from(1_000_000_u64) },
        Fact::Credited { origin: gateway(903), credited: Credited::new(40, vec![0b1010_0110, 0, 1]).unwrap() },
        Fact::Credited { origin: gateway(904), credited: Credited::new(12, vec![]).unwrap() },
        Fact::Module {
            chain: chain(901),
            contract: address("old module"),
            row: ModuleRow { module: 0, kind: Kind::Generic, version: 4 },
        },
        Fact::Failed { origin: gateway(903), sequence: 41, id: MessageId(drawn("failed")) },
        Fact::Fees { origin: gateway(903), executor: address("executor"), total: U256::MAX },
    ]
}

pub(in crate::tests) fn facts_map() -> FactsMap {
    let mut map = FactsMap::default();
    facts().into_iter().for_each(|fact| map.insert(fact));
    map
}

pub(in crate::tests) fn commitment() -> Commitment {
    Commitment {
        version: 1,
        network: network(),
        origin: gateway(901),
        block_number: 1_234_567,
        block_hash: drawn("block"),
        lanes_root: LanesTree::new(lanes()).unwrap().root(),
        facts_root: facts_map().root(),
    }
}

pub(in crate::tests) fn batch() -> TransportBatch {
    let quiet = Commitment { origin: gateway(902), facts_root: B256::ZERO, ..commitment() };
    let attestation = |(byte, commitment)| Attestation { commitment, signature: FixedBytes::repeat_byte(byte) };
    TransportBatch {
        network: network(),
        sent_at_ms: 1_800_000_000_123,
        attestations: [(1, commitment()), (2, quiet)].map(attestation).to_vec(),
    }
}
