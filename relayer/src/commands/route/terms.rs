//! A route's terms, for people and for programs.

use std::fmt;

use alloy::primitives::{Address, U256};
use metalayer_proto::{facts::Route, message::Kind};
use serde::Serialize;

use crate::commands::era::Era;

/// The terms of a route. Amounts are decimals of $ERA's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Terms {
    gateway: Address,
    kinds: Vec<Kind>,
    payload_bytes_max: u16,
    gas_max: u32,
    value_max: String,
    fee_base: String,
    fee_per_byte: String,
    fee_per_gas: String,
    #[serde(skip)]
    route: Route,
}

impl Terms {
    pub(super) fn of(route: &Route) -> Self {
        Self {
            gateway: route.gateway,
            kinds: Kind::ALL.into_iter().filter(|kind| route.allows(*kind)).collect(),
            payload_bytes_max: route.bytes_max,
            gas_max: route.gas_max,
            value_max: route.value_max.to_string(),
            fee_base: route.fee_base.to_string(),
            fee_per_byte: route.fee_per_byte.to_string(),
            fee_per_gas: route.fee_per_gas.to_string(),
            route: *route,
        }
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Route { bytes_max, gas_max, value_max, fee_base, fee_per_byte, fee_per_gas, .. } = self.route;
        let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        let era = Era;
        write!(
            f,
            "{}; at most {bytes_max} bytes, {gas_max} gas, {}; fee {} + {} a byte + {} a gas",
            kinds.join(", "),
            era(U256::from(value_max)),
            era(U256::from(fee_base)),
            era(U256::from(fee_per_byte)),
            era(U256::from(fee_per_gas)),
        )
    }
}
