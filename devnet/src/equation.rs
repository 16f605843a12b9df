//! Where all $ERA is, term by term (I4): a pure function of supplies and of what was logged.

use std::{collections::BTreeMap, fmt};

use alloy::primitives::U256;
use metalayer_proto::ids::ChainId;
use serde::Serialize;

use crate::{
    audit::{Course, History, State},
    era::{ERA, SUPPLY},
};

/// The terms. Their sum is all that there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Equation {
    /// The supply on each chain; fees in escrow are part of it.
    pub on_chains: BTreeMap<ChainId, Units>,
    /// Sent, and not settled.
    pub under_way: Units,
    /// Failed, and waiting for a retry or a refusal.
    pub failed: Units,
    /// Refused, and the refusal not home yet.
    pub refused: Units,
    /// Void or home, and not reclaimed yet.
    pub to_reclaim: Units,
}

impl Equation {
    /// The equation of these supplies and messages.
    pub fn of(on_chains: BTreeMap<ChainId, U256>, history: &History) -> Self {
        let courses = Course::of_all(history);
        let none = Course::default();
        let on_chains = on_chains.into_iter().map(|(chain, supply)| (chain, Units(supply))).collect();
        let mut equation = Self { on_chains, ..Self::default() };
        for one in &history.sent {
            let course = courses.get(&one.id).unwrap_or(&none);
            let term = match course.state() {
                State::Delivered => continue,
                State::Voided | State::Refused if course.values_back > 0 => continue,
                State::UnderWay => &mut equation.under_way,
                State::Failed => &mut equation.failed,
                State::Refused if !course.home => &mut equation.refused,
                State::Voided | State::Refused => &mut equation.to_reclaim,
            };
            term.0 = term.0.saturating_add(one.burnt);
        }
        equation
    }

    /// By how much the terms miss all that there is.
    pub fn off(&self) -> U256 {
        let terms = self.on_chains.values().chain([&self.under_way, &self.failed, &self.refused, &self.to_reclaim]);
        let sum = terms.fold(U256::ZERO, |sum, term| sum.saturating_add(term.0));
        sum.abs_diff(SUPPLY)
    }
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on_chains = self.on_chains.iter().map(|(chain, supply)| (*supply, format!("on {chain}")));
        let elsewhere = [
            (self.under_way, "sent and unsettled"),
            (self.failed, "failed"),
            (self.refused, "refused and not home"),
            (self.to_reclaim, "void or home, not reclaimed"),
        ];
        let elsewhere = elsewhere.map(|(units, what)| (units, what.to_owned()));
        for (number, (units, what)) in on_chains.chain(elsewhere).enumerate() {
            writeln!(f, "{} {units} $ERA {what}", if number == 0 { " " } else { "+" })?;
        }
        write!(f, "= {} $ERA, off by {} units", Units(SUPPLY), self.off())
    }
}

/// So much $ERA, in the smallest unit. People read it in $ERA to the last unit, programs as a decimal number of units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units(pub U256);

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

impl Serialize for Units {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::{Address, B256};
    use metalayer_proto::ids::{GatewayId, LaneId, MessageId};

    use super::*;
    use crate::audit::{Fate, Homecoming, Outcome, Place, Return, Sent};

    fn chain(id: u64) -> ChainId {
        ChainId::new(id).unwrap()
    }

    fn gateway(id: u64) -> GatewayId {
        GatewayId { chain: chain(id), gateway: Address::repeat_byte(9) }
    }

    /// The message of this number, for which a one followed by as many zeros was burnt.
    fn sent(number: u8) -> Sent {
        Sent {
            id: MessageId(B256::with_last_byte(number)),
            lane: LaneId { origin: gateway(900), destination: gateway(901) },
            sequence: number.into(),
            waits_for: None,
            block: 1,
            transaction: B256::repeat_byte(number),
            burnt: U256::from(10_u64.pow(number.into())),
        }
    }

    fn outcome(number: u8, fate: Fate) -> Outcome {
        let id = MessageId(B256::with_last_byte(number));
        let place = Place { block: 5, log_index: number.into() };
        Outcome { id, destination: chain(901), origin: gateway(900), fate, place }
    }

    fn back(number: u8, homecoming: Homecoming) -> Return {
        Return { id: MessageId(B256::with_last_byte(number)), origin: chain(900), homecoming }
    }

    /// One message in each place where its value can be.
    fn history() -> History {
        let reclaim = Homecoming::Reclaim { value: true, fee: false };
        History {
            sent: (0..8).map(sent).collect(),
            outcomes: vec![
                outcome(0, Fate::Delivered),
                outcome(1, Fate::Failed),
                outcome(2, Fate::Voided),
                outcome(4, Fate::Failed),
                outcome(4, Fate::Refused),
                outcome(5, Fate::Refused),
                outcome(6, Fate::Refused),
                outcome(7, Fate::Voided),
            ],
            returns: vec![
                back(5, Homecoming::Refusal),
                back(6, Homecoming::Refusal),
                back(6, reclaim),
                back(7, reclaim),
            ],
        }
    }

    /// Its equation; the supplies are what it leaves, with so many units on the hub.
    fn equation(on_hub: U256) -> Equation {
        Equation::of(BTreeMap::from([(chain(900), on_hub), (chain(901), U256::from(1))]), &history())
    }

    /// What numbers 1 to 5 hold, and the unit that was delivered.
    const NOT_ON_HUB: U256 = alloy::primitives::uint!(111_111_U256);

    #[test]
    fn each_message_stands_in_its_term() {
        let equation = equation(SUPPLY - NOT_ON_HUB);
        let terms = [equation.under_way, equation.failed, equation.refused, equation.to_reclaim];
        assert_eq!(terms, [1_000, 10, 10_000, 100_100].map(|units| Units(U256::from(units))));
        assert_eq!(equation.off(), U256::ZERO);
    }

    #[test]
    fn one_unit_too_many_or_too_few_is_off_by_one() {
        let one = U256::from(1);
        assert_eq!(equation(SUPPLY - NOT_ON_HUB + one).off(), one);
        assert_eq!(equation(SUPPLY - NOT_ON_HUB - one).off(), one);
    }

    #[test]
    fn a_failure_that_was_retried_is_delivered() {
        let history = History {
            sent: vec![sent(1)],
            outcomes: vec![outcome(1, Fate::Failed), outcome(1, Fate::Delivered)],
            returns: Vec::new(),
        };
        assert_eq!(Equation::of(BTreeMap::new(), &history), Equation::default());
    }

    #[test]
    fn a_fee_that_comes_back_is_not_the_value() {
        let fee = back(2, Homecoming::Reclaim { value: false, fee: true });
        let history = History { sent: vec![sent(2)], outcomes: vec![outcome(2, Fate::Voided)], returns: vec![fee] };
        assert_eq!(Equation::of(BTreeMap::new(), &history).to_reclaim, Units(U256::from(100)));
    }

    #[test]
    fn units_are_written_to_the_last_one_for_people_and_as_decimals_for_programs() {
        let shown = |units: U256| Units(units).to_string();
        assert_eq!(
            [shown(ERA), shown(ERA + U256::from(10)), shown(U256::from(1))],
            ["1", "1.00000000000000001", "0.000000000000000001"]
        );
        let json = serde_json::to_string(&Units(ERA + U256::from(10))).unwrap();
        assert_eq!(json, "\"1000000000000000010\"");
    }
}
