//! Amounts of $ERA as people write them.

use std::{fmt, str::FromStr};

use alloy::primitives::{U256, utils};

/// An amount of $ERA, in its smallest unit (18 decimals); written as a decimal, such as `0.05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Era(pub(super) U256);

/// Text that is no amount of $ERA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no amount of $ERA")]
pub(super) struct InvalidEra;

impl FromStr for Era {
    type Err = InvalidEra;

    fn from_str(text: &str) -> Result<Self, InvalidEra> {
        // The library takes signs, and cuts off what lies below the smallest unit.
        let (_, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_plain = text.starts_with(|first: char| first.is_ascii_digit())
            && text.chars().all(|one| one.is_ascii_digit() || one == '.')
            && (1..=18).contains(&decimals.len());
        if !is_plain {
            return Err(InvalidEra);
        }
        utils::parse_ether(text).map(Self).map_err(|_| InvalidEra)
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = utils::format_ether(self.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{} ERA", if text.is_empty() { "0" } else { text })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_shown_is_what_was_written(units: u128) {
            let shown = Era(U256::from(units)).to_string();
            prop_assert_eq!(shown.trim_end_matches(" ERA").parse::<Era>().unwrap().0, U256::from(units));
        }
    }

    #[test]
    fn amounts_are_decimals_and_nothing_else() {
        assert_eq!("1.5".parse(), Ok(Era(U256::from(1_500_000_000_000_000_000_u64))));
        assert_eq!("0.000000000000000001".parse(), Ok(Era(U256::from(1))));
        for wrong in ["", "-1", "+1", "1e3", ".5", "1.", "0x10", "1_000", "1.2.3", "0.0000000000000000001", " 1"] {
            assert_eq!(wrong.parse::<Era>(), Err(InvalidEra), "{wrong}");
        }
        let too_much = format!("1{}", "0".repeat(80));
        assert_eq!(too_much.parse::<Era>(), Err(InvalidEra));
    }
}
