//! Why a gateway will not do what it is called for, read from what the call reverts with.

use std::fmt;

use abi::Gateway::GatewayErrors as Error;
use alloy::{primitives::Bytes, sol_types::SolInterface};

#[allow(clippy::too_many_arguments, missing_docs, reason = "declared in Solidity, documented there")]
mod abi {
    alloy::sol! {
        /// contracts/src/interfaces/IGateway.sol
        interface Gateway {
            error NotFailed(bytes32 id);
            error StillFailing(bytes32 reason);
            error NotRefusable(uint8 kind);
            error RefusedTooEarly(uint256 refusableAt);
            error GasTooLow(uint256 needed);
            error NotRefused(bytes32 id);
            error LeafNotProven();
            error LaneNotProven();
            error LaneEmpty();
            error FactNotProven();
            error NothingReclaimed(bytes32 id);
            error NothingToClaim();
            error NotThisGateway();
            error DirectionFrozen(uint8 direction);
        }
    }
}

/// Why a call reverts: a word for metrics and dead letters, and the same for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revert {
    /// A stable word.
    pub reason: &'static str,
    detail: String,
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Revert {
    /// What `data` says; `problem` are the node's own words, for what is no error of the gateway.
    pub fn read(data: &Bytes, problem: &str) -> Self {
        match Error::abi_decode(data) {
            Ok(error) => Self { reason: reason(&error), detail: detail(&error) },
            Err(_) => Self { reason: "would_revert", detail: problem.to_owned() },
        }
    }

    /// It reverted, and the node does not say why.
    pub(crate) fn untold() -> Self {
        Self { reason: "transaction_reverts", detail: "its transaction reverted, and nothing says why".to_owned() }
    }

    /// It wants more gas than a transaction may use.
    pub(crate) fn too_much_gas(gas: u64) -> Self {
        Self { reason: "too_much_gas", detail: format!("{gas} gas is more than one transaction may use") }
    }
}

/// The word for an error of the gateway.
const fn reason(error: &Error) -> &'static str {
    match error {
        Error::NotFailed(_) => "not_failed",
        Error::StillFailing(_) => "still_failing",
        Error::NotRefusable(_) => "not_refusable",
        Error::RefusedTooEarly(_) => "refused_too_early",
        Error::GasTooLow(_) => "too_much_gas",
        Error::NotRefused(_) => "not_refused",
        Error::LeafNotProven(_) => "leaf_not_proven",
        Error::LaneNotProven(_) => "lane_not_proven",
        Error::LaneEmpty(_) => "lane_empty",
        Error::FactNotProven(_) => "fact_not_proven",
        Error::NothingReclaimed(_) => "nothing_reclaimed",
        Error::NothingToClaim(_) => "nothing_to_claim",
        Error::NotThisGateway(_) => "not_this_gateway",
        Error::DirectionFrozen(_) => "direction_frozen",
    }
}

fn detail(error: &Error) -> String {
    let fixed = match error {
        Error::StillFailing(error) => return format!("its recipient fails again, with {}", error.reason),
        Error::RefusedTooEarly(error) => {
            let from = error.refusableAt;
            return format!("it may be refused seven days after it failed first: from {from} on (Unix seconds)");
        }
        Error::GasTooLow(error) => return format!("it needs {} gas", error.needed),
        Error::NotFailed(_) => {
            "its destination has no failure of it: it was never tried, or is delivered or refused by now"
        }
        Error::NotRefusable(_) => "governance and control are retried, never refused",
        Error::NotRefused(_) => "its refusal is not home yet",
        Error::LeafNotProven(_) => "its leaf does not lead to the root",
        Error::LaneNotProven(_) => "its lane does not lead to the lanes root",
        Error::LaneEmpty(_) => "nothing was ever sent on the lane",
        Error::FactNotProven(_) => "the facts do not say so",
        Error::NothingReclaimed(_) => {
            "nothing is given back: nothing is due, all of it was given before, or the module or the token fails"
        }
        Error::NothingToClaim(_) => "all of it was paid before, or nothing is left",
        Error::NotThisGateway(_) => "it is another gateway's message",
        Error::DirectionFrozen(_) => "the gateway is frozen; ask again when it is not",
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::{
        primitives::{B256, U256},
        sol_types::SolError,
    };

    use super::*;
    use crate::testing::declared;

    #[test]
    fn all_errors_are_the_gateways_own() {
        let declared: Vec<_> = declared("error").iter().map(|hash| hash[..4].to_vec()).collect();
        assert!(Error::SELECTORS.iter().all(|selector| declared.contains(&selector.to_vec())));
    }

    #[test]
    fn each_error_of_the_gateway_has_its_word() {
        let word = |data: Vec<u8>| Revert::read(&data.into(), "the node's words").reason;
        assert_eq!(word(abi::Gateway::NotFailed { id: B256::ZERO }.abi_encode()), "not_failed");
        assert_eq!(word(abi::Gateway::NothingToClaim {}.abi_encode()), "nothing_to_claim");
        let early = abi::Gateway::RefusedTooEarly { refusableAt: U256::from(77) }.abi_encode();
        let early = Revert::read(&early.into(), "");
        assert_eq!(early.reason, "refused_too_early");
        assert!(early.to_string().contains("from 77 on"), "{early}");
    }

    #[test]
    fn what_is_no_error_of_the_gateway_keeps_the_nodes_words() {
        for data in [&b""[..], b"\x01\x02\x03\x04", b"\x01"] {
            let revert = Revert::read(&data.to_vec().into(), "out of gas");
            assert_eq!((revert.reason, revert.to_string().as_str()), ("would_revert", "out of gas"));
        }
    }
}
