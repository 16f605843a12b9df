//! Acts and refusals have one encoding.

use alloy::primitives::B256;
use proptest::{collection::vec, prelude::*};

use super::strategies;
use crate::{
    act::{Act, NoAct},
    control::{NoRefusal, Refusal},
    facts::{EpochEntry, ModuleRow},
    ids::MessageId,
};

pub(super) fn act() -> impl Strategy<Value = Act> {
    let leaf = || (strategies::gateway(), any::<u64>());
    prop_oneof![
        (strategies::chain(), strategies::address(), any::<(u32, u64)>(), strategies::kind()).prop_map(
            |(chain, contract, (module, version), kind)| Act::SetModule {
                chain,
                contract,
                row: ModuleRow { module, kind, version }
            }
        ),
        any::<(u32, u64)>().prop_map(|(version, by)| Act::SetRulesVersion { version, by }),
        (strategies::b256(), any::<(u64, u64, u64)>()).prop_map(|(table_hash, (epoch, activates_at, expires_at))| {
            Act::AnnounceEpoch { epoch, entry: EpochEntry { table_hash, activates_at, expires_at } }
        }),
        (strategies::address(), vec(any::<u8>(), 0..80))
            .prop_map(|(target, data)| Act::CallModule { target, data: data.into() }),
        leaf().prop_map(|(origin, sequence)| Act::RefuseUnproven { origin, sequence }),
        leaf().prop_map(|(destination, sequence)| Act::Overrule { destination, sequence }),
    ]
}

proptest! {
    #[test]
    fn acts_have_one_encoding(act in act(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let bytes = act.encode();
        prop_assert_eq!(Act::decode(&bytes), Ok(act.clone()));
        prop_assert!(Act::decode(&[&bytes[..], &[0; 32]].concat()).is_err());
        prop_assert!(Act::decode(&bytes[..bytes.len() - 1]).is_err());
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= flip;
        if let Ok(other) = Act::decode(&changed) {
            prop_assert_ne!(&other, &act);
            prop_assert_eq!(other.encode(), changed);
        }
    }

    #[test]
    fn refusals_have_one_encoding(sequence in any::<u64>(), id in strategies::b256(), dirt in 1..=255_u8) {
        let refusal = Refusal { sequence, id: MessageId(id) };
        let bytes = refusal.encode();
        prop_assert_eq!((bytes.len(), Refusal::decode(&bytes)), (64, Ok(refusal)));
        prop_assert_eq!(refusal.is_unproven(), id == B256::ZERO);
        let mut dirty = bytes.clone();
        dirty[0] = dirt;
        prop_assert_eq!(Refusal::decode(&dirty), Err(NoRefusal));
        prop_assert_eq!(Refusal::decode(&bytes[..63]), Err(NoRefusal));
        prop_assert_eq!(Refusal::decode(&[&bytes[..], &[0]].concat()), Err(NoRefusal));
    }
}

#[test]
fn unknown_acts_chains_and_kinds_are_refused() {
    let row = ModuleRow { module: 1, kind: crate::message::Kind::Mapping, version: 1 };
    let act = Act::SetModule { chain: 5_u64.try_into().unwrap(), contract: Default::default(), row };
    // Words: act, offset and length of the body, then chain, module, id, kind, version.
    let with = |word: usize, byte: u8| {
        let mut bytes = act.encode();
        bytes[word * 32 + 31] = byte;
        Act::decode(&bytes)
    };
    assert_eq!(with(0, 6), Err(NoAct::Unknown(6)));
    assert!(matches!(with(3, 0), Err(NoAct::Chain(_))));
    assert!(matches!(with(6, 5), Err(NoAct::Kind(_))));
    assert_eq!(with(6, 1).map(|_| ()), Ok(()));
}
