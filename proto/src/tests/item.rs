use alloy::primitives::{Address, B256};
use proptest::{collection::vec, prelude::*};

use super::strategies;
use crate::{
    bytes::LengthError,
    ids::{LaneId, MessageId},
    item::{ITEMS_MAX, Item, ItemError},
    message::{Message, MessageError, Payload, PayloadTooLong, UnknownKind},
};

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        strategies::b256().prop_map(Item::Leaf),
        strategies::b256().prop_map(|id| Item::Void(MessageId(id))),
        strategies::message().prop_map(|message| Item::Message(Box::new(message))),
    ]
}

prop_compose! {
    /// Items as a delivery has them: of one lane, with neighbouring sequences.
    fn delivery()(
        lane in (strategies::gateway(), strategies::gateway()),
        first in 0..u64::from(u32::MAX),
        mut items in vec(item(), 1..20),
    ) -> (LaneId, u64, Vec<Item>) {
        let (origin, destination) = lane;
        for (sequence, item) in (first..).zip(&mut items) {
            if let Item::Message(message) = item {
                let after = message.after % (sequence + 1);
                **message = Message { origin, destination, sequence, after, ..(**message).clone() };
            }
        }
        (LaneId { origin, destination }, first, items)
    }
}

proptest! {
    #[test]
    fn items_are_read_back((lane, first, items) in delivery()) {
        let bytes = Item::encode_all(&items);
        prop_assert_eq!(Item::decode_all(&bytes, lane, first, ITEMS_MAX).unwrap(), items);
    }

    #[test]
    fn what_decodes_has_no_other_bytes((lane, first, items) in delivery(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = Item::encode_all(&items);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(others) = Item::decode_all(&bytes, lane, first, ITEMS_MAX) {
            prop_assert_eq!(Item::encode_all(&others), bytes);
            let leaves = |items: &[Item]| items.iter().map(Item::leaf).collect::<Vec<_>>();
            prop_assert_ne!(leaves(&others), leaves(&items));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400), lane in (strategies::gateway(), strategies::gateway())) {
        let lane = LaneId { origin: lane.0, destination: lane.1 };
        if let Ok(items) = Item::decode_all(&bytes, lane, 3, ITEMS_MAX) {
            prop_assert_eq!(Item::encode_all(&items), bytes);
        }
    }
}

/// A message with every optional field, its lane, and its item.
fn whole() -> (LaneId, Message, Vec<u8>) {
    let message = Message { sequence: 9, after: 9, ..super::golden::samples::message() };
    let bytes = Item::encode_all(&[Item::Message(Box::new(message.clone()))]);
    (message.lane(), message, bytes)
}

#[test]
fn the_leaf_is_that_of_the_message() {
    let (_, message, _) = whole();
    assert_eq!(Item::Message(Box::new(message.clone())).leaf(), message.id().0);
    assert_eq!(Item::Void(message.id()).leaf(), message.id().void_leaf());
    assert_eq!(Item::Leaf(B256::repeat_byte(7)).leaf(), B256::repeat_byte(7));
}

#[test]
fn the_shortest_message_has_48_bytes_and_its_payload() {
    let (_, message, _) = whole();
    let message = Message { payer: message.sender, fee: 0, after: 0, ..message };
    let length = 48 + message.payload.bytes().len();
    assert_eq!(Item::encode_all(&[Item::Message(Box::new(message))]).len(), length);
}

#[test]
fn a_default_written_out_is_refused() {
    let (lane, message, bytes) = whole();
    let decode = |bytes: &[u8]| Item::decode_all(bytes, lane, 9, ITEMS_MAX);
    assert_eq!(decode(&bytes), Ok(vec![Item::Message(Box::new(message.clone()))]));
    let with = |at: usize, field: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + field.len()].copy_from_slice(field);
        decode(&bytes)
    };
    assert_eq!(with(48, message.sender.as_slice()), Err(ItemError::Redundant("payer")));
    assert_eq!(with(68, &[0; 16]), Err(ItemError::Redundant("fee")));
    assert_eq!(with(84, &[0; 8]), Err(ItemError::Redundant("after")));
    assert_eq!(
        with(84, &10_u64.to_be_bytes()),
        Err(ItemError::Message(MessageError::After { sequence: 9, after: 10 }))
    );
    assert_eq!(with(1, &[5]), Err(ItemError::Kind(UnknownKind(5))));
}

#[test]
fn unknown_forms_and_cut_bytes_are_refused() {
    let (lane, _, bytes) = whole();
    for form in (2..0x80).chain(0x88..=0xff) {
        assert_eq!(Item::decode_all(&[form], lane, 0, ITEMS_MAX), Err(ItemError::Form(form)));
    }
    for length in 1..bytes.len() {
        assert!(
            matches!(Item::decode_all(&bytes[..length], lane, 9, ITEMS_MAX), Err(ItemError::Length(_))),
            "{length} bytes"
        );
    }
    assert_eq!(
        Item::decode_all(&[0; 32], lane, 0, ITEMS_MAX),
        Err(ItemError::Length(LengthError::Truncated { missing: 1 }))
    );
    assert_eq!(Item::decode_all(&[], lane, 0, ITEMS_MAX), Ok(vec![]));
}

#[test]
fn bounds_hold() {
    let (lane, message, _) = whole();
    let leaf = Item::Leaf(B256::repeat_byte(1));
    let full = Item::encode_all(&vec![leaf.clone(); ITEMS_MAX]);
    assert_eq!(Item::decode_all(&full, lane, 0, ITEMS_MAX).unwrap().len(), ITEMS_MAX);
    assert_eq!(
        Item::decode_all(&Item::encode_all(&vec![leaf.clone(); ITEMS_MAX + 1]), lane, 0, ITEMS_MAX),
        Err(ItemError::TooMany { max: ITEMS_MAX })
    );
    assert_eq!(
        Item::decode_all(&Item::encode_all(&[leaf.clone(), leaf]), lane, u64::MAX, ITEMS_MAX),
        Err(ItemError::Sequence)
    );

    let message =
        Message { payload: Payload::new(vec![0; 32_768]).unwrap(), payer: Address::repeat_byte(9), ..message };
    let mut bytes = Item::encode_all(&[Item::Message(Box::new(message))]);
    bytes[2..4].copy_from_slice(&32_769_u16.to_be_bytes());
    bytes.push(0);
    assert_eq!(Item::decode_all(&bytes, lane, 9, ITEMS_MAX), Err(ItemError::Payload(PayloadTooLong(32_769))));
}
