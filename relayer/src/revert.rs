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
        let (reason, detail) = match Error::abi_decode(data) {
            Ok(error) => told(&error),
            Err(_) => ("would_revert", problem.to_owned()),
        };
        Self { reason, detail }
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

fn told(error: &Error) -> (&'static str, String) {
    match error {
        Error::NotFailed(_) => (
            "not_failed",
            "its destination has no failure of it: it was never tried, or is delivered or refused by now".to_owned(),
        ),
        Error::StillFailing(error) => ("still_failing", format!("its recipient fails again, with {}", error.reason)),
        Error::NotRefusable(_) => ("not_refusable", "governance and control are retried, never refused".to_owned()),
        Error::RefusedTooEarly(error) => (
            "refused_too_early",
            format!("it may be refused seven days after it failed first: from {} on (Unix seconds)", error.refusableAt),
        ),
        Error::GasTooLow(error) => ("too_much_gas", format!("it needs {} gas", error.needed)),
        Error::NotRefused(_) => ("not_refused", "its refusal is not home yet".to_owned()),
        Error::LeafNotProven(_) => ("leaf_not_proven", "its leaf does not lead to the root".to_owned()),
        Error::LaneNotProven(_) => ("lane_not_proven", "its lane does not lead to the lanes root".to_owned()),
        Error::LaneEmpty(_) => ("lane_empty", "nothing was ever sent on the lane".to_owned()),
        Error::FactNotProven(_) => ("fact_not_proven", "the facts do not say so".to_owned()),
        Error::NothingReclaimed(_) => (
            "nothing_reclaimed",
            "nothing is given back: nothing is due, all of it was given before, or the module or the token fails"
                .to_owned(),
        ),
        Error::NothingToClaim(_) => ("nothing_to_claim", "all of it was paid before, or nothing is left".to_owned()),
        Error::NotThisGateway(_) => ("not_this_gateway", "it is another gateway's message".to_owned()),
        Error::DirectionFrozen(_) => ("direction_frozen", "the gateway is frozen; ask again when it is not".to_owned()),
    }
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
