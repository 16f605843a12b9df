//! Where all $ERA is, term by term (I4): a pure function of supplies and of what gateways logged.

use std::{collections::BTreeMap, fmt};

use alloy::primitives::U256;
use metalayer_proto::ids::{ChainId, MessageId};
use serde::Serialize;

use crate::{
    audit::{Fate, Outcome, Sent},
    era::{ERA, SUPPLY},
};

/// The terms, in the smallest unit. Their sum is all that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Equation {
    /// The supply on each chain.
    pub on_chains: BTreeMap<ChainId, U256>,
    /// Sent, and neither delivered, failed nor void yet.
    pub under_way: U256,
    /// Failed, and waiting for a retry.
    pub failed: U256,
    /// Void, and waiting to be reclaimed.
    pub voided: U256,
}

impl Equation {
    /// The equation of these supplies and messages.
    pub fn of(on_chains: BTreeMap<ChainId, U256>, sent: &[Sent], outcomes: &[Outcome]) -> Self {
        let mut fates: BTreeMap<MessageId, Vec<Fate>> = BTreeMap::new();
        for outcome in outcomes {
            fates.entry(outcome.id).or_default().push(outcome.fate);
        }
        let mut equation = Self { on_chains, under_way: U256::ZERO, failed: U256::ZERO, voided: U256::ZERO };
        for one in sent {
            let fates = fates.get(&one.id).map_or(&[][..], Vec::as_slice);
            let term = match fates {
                [] => &mut equation.under_way,
                _ if fates.contains(&Fate::Delivered) => continue,
                _ if fates.contains(&Fate::Failed) => &mut equation.failed,
                _ => &mut equation.voided,
            };
            *term = term.saturating_add(one.amount);
        }
        equation
    }

    /// By how much the terms miss all that there is.
    pub fn off(&self) -> U256 {
        let terms = self.on_chains.values().chain([&self.under_way, &self.failed, &self.voided]);
        let sum = terms.fold(U256::ZERO, |sum, term| sum.saturating_add(*term));
        sum.abs_diff(SUPPLY)
    }
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$ERA:")?;
        for (chain, supply) in &self.on_chains {
            write!(f, " {} on {} +", Units(*supply), chain.get())?;
        }
        let terms = [(self.under_way, "under way"), (self.failed, "failed"), (self.voided, "void")];
        let terms: Vec<_> = terms.iter().map(|(units, what)| format!("{} {what}", Units(*units))).collect();
        write!(f, " {} = {}, off by {}", terms.join(" + "), Units(SUPPLY), Units(self.off()))
    }
}

/// Units as people write $ERA, to the last one.
struct Units(U256);

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = self.0.div_rem(ERA);
        if rest.is_zero() {
            return write!(f, "{whole}");
        }
        let digits = format!("{:0>18}", rest.to_string());
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::{Address, B256};
    use metalayer_proto::ids::{GatewayId, LaneId};

    use super::*;
    use crate::audit::Place;

    fn chain(id: u64) -> ChainId {
        ChainId::new(id).unwrap()
    }

    fn gateway(id: u64) -> GatewayId {
        GatewayId { chain: chain(id), gateway: Address::repeat_byte(9) }
    }

    fn sent(number: u8, amount: u64) -> Sent {
        Sent {
            id: MessageId(B256::with_last_byte(number)),
            lane: LaneId { origin: gateway(900), destination: gateway(901) },
            sequence: number.into(),
            waits_for: None,
            recipient: Address::repeat_byte(1),
            block: 1,
            amount: U256::from(amount),
        }
    }

    fn outcome(number: u8, fate: Fate) -> Outcome {
        let id = MessageId(B256::with_last_byte(number));
        let place = Place { block: 5, log_index: number.into() };
        Outcome { id, destination: chain(901), origin: gateway(900), fate, place }
    }

    /// One message of each fate, with 1, 10, 100 and 1,000 units; the supplies are what they leave.
    fn equation(on_hub: U256) -> Equation {
        let sent = [sent(0, 1), sent(1, 10), sent(2, 100), sent(3, 1_000)];
        let outcomes = [outcome(0, Fate::Delivered), outcome(1, Fate::Failed), outcome(2, Fate::Voided)];
        Equation::of(BTreeMap::from([(chain(900), on_hub), (chain(901), U256::from(1))]), &sent, &outcomes)
    }

    #[test]
    fn each_message_stands_in_its_term() {
        let equation = equation(SUPPLY - U256::from(1_111));
        let terms = [equation.under_way, equation.failed, equation.voided];
        assert_eq!(terms, [1_000, 10, 100].map(|units| U256::from(units)));
        assert_eq!(equation.off(), U256::ZERO);
    }

    #[test]
    fn one_unit_too_many_or_too_few_is_off_by_one() {
        assert_eq!(equation(SUPPLY - U256::from(1_110)).off(), U256::from(1));
        assert_eq!(equation(SUPPLY - U256::from(1_112)).off(), U256::from(1));
    }

    #[test]
    fn a_failure_that_was_retried_is_delivered() {
        let outcomes = [outcome(1, Fate::Failed), outcome(1, Fate::Delivered)];
        let equation = Equation::of(BTreeMap::new(), &[sent(1, 10)], &outcomes);
        assert_eq!((equation.failed, equation.under_way), (U256::ZERO, U256::ZERO));
    }

    #[test]
    fn units_are_written_to_the_last_one() {
        let shown = |units: U256| Units(units).to_string();
        assert_eq!(
            [shown(ERA), shown(ERA + U256::from(10)), shown(U256::from(1))],
            ["1", "1.00000000000000001", "0.000000000000000001"]
        );
    }
}
