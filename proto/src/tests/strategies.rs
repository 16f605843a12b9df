//! Arbitrary values of the protocol.

use alloy::primitives::{Address, B256};
use proptest::{collection::vec, prelude::*};

use crate::{
    commitment::Commitment,
    ids::{ChainId, GatewayId, NetworkId},
    message::{Kind, Message, Payload},
};

pub(super) fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

pub(super) fn b256() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

pub(super) fn chain() -> impl Strategy<Value = ChainId> {
    prop_oneof![1..=300_u64, 1..=u64::MAX].prop_map(|id| ChainId::new(id).unwrap())
}

pub(super) fn gateway() -> impl Strategy<Value = GatewayId> {
    (chain(), address()).prop_map(|(chain, gateway)| GatewayId { chain, gateway })
}

pub(super) fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.as_slice())
}

pub(super) fn payload() -> impl Strategy<Value = Payload> {
    vec(any::<u8>(), 0..200).prop_map(|bytes| Payload::new(bytes).unwrap())
}

prop_compose! {
    pub(super) fn message()(
        (origin, destination) in (gateway(), gateway()),
        (sequence, after_share) in (any::<u64>(), any::<u64>()),
        (kind, gas_limit) in (kind(), any::<u32>()),
        (sender, recipient, other) in (address(), address(), address()),
        (own_payer, free, unordered) in any::<(bool, bool, bool)>(),
        fee in any::<u128>(),
        payload in payload(),
    ) -> Message {
        let after = after_share % sequence.saturating_add(1);
        Message {
            origin, destination, sequence, kind, gas_limit, sender, recipient, payload,
            payer: if own_payer { sender } else { other },
            fee: if free { 0 } else { fee },
            after: if unordered { 0 } else { after },
        }
    }
}

prop_compose! {
    pub(super) fn commitment()(
        version in any::<u32>(),
        network in b256(),
        origin in gateway(),
        block_number in any::<u64>(),
        (block_hash, lanes_root, facts_root) in (b256(), b256(), b256()),
    ) -> Commitment {
        Commitment { version, network: NetworkId(network), origin, block_number, block_hash, lanes_root, facts_root }
    }
}
