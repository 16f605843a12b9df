use alloy::{
    primitives::b256,
    sol_types::{SolStruct, eip712_domain},
};
use proptest::prelude::*;

use super::strategies;
use crate::{commitment::Commitment, events::abi, ids::NetworkId};

proptest! {
    #[test]
    fn the_digest_is_eip_712s(commitment in strategies::commitment()) {
        let domain = eip712_domain! { name: "Metalayer", version: "1", };
        let typed = abi::Commitment::from(&commitment);
        prop_assert_eq!(commitment.digest(), typed.eip712_signing_hash(&domain));
    }

    #[test]
    fn packed_bytes_are_read_back(commitment in strategies::commitment()) {
        let bytes = commitment.to_bytes();
        prop_assert_eq!(bytes.len(), Commitment::LEN);
        prop_assert_eq!(Commitment::from_bytes(&bytes), Ok(commitment));
        prop_assert!(Commitment::from_bytes(&bytes[1..]).is_err());
        prop_assert!(Commitment::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn each_field_is_signed(a in strategies::commitment(), b in strategies::commitment()) {
        let digest = a.digest();
        let mut others = vec![
            Commitment { network: b.network, ..a },
            Commitment { block_hash: b.block_hash, ..a },
            Commitment { lanes_root: b.lanes_root, ..a },
            Commitment { facts_root: b.facts_root, ..a },
            Commitment { version: !a.version, ..a },
            Commitment { block_number: !a.block_number, ..a },
        ];
        let (mut chain, mut gateway) = (a, a);
        chain.origin.chain = b.origin.chain;
        gateway.origin.gateway = b.origin.gateway;
        others.extend([chain, gateway].into_iter().filter(|other| *other != a));
        for other in others {
            prop_assert_ne!(other.digest(), digest);
        }
    }
}

#[test]
fn the_domain_is_metalayers() {
    let domain = eip712_domain! { name: "Metalayer", version: "1", };
    assert_eq!(domain.separator(), b256!("78edb0edec4f3c72de8fc871f6ff911deb2e61f02e62a8fe0333028274d18e17"));
    let other = NetworkId::new("other", 1_u64.try_into().unwrap(), Default::default());
    assert_ne!(other, NetworkId::new("another", 1_u64.try_into().unwrap(), Default::default()));
}
