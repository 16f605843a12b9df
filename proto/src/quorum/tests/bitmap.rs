use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn member_0_is_the_most_significant_bit_of_byte_0() {
    let mut bitmap = Bitmap::empty(10);
    for (index, bytes) in [(0, [0x80, 0]), (7, [0x81, 0]), (8, [0x81, 0x80]), (9, [0x81, 0xc0])] {
        assert!(bitmap.insert(index));
        assert_eq!(bitmap.as_bytes(), bytes);
    }
    assert_eq!(bitmap.iter().collect::<Vec<_>>(), [0, 7, 8, 9]);
    assert_eq!(bitmap.len(), 4);
}

#[test]
fn there_is_nobody_past_the_last_member() {
    let mut bitmap = Bitmap::empty(10);
    assert!(!bitmap.insert(10) && !bitmap.insert(u16::MAX));
    assert!(bitmap.is_empty() && !bitmap.contains(10) && !bitmap.contains(u16::MAX));
}

/// The same signers in other bytes would be a second proof of the same thing.
#[test]
fn a_bitmap_of_other_length_or_with_padding_bits_is_refused() {
    for padding in [0x20, 0x01, 0x3f] {
        assert_eq!(Bitmap::from_bytes(10, &[0xff, 0xc0 | padding]), Err(BitmapError::Padding));
    }
    assert!(Bitmap::from_bytes(10, &[0xff, 0xc0]).is_ok());
    for bytes in [&[][..], &[0xff], &[0xff, 0xc0, 0], &[0, 0xff, 0xc0]] {
        let refused = BitmapError::Length { expected: 2, got: bytes.len() };
        assert_eq!(Bitmap::from_bytes(10, bytes), Err(refused));
    }
    assert!(Bitmap::from_bytes(16, &[0xff, 0xff]).is_ok());
}

proptest! {
    #[test]
    fn a_set_of_members_has_one_encoding(members in 1_u16..=1200, set: BTreeSet<u16>) {
        let set: BTreeSet<_> = set.into_iter().map(|index| index % members).collect();
        let mut bitmap = Bitmap::empty(members);
        set.iter().for_each(|index| assert!(bitmap.insert(*index)));
        prop_assert_eq!(bitmap.len(), set.len());
        let decoded = Bitmap::from_bytes(members, bitmap.as_bytes()).unwrap();
        prop_assert!(decoded.iter().eq(set));
        prop_assert_eq!(decoded, bitmap);
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(members in 1_u16..=64, bytes in prop::collection::vec(any::<u8>(), 0..10)) {
        if let Ok(bitmap) = Bitmap::from_bytes(members, &bytes) {
            prop_assert_eq!(bitmap.as_bytes(), &bytes);
            prop_assert!(bitmap.iter().all(|index| index < members));
        }
    }
}
