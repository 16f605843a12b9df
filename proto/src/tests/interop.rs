use alloy::{hex, primitives::address};
use proptest::{collection::vec, prelude::*};

use super::strategies;
use crate::{
    bytes::LengthError,
    ids::{ChainId, GatewayId},
    interop::{InteropError, format, format_gateway, parse},
};

proptest! {
    #[test]
    fn addresses_are_read_back(chain in strategies::chain(), contract in strategies::address()) {
        prop_assert_eq!(parse(&format(chain, contract)), Ok((chain, contract)));
        prop_assert_eq!(format_gateway(GatewayId { chain, gateway: contract }), format(chain, contract));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..40), head in any::<bool>()) {
        let bytes = if head { [&[0, 1, 0, 0, 1][..], &bytes].concat() } else { bytes };
        if let Ok((chain, contract)) = parse(&bytes) {
            prop_assert_eq!(format(chain, contract), bytes);
        }
    }
}

/// The first example of ERC-7930: vitalik.eth on Ethereum mainnet.
#[test]
fn the_erc_7930_example() {
    let bytes = hex!("00010000010114d8da6bf26964af9d7eed9e03e53415d37aa96045");
    let contract = address!("d8da6bf26964af9d7eed9e03e53415d37aa96045");
    assert_eq!(format(ChainId::new(1).unwrap(), contract).to_vec(), bytes);
}

#[test]
fn every_other_form_is_refused_for_its_reason() {
    let tail = "14d8da6bf26964af9d7eed9e03e53415d37aa96045";
    let parse = |head: &str| parse(&hex::decode(format!("{head}{tail}")).unwrap());
    assert!(parse("000100000101").is_ok());
    assert!(parse("00010000080101010101010101").is_ok());
    assert_eq!(parse("000200000101"), Err(InteropError::Version(2)));
    assert_eq!(parse("000100020101"), Err(InteropError::ChainType(2)));
    assert_eq!(parse("00010000020001"), Err(InteropError::Reference));
    assert_eq!(parse("0001000000"), Err(InteropError::Reference));
    assert_eq!(parse("0001000009010101010101010101"), Err(InteropError::Reference));
    assert_eq!(parse("00010000010113"), Err(InteropError::Address(0x13)));
    let whole = hex::decode(format!("000100000101{tail}")).unwrap();
    assert_eq!(
        super::super::interop::parse(&[&whole[..], &[0]].concat()),
        Err(LengthError::Trailing { extra: 1 }.into())
    );
    for length in 0..whole.len() {
        assert!(super::super::interop::parse(&whole[..length]).is_err());
    }
}
