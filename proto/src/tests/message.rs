use alloy::primitives::{B256, keccak256};
use proptest::prelude::*;

use super::strategies;
use crate::message::{HEADER_LEN, Kind, Message, MessageError, PAYLOAD_MAX, Payload, PayloadTooLong, UnknownKind};

fn sample() -> Message {
    super::golden::samples::message()
}

proptest! {
    #[test]
    fn canonical_bytes_are_read_back(message in strategies::message()) {
        let bytes = message.encode();
        prop_assert_eq!(bytes.len(), HEADER_LEN + message.payload.bytes().len());
        prop_assert_eq!(Message::decode(&bytes).unwrap(), message);
    }

    #[test]
    fn what_decodes_has_no_other_bytes(message in strategies::message(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = Message::decode(&bytes) {
            prop_assert_ne!(other.id(), message.id());
            prop_assert_eq!(other.encode(), bytes);
        }
    }

    #[test]
    fn a_void_leaf_is_no_id_and_no_node(message in strategies::message()) {
        let id = message.id();
        let expected = keccak256([keccak256("metalayer/void").as_slice(), &[1], id.0.as_slice()].concat());
        prop_assert_eq!(id.void_leaf(), expected);
        prop_assert_ne!(id.void_leaf(), id.leaf());
        prop_assert!(message.encode().len() > 64);
    }
}

#[test]
fn each_field_stands_at_its_offset() {
    let message = sample();
    let bytes = message.encode();
    assert_eq!(bytes[..32], keccak256("metalayer/message"));
    assert_eq!(bytes[32], 1);
    assert_eq!(bytes[33..61], message.origin.to_bytes());
    assert_eq!(bytes[61..89], message.destination.to_bytes());
    assert_eq!(bytes[89..97], message.sequence.to_be_bytes());
    assert_eq!(bytes[97], message.kind.byte());
    assert_eq!(bytes[98..102], message.gas_limit.to_be_bytes());
    assert_eq!(bytes[102..122], *message.sender);
    assert_eq!(bytes[122..142], *message.recipient);
    assert_eq!(bytes[142..162], *message.payer);
    assert_eq!(bytes[162..178], message.fee.to_be_bytes());
    assert_eq!(bytes[178..186], message.after.to_be_bytes());
    assert_eq!(bytes[186..], **message.payload.bytes());
    assert_eq!(message.id().0, keccak256(&bytes));
}

#[test]
fn every_malformed_message_is_refused_for_its_reason() {
    let bytes = sample().encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        Message::decode(&bytes)
    };
    assert_eq!(with(0, !bytes[0]), Err(MessageError::Tag));
    assert_eq!(with(32, 2), Err(MessageError::Version(2)));
    assert_eq!(with(97, 5), Err(MessageError::Kind(UnknownKind(5))));
    for chain in [33, 61] {
        let mut zero = bytes.clone();
        zero[chain..chain + 8].fill(0);
        assert!(matches!(Message::decode(&zero), Err(MessageError::Chain(_))));
    }
    for length in 0..HEADER_LEN {
        assert!(matches!(Message::decode(&bytes[..length]), Err(MessageError::Length(_))), "{length} bytes");
    }
    let waits_for_itself = Message { sequence: 7, after: 8, ..sample() };
    assert_eq!(Message::decode(&waits_for_itself.encode()), Err(MessageError::After { sequence: 7, after: 8 }));
    assert!(Message::decode(&Message { sequence: 7, after: 7, ..sample() }.encode()).is_ok());
}

#[test]
fn a_payload_has_a_bound() {
    let longest = Message { payload: Payload::new(vec![1; PAYLOAD_MAX]).unwrap(), ..sample() };
    assert_eq!(Message::decode(&longest.encode()), Ok(longest.clone()));
    assert_eq!(longest.payload.len(), 32_768);
    assert_eq!(Payload::new(vec![1; PAYLOAD_MAX + 1]), Err(PayloadTooLong(PAYLOAD_MAX + 1)));
    let mut bytes = longest.encode();
    bytes.push(1);
    assert_eq!(Message::decode(&bytes), Err(MessageError::Payload(PayloadTooLong(PAYLOAD_MAX + 1))));
}

#[test]
fn kinds_have_their_bytes_and_words() {
    for (byte, word) in ["generic", "value_flow", "mapping", "governance", "control"].into_iter().enumerate() {
        let kind = Kind::try_from(byte as u8).unwrap();
        assert_eq!(kind.byte() as usize, byte);
        assert_eq!(word.parse(), Ok(kind));
        assert_eq!(kind.to_string(), word);
    }
    assert!(Kind::try_from(5).is_err());
    assert!("Generic".parse::<Kind>().is_err());
    assert_ne!(sample().id().0, B256::ZERO);
}
