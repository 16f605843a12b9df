//! What a transaction may cost.

use metalayer_node::chain::Fees;

/// Raised by at least an eighth, or nodes keep the bytes that they have (most ask for a tenth).
const RAISE: u128 = 8;

/// What a transaction offers for a unit of gas, in wei.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::execute) struct Price {
    pub(super) max_fee: u128,
    pub(super) tip: u128,
}

/// The price of a new transaction at most `ceiling`; `None` while the chain asks for more.
pub(super) fn fresh(market: Fees, ceiling: u128) -> Option<Price> {
    if needed(market) > ceiling {
        return None;
    }
    Some(Price { max_fee: market.max_fee_per_gas.min(ceiling), tip: market.max_priority_fee_per_gas })
}

/// The price of the replacement number `number`, from 0: what the market asks for, or an eighth more than `old`, and with every
/// further replacement twice that step. `None` if the ceiling leaves no room for a price that nodes and chain would take.
pub(super) fn raised(old: Price, number: u32, market: Fees, ceiling: u128) -> Option<Price> {
    let step = |price: u128| price.div_ceil(RAISE);
    let least = |price: u128| price.saturating_add(step(price));
    let wish =
        |price: u128, asked: u128| price.saturating_add(step(price).saturating_mul(1 << number.min(16))).max(asked);
    let max_fee = wish(old.max_fee, market.max_fee_per_gas).min(ceiling);
    let tip = wish(old.tip, market.max_priority_fee_per_gas).min(max_fee);
    let is_taken = max_fee >= least(old.max_fee) && tip >= least(old.tip) && max_fee >= needed(market);
    is_taken.then_some(Price { max_fee, tip })
}

/// Below this no block of now takes a transaction.
const fn needed(market: Fees) -> u128 {
    market.base_fee_per_gas.saturating_add(market.max_priority_fee_per_gas)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn market(base: u128, tip: u128) -> Fees {
        Fees { base_fee_per_gas: base, max_fee_per_gas: 2 * base + tip, max_priority_fee_per_gas: tip }
    }

    #[test]
    fn a_new_transaction_waits_while_the_chain_asks_for_more_than_the_ceiling() {
        assert_eq!(fresh(market(10, 2), 100), Some(Price { max_fee: 22, tip: 2 }));
        assert_eq!(fresh(market(10, 2), 15), Some(Price { max_fee: 15, tip: 2 }), "no room for a rising base fee");
        assert_eq!(fresh(market(10, 2), 11), None);
    }

    #[test]
    fn each_replacement_doubles_the_step() {
        let old = Price { max_fee: 800, tip: 80 };
        let raises = [0, 1, 2].map(|number| raised(old, number, market(10, 1), u128::MAX).unwrap());
        assert_eq!(raises.map(|price| (price.max_fee, price.tip)), [(900, 90), (1_000, 100), (1_200, 120)]);
        let asked = raised(old, 0, market(1_000, 500), u128::MAX).unwrap();
        assert_eq!((asked.max_fee, asked.tip), (2_500, 500), "the market asks for more");
    }

    proptest! {
        #[test]
        fn a_replacement_is_an_eighth_dearer_and_never_above_the_ceiling(
            max_fee in 1..1_000_000u128,
            part in 0..=100u128,
            base in 0..1_000_000u128,
            tip in 0..1_000_000u128,
            number in 0..20u32,
            ceiling in 1..2_000_000u128,
        ) {
            let old = Price { max_fee, tip: max_fee * part / 100 };
            if let Some(new) = raised(old, number, market(base, tip), ceiling) {
                prop_assert!(new.max_fee <= ceiling && new.tip <= new.max_fee);
                prop_assert!(new.max_fee * 8 >= old.max_fee * 9 && new.tip * 8 >= old.tip * 9);
                prop_assert!(new.max_fee >= base + tip);
            }
        }
    }
}
